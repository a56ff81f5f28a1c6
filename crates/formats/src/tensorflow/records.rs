//! Files of records, as `TensorFlow` writes examples, requests to warm a server up, and the logs of
//! `TensorBoard`: each record with its length and a checksum of both.
//!
//! Source: `tensorflow/core/lib/io/record_writer.h`.

use crate::sstable::masked;
use davy_artifact::{Fact, Format, Input, Probe, Quirk, Reading, Route, Site, Value};
use davy_bytes::{Budget, Bytes, Cursor, Halt, Span, to_usize};

/// Bytes in front of a record: its length, and the checksum of that.
const HEAD: u64 = 12;
/// Bytes behind a record: its checksum.
const TAIL: u64 = 4;
/// Bytes of a record whose checksum is compared, and of all such records together.
const RECORD: u64 = 1 << 20;
const RECORDS: u64 = 64 << 20;
/// Checksums that do not fit and that are told one by one.
const TOLD: u64 = 16;

/// The reader of such files.
#[derive(Debug)]
pub struct Records;

impl Format for Records {
    fn id(&self) -> &'static str {
        "tf-records"
    }

    fn summary(&self) -> &'static str {
        "TFRecord files: examples, requests and logs, with the checksum of each record"
    }

    fn probe(&self, head: &[u8], input: &Input<'_>) -> Probe {
        let Some((length, sum)) = head.split_at_checked(8) else { return Probe::No };
        let Some(sum) = sum.first_chunk::<4>() else { return Probe::No };
        if u32::from_le_bytes(*sum) != masked(length) {
            return Probe::No;
        }
        let is_there = length_of(length).saturating_add(HEAD + TAIL) <= input.bytes.len();
        if is_there { Probe::Certain } else { Probe::Possible }
    }

    fn read(
        &self,
        input: &Input<'_>,
        reading: &mut Reading,
        budget: &mut Budget,
    ) -> Result<(), Halt> {
        let mut records = 0_i64;
        let read = walk(input.bytes, &mut records, (reading, budget));
        let site = Site { span: Span::new(0, input.bytes.len()), route: Route::None };
        let (owner, name, value) = (String::new(), "records".to_owned(), Value::Int(records));
        reading.fact(Fact::Attribute { owner, name, value, site });
        reading.seamless = read.is_ok();
        read
    }
}

fn walk(
    bytes: &Bytes,
    records: &mut i64,
    (reading, budget): (&mut Reading, &mut Budget),
) -> Result<(), Halt> {
    let mut cursor = Cursor::new(bytes.clone());
    let (mut left, mut wrong) = (RECORDS, 0_u64);
    while cursor.remaining() > 0 {
        let at = cursor.position();
        budget.spend_steps(1, at)?;
        let head: [u8; 8] = cursor.array("length of a record")?;
        if cursor.u32_le("checksum of a length")? != masked(&head) {
            return Err(Halt::malformed(at, "a length whose checksum does not fit"));
        }
        let length = length_of(&head);
        if length.saturating_add(TAIL) > cursor.remaining() {
            let what = format!("a record of {length} bytes, where {} are left", cursor.remaining());
            return Err(Halt::malformed(at, what));
        }
        let is_compared = length <= RECORD.min(left);
        let sum = if is_compared {
            left = left.saturating_sub(length);
            Some(masked(cursor.take(to_usize(length), "record")?))
        } else {
            cursor.skip(length, "record")?;
            None
        };
        let says = cursor.u32_le("checksum of a record")?;
        if sum.is_some_and(|sum| sum != says) {
            wrong = wrong.saturating_add(1);
            if wrong <= TOLD {
                let span = Span::between(at, cursor.position());
                let what = format!("the checksum of record {records} does not fit");
                reading.deviation(Quirk::WrongChecksum, span, Route::None, &what);
            }
        }
        *records = records.saturating_add(1);
    }
    Ok(())
}

fn length_of(bytes: &[u8]) -> u64 {
    bytes.first_chunk::<8>().map_or(u64::MAX, |bytes| u64::from_le_bytes(*bytes))
}
