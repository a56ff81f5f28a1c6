//! Importance matrices of llama.cpp from before they were GGUF: names of tensors, and how much each
//! of their columns matters (`tools/imatrix`, `save_imatrix_legacy`).

use super::claim;
use davy_artifact::{Fact, Format, Input, Probe, Quirk, Reading, Role, Route, Site, Tensor};
use davy_bytes::{Budget, Cursor, Halt, Span, to_usize};

/// Entries that a file has at most; models have fewer tensors.
const ENTRIES: u32 = 1 << 16;

/// The longest name.
const NAME: u32 = 256;

/// What every name ends in.
const END: &[u8] = b".weight";

/// The reader of importance matrices.
#[derive(Debug)]
pub struct Imatrix;

impl Format for Imatrix {
    fn id(&self) -> &'static str {
        "imatrix"
    }

    fn summary(&self) -> &'static str {
        "importance matrices of llama.cpp, in their form before GGUF"
    }

    fn probe(&self, head: &[u8], _: &Input<'_>) -> Probe {
        let number = |at: usize| {
            let bytes = head.get(at..)?.first_chunk::<4>()?;
            Some(u32::from_le_bytes(*bytes))
        };
        let (Some(entries), Some(length)) = (number(0), number(4)) else { return Probe::No };
        if !(1..ENTRIES).contains(&entries) || !(8..NAME).contains(&length) {
            return Probe::No;
        }
        let name = head.get(8..).and_then(|rest| rest.get(..to_usize(u64::from(length))));
        match name.is_some_and(|name| name.ends_with(END) && name.is_ascii()) {
            true => Probe::Certain,
            false => Probe::No,
        }
    }

    fn read(
        &self,
        input: &Input<'_>,
        reading: &mut Reading,
        budget: &mut Budget,
    ) -> Result<(), Halt> {
        let mut cursor = Cursor::new(input.bytes.clone());
        let entries = cursor.u32_le("number of entries")?;
        for _ in 0..entries {
            budget.spend_steps(1, cursor.position())?;
            entry(&mut cursor, reading)?;
        }
        tail(&mut cursor, reading)?;
        let rest = Span::between(cursor.position(), input.bytes.len());
        if rest.len > 0 {
            let what = format!("{} bytes behind the end of the matrix", rest.len);
            reading.deviation(Quirk::BytesAfterEnd, rest, Route::None, &what);
            let name = format!("@suffix@{:#x}", rest.start);
            reading.child(name, input.bytes.slice(rest), Role::Leftover);
        }
        reading.seamless = rest.len == 0;
        Ok(())
    }
}

fn entry(cursor: &mut Cursor, reading: &mut Reading) -> Result<(), Halt> {
    let at = cursor.position();
    let length = cursor.u32_le("length of a name")?;
    if length > NAME {
        return Err(Halt::malformed(at, "a name longer than any"));
    }
    let name = cursor.take(to_usize(u64::from(length)), "name")?;
    let name = String::from_utf8_lossy(name).into_owned();
    cursor.skip(4, "number of calls")?;
    let start = cursor.position();
    let count = u64::from(cursor.u32_le("number of values")?);
    let route = Route::Tensor(name.clone());
    let size = count.saturating_mul(4);
    if size > cursor.remaining() {
        let left = cursor.remaining();
        let what = format!("{count} values are claimed, where {left} bytes are left");
        reading.deviation(claim(size), Span::new(start, 4), route.clone(), &what);
    }
    let span = cursor.skip(size, "values")?;
    let tensor = Tensor {
        storage: name,
        dtype: "F32".to_owned(),
        elements: count,
        offset: 0,
        size: vec![i64::try_from(count).unwrap_or(i64::MAX)],
        stride: Vec::new(),
    };
    reading.fact(Fact::Tensor { tensor, site: Site { span, route } });
    Ok(())
}

/// The last call and the name of the text, which older files have not.
fn tail(cursor: &mut Cursor, reading: &mut Reading) -> Result<(), Halt> {
    if cursor.remaining() < 8 {
        return Ok(());
    }
    cursor.skip(4, "last call")?;
    let length = u64::from(cursor.u32_le("length of the name of a text")?);
    let name = cursor.skip(length, "name of a text")?;
    let text = cursor.bytes().copy(name, 1024)?;
    let target = String::from_utf8_lossy(&text).into_owned();
    let value = davy_artifact::Value::Text(davy_artifact::Excerpt::whole(target));
    let site = Site { span: name, route: Route::None };
    let (owner, name) = (String::new(), "dataset".to_owned());
    reading.fact(Fact::Attribute { owner, name, value, site });
    Ok(())
}
