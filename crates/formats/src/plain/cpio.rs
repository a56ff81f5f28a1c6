//! cpio archives in the portable formats: old ASCII (`odc`), new ASCII with and without checksum
//! (`cpio(5)`).

use super::{Member, push, rest};
use crate::zip::names::Labels;
use davy_artifact::{Format, Input, Probe, Quirk, Reading, Route};
use davy_bytes::{Budget, Halt, Span, to_u64, to_usize};

/// Name of the member that ends an archive.
const END: &[u8] = b"TRAILER!!!";

/// The longest name that is read.
const NAME_LIMIT: u64 = 1 << 16;

/// The reader of cpio archives.
#[derive(Debug)]
pub struct Cpio;

impl Format for Cpio {
    fn id(&self) -> &'static str {
        "cpio"
    }

    fn summary(&self) -> &'static str {
        "cpio archives in the portable formats"
    }

    fn probe(&self, head: &[u8], _: &Input<'_>) -> Probe {
        if header(head).is_some() { Probe::Certain } else { Probe::No }
    }

    fn read(
        &self,
        input: &Input<'_>,
        reading: &mut Reading,
        budget: &mut Budget,
    ) -> Result<(), Halt> {
        let bytes = input.bytes;
        let mut labels = Labels::default();
        let mut at = 0_u64;
        while at < bytes.len() {
            budget.spend_steps(1, at)?;
            let block = bytes.copy(Span::new(at, 110), 110)?;
            let Some(header) = header(&block) else {
                return Err(Halt::malformed(at, "no header of a member, and no end"));
            };
            let name_at = at.saturating_add(header.len);
            if header.name > NAME_LIMIT {
                return Err(Halt::malformed(at, "a name of more than 64 KiB"));
            }
            let name = bytes.copy(Span::new(name_at, header.name), to_usize(NAME_LIMIT))?;
            let name = name.split(|byte| *byte == 0).next().unwrap_or_default().to_vec();
            let start = header.aligned(name_at.saturating_add(header.name));
            let end = start.saturating_add(header.size);
            let next = header.aligned(end);
            if name == END {
                return rest(next.min(bytes.len()), "archive", bytes, reading);
            }
            let data = Span::between(start.min(bytes.len()), end.min(bytes.len()));
            let span = Span::new(at, to_u64(block.len()).min(header.len));
            let member = Member { name, header: span, data, size: header.size, mode: header.mode };
            push(&member, bytes, &mut labels, (&mut *reading, &*budget))?;
            at = next;
        }
        let what = "no member says that the archive ends here";
        reading.deviation(Quirk::Truncated, Span::new(bytes.len(), 0), Route::None, what);
        Ok(())
    }
}

/// What a header says.
struct Header {
    len: u64,
    name: u64,
    size: u64,
    mode: u64,
    /// What names and data are padded to.
    unit: u64,
}

impl Header {
    fn aligned(&self, at: u64) -> u64 {
        at.checked_next_multiple_of(self.unit).unwrap_or(u64::MAX)
    }
}

fn header(block: &[u8]) -> Option<Header> {
    let number = |at: usize, len: usize, radix| {
        let field = block.get(at..at.checked_add(len)?)?;
        let digits = field.iter().all(u8::is_ascii_hexdigit);
        u64::from_str_radix(std::str::from_utf8(field).ok().filter(|_| digits)?, radix).ok()
    };
    match block.get(..6)? {
        b"070707" => Some(Header {
            len: 76,
            name: number(59, 6, 8)?,
            size: number(65, 11, 8)?,
            mode: number(18, 6, 8)?,
            unit: 1,
        }),
        b"070701" | b"070702" => Some(Header {
            len: 110,
            name: number(94, 8, 16)?,
            size: number(54, 8, 16)?,
            mode: number(14, 8, 16)?,
            unit: 4,
        }),
        _ => None,
    }
}
