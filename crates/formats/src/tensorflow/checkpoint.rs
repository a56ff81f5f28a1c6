//! Checkpoints: the directory of variables (`.index`, or all of a checkpoint of version 1), and the
//! shards with their bytes.

use super::node::{self, text};
use super::{elements, table, value};
use crate::protobuf::{Message, Wire};
use crate::sstable::{self, Block, Item};
use davy_artifact::{Fact, Format, Input, Probe, Quirk, Reading, Route, Site, Tensor, Value};
use davy_bytes::{Budget, Bytes, Halt, Span};

/// Variables that are told one by one; more are counted.
const TOLD: u64 = 50_000;
/// Shards that are told of.
const SHARDS: i64 = 4096;
/// Places of variables that are compared with each other.
const PLACES: usize = 1 << 22;
/// Bytes of the first block of a checkpoint of version 1 that are read: its list of variables.
const META: u64 = 256 << 20;

/// The directory of a checkpoint.
#[derive(Debug)]
pub struct Checkpoint;

/// A shard of a checkpoint: the bytes of its variables one behind the other.
#[derive(Debug)]
pub struct Data;

impl Format for Checkpoint {
    fn id(&self) -> &'static str {
        "tf-checkpoint"
    }

    fn summary(&self) -> &'static str {
        "TensorFlow checkpoints: variables, their shapes and places (tables of LevelDB)"
    }

    fn probe(&self, _: &[u8], input: &Input<'_>) -> Probe {
        if sstable::is_table(input.bytes) { Probe::Certain } else { Probe::No }
    }

    fn read(
        &self,
        input: &Input<'_>,
        reading: &mut Reading,
        budget: &mut Budget,
    ) -> Result<(), Halt> {
        let (index, spans) = sstable::blocks(input.bytes, budget)?;
        let name = input.name.rsplit(['/', '!']).next().unwrap_or_default();
        let mut bundle = Bundle::new(input.bytes, name.strip_suffix(".index"));
        bundle.check(&index, reading);
        let read = bundle.read(&spans, (reading, budget));
        bundle.finish(reading);
        read
    }
}

impl Format for Data {
    fn id(&self) -> &'static str {
        "tf-checkpoint-data"
    }

    fn summary(&self) -> &'static str {
        "shards of TensorFlow checkpoints: plain bytes of variables"
    }

    fn probe(&self, _: &[u8], input: &Input<'_>) -> Probe {
        // Nothing in the bytes tells what they are; the index beside them does.
        if shard(input.name).is_some() { Probe::Possible } else { Probe::No }
    }

    fn read(&self, input: &Input<'_>, reading: &mut Reading, _: &mut Budget) -> Result<(), Halt> {
        let Some((number, count)) = shard(input.name) else { return Ok(()) };
        for (name, value) in [("shard", number), ("shards", count)] {
            let site = Site { span: Span::new(0, input.bytes.len()), route: Route::None };
            let (owner, name, value) = (String::new(), name.to_owned(), Value::Int(value));
            reading.fact(Fact::Attribute { owner, name, value, site });
        }
        Ok(())
    }
}

/// Number and count of shards in a name like `variables.data-00000-of-00001`.
fn shard(name: &str) -> Option<(i64, i64)> {
    let (_, numbers) = name.rsplit_once(".data-")?;
    let (number, count) = numbers.split_once("-of-")?;
    let parse = |digits: &str| -> Option<i64> {
        let plain = digits.len() == 5 && digits.bytes().all(|byte| byte.is_ascii_digit());
        plain.then(|| digits.parse().ok()).flatten()
    };
    Some((parse(number)?, parse(count)?)).filter(|(number, count)| number < count)
}

/// A directory that is being read.
struct Bundle<'a> {
    bytes: &'a Bytes,
    /// What the names of its shards begin with, where that is known.
    stem: Option<&'a str>,
    shards: Option<i64>,
    variables: u64,
    total: u64,
    /// Shard, place in it, and place of the entry.
    places: Vec<(i64, Span, Span)>,
}

/// An entry as it stands in the table.
#[derive(Default)]
struct Entry {
    dtype: i64,
    dims: Vec<i64>,
    shard: i64,
    offset: i64,
    size: i64,
    slices: u64,
}

impl<'a> Bundle<'a> {
    fn new(bytes: &'a Bytes, stem: Option<&'a str>) -> Self {
        Self { bytes, stem, shards: None, variables: 0, total: 0, places: Vec::new() }
    }

    fn read(
        &mut self,
        spans: &[Span],
        (reading, budget): (&mut Reading, &mut Budget),
    ) -> Result<(), Halt> {
        let mut last: Option<Vec<u8>> = None;
        for (number, span) in spans.iter().enumerate() {
            if number > 0 && self.shards.is_none() {
                // Version 1: behind the list stand the variables themselves.
                return Ok(());
            }
            if number == 0 && span.len > META {
                return Err(Halt::exhausted(span.start, "a list of variables of this size"));
            }
            let block = sstable::block(self.bytes, *span, budget)?;
            self.check(&block, reading);
            let mut items = block.items();
            while let Some(item) = items.next(budget)? {
                if last.as_ref().is_some_and(|last| *last >= item.key) {
                    let what = "keys that are not in order: a reader that searches misses some";
                    reading.deviation(Quirk::LoadersDisagree, item.span, Route::None, what);
                }
                self.item(&item, (reading, budget))?;
                last = Some(item.key);
            }
        }
        Ok(())
    }

    /// Records what is wrong with a block.
    fn check(&self, block: &Block, reading: &mut Reading) {
        if !block.intact {
            let what = "the checksum of a block does not fit";
            reading.deviation(Quirk::WrongChecksum, block.span, Route::None, what);
        }
        if !block.restarts_fit() {
            let what = "a search in a block starts where no entry does";
            reading.deviation(Quirk::OutOfRange, block.span, Route::None, what);
        }
    }

    fn item(
        &mut self,
        item: &Item,
        (reading, budget): (&mut Reading, &mut Budget),
    ) -> Result<(), Halt> {
        let bytes = Bytes::from_memory(item.value.as_slice());
        if item.key.is_empty() {
            return self.header(&bytes, item.span, (reading, budget));
        }
        if self.shards.is_none() {
            return Ok(());
        }
        let shifted = |halt: Halt| halt.shifted(item.span.start);
        let entry = entry(&bytes, budget).map_err(shifted)?;
        let name = String::from_utf8_lossy(&item.key).into_owned();
        self.variable(name, &entry, item.span, reading);
        Ok(())
    }

    /// What the table starts with: how many shards there are, or in version 1 all variables.
    fn header(
        &mut self,
        bytes: &Bytes,
        span: Span,
        (reading, budget): (&mut Reading, &mut Budget),
    ) -> Result<(), Halt> {
        let mut wire = Wire::new(bytes);
        let mut old = Message::whole(bytes, &table::SAVED_TENSOR_SLICES);
        let shifted = |halt: Halt| halt.shifted(span.start);
        while let Some(field) = wire.next(&mut old, budget).map_err(shifted)? {
            if let ("meta", Some(table)) = (field.name(), node::table_of(&field)) {
                let list = old.inside(field.content(), table);
                return self.slices(&mut wire, list, span, (reading, budget));
            }
        }
        // Where nothing is said there is no shard.
        let mut shards = 0;
        let mut header = Message::whole(bytes, &table::BUNDLE_HEADER_PROTO);
        while let Some(field) = wire.next(&mut header, budget).map_err(shifted)? {
            if field.name() == "num_shards" {
                shards = field.int();
            }
        }
        self.shards = Some(shards);
        attribute("shards", shards, span, reading);
        Ok(())
    }

    /// The variables of a checkpoint of version 1.
    fn slices(
        &mut self,
        wire: &mut Wire,
        mut list: Message,
        span: Span,
        (reading, budget): (&mut Reading, &mut Budget),
    ) -> Result<(), Halt> {
        let shifted = |halt: Halt| halt.shifted(span.start);
        while let Some(field) = wire.next(&mut list, budget).map_err(shifted)? {
            let ("tensor", Some(table)) = (field.name(), node::table_of(&field)) else { continue };
            let mut meta = list.inside(field.content(), table);
            let (mut name, mut entry) = (String::new(), Entry { slices: 1, ..Entry::default() });
            while let Some(part) = wire.next(&mut meta, budget).map_err(shifted)? {
                match part.name() {
                    "name" => name = text(wire, &part)?,
                    "type" => entry.dtype = part.int(),
                    "shape" => {
                        entry.dims =
                            value::shape(wire, part.content(), budget)?.unwrap_or_default();
                    }
                    _ => {}
                }
            }
            self.variable(name, &entry, span, reading);
        }
        Ok(())
    }

    /// Tells of a variable, and checks what its entry claims (CVE-2021-41203).
    fn variable(&mut self, name: String, entry: &Entry, span: Span, reading: &mut Reading) {
        self.variables = self.variables.saturating_add(1);
        let route = || Route::Tensor(name.clone());
        let mut wrong = |quirk, what: String| reading.deviation(quirk, span, route(), &what);
        let elements = elements(&entry.dims);
        let dtype = value::type_name(entry.dtype);
        let needed = elements.zip(value::width(entry.dtype)).map(|(n, width)| n.checked_mul(width));
        let place = u64::try_from(entry.offset).ok().zip(u64::try_from(entry.size).ok());
        if dtype.is_none() || entry.dtype == 0 {
            wrong(Quirk::OutOfRange, format!("element type {}", entry.dtype));
        }
        if elements.is_none() {
            wrong(Quirk::OutOfRange, format!("dimensions {:?}", entry.dims));
        }
        if self.shards.is_some_and(|shards| entry.shard < 0 || entry.shard >= shards) {
            let shards = self.shards.unwrap_or_default();
            wrong(Quirk::OutOfRange, format!("shard {} of {shards}", entry.shard));
        }
        match place {
            None => {
                let what = format!("{} bytes from {} on", entry.size, entry.offset);
                wrong(Quirk::OutOfRange, what);
            }
            Some((offset, size)) if entry.slices == 0 => {
                if needed.is_some_and(|needed| needed != Some(size)) {
                    let what = format!("dimensions {:?} in {size} bytes", entry.dims);
                    wrong(Quirk::SizeMismatch, what);
                }
                if size > 0 && self.places.len() < PLACES {
                    self.places.push((entry.shard, Span::new(offset, size), span));
                }
                self.total = self.total.saturating_add(size);
            }
            Some(_) => {}
        }
        if self.variables <= TOLD {
            let tensor = Tensor {
                storage: name.clone(),
                dtype: dtype.unwrap_or("unknown").to_owned(),
                elements: elements.unwrap_or_default(),
                offset: 0,
                size: entry.dims.clone(),
                stride: vec![],
            };
            let route = Route::Tensor(name);
            reading.fact(Fact::Tensor { tensor, site: Site { span, route } });
        }
    }

    /// Records what only all entries together tell.
    fn finish(&mut self, reading: &mut Reading) {
        let whole = Span::new(0, self.bytes.len());
        let variables = i64::try_from(self.variables).unwrap_or(i64::MAX);
        attribute("variables", variables, whole, reading);
        if self.shards.is_some() {
            let total = i64::try_from(self.total).unwrap_or(i64::MAX);
            attribute("bytes in shards", total, whole, reading);
        }
        self.places.sort_unstable();
        self.shards(whole, reading);
        for pair in self.places.windows(2) {
            let [(shard, before, _), (other, after, entry)] = pair else { continue };
            if shard == other && after.start < before.end() {
                let what = format!(
                    "bytes {} to {} of shard {shard} belong to two variables",
                    after.start,
                    before.end()
                );
                reading.deviation(Quirk::Overlap, *entry, Route::None, &what);
            }
        }
    }
}

impl Bundle<'_> {
    /// Tells of the files that the variables are in, and how far each has to reach (CVE-2021-41203).
    fn shards(&self, whole: Span, reading: &mut Reading) {
        let (Some(stem), Some(count)) = (self.stem, self.shards) else { return };
        for shard in 0..count.min(SHARDS) {
            let from = self.places.partition_point(|(it, ..)| *it < shard);
            let mine = self.places.iter().skip(from).take_while(|(it, ..)| *it == shard);
            let end = mine.map(|(_, place, _)| place.end()).max().unwrap_or_default();
            let file = format!("{stem}.data-{shard:05}-of-{count:05}");
            reading.fact(crate::stored::shards(shard, vec![file], end, whole));
        }
    }
}

fn attribute(name: &str, value: i64, span: Span, reading: &mut Reading) {
    let site = Site { span, route: Route::None };
    let (owner, name, value) = (String::new(), name.to_owned(), Value::Int(value));
    reading.fact(Fact::Attribute { owner, name, value, site });
}

fn entry(bytes: &Bytes, budget: &mut Budget) -> Result<Entry, Halt> {
    let mut wire = Wire::new(bytes);
    let mut message = Message::whole(bytes, &table::BUNDLE_ENTRY_PROTO);
    let mut entry = Entry::default();
    while let Some(field) = wire.next(&mut message, budget)? {
        match field.name() {
            "dtype" => entry.dtype = field.int(),
            "shape" => {
                entry.dims = value::shape(&mut wire, field.content(), budget)?.unwrap_or_default();
            }
            "shard_id" => entry.shard = field.int(),
            "offset" => entry.offset = field.int(),
            "size" => entry.size = field.int(),
            "slices" => entry.slices = entry.slices.saturating_add(1),
            _ => {}
        }
    }
    Ok(entry)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shards_are_known_by_their_names() {
        assert_eq!(shard("variables.data-00000-of-00001"), Some((0, 1)));
        assert_eq!(shard("model.ckpt-12.data-00003-of-00008"), Some((3, 8)));
        for other in ["x.data-1-of-2", "x.data-00002-of-00002", "data-00000-of-00001", "x.data-"] {
            assert_eq!(shard(other), None, "{other}");
        }
    }
}
