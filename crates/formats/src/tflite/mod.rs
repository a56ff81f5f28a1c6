//! `TFLite` models: a `FlatBuffer` of graphs, their tensors and the bytes of these (TensorFlow,
//! `schema.fbs`, versions 1 to 3c).
//!
//! The runtime follows most offsets and indices without looking (CVE-2020-15209 to 15211), so each
//! that leads astray is recorded, and what does not hang on it is read on. Operators are counted by
//! kind; custom ones, which run code of the program that loads the model, are told one by one with
//! their options and constant inputs.

mod buffers;
mod check;
mod constant;
mod flow;
mod graph;
mod options;
mod table;
mod tail;

use crate::flatbuffers::{Flat, Table, has_identifier};
use crate::tally::Tally;
use buffers::Buffer;
pub(crate) use constant::value;
use davy_artifact::{
    Excerpt, Fact, Format, Input, Probe, Quirk, Reading, Role, Route, Site, Value,
};
use davy_bytes::{Blame, Budget, Bytes, Halt, Span, to_u64};
use flow::Flow;
pub(crate) use tail::explain;

/// Elements of one list that are read at most, so that lists fit in memory.
const MOST: u64 = 1 << 22;
/// Bytes of a name that are kept.
const NAME: usize = 1024;

/// The `TFLite` reader.
#[derive(Debug)]
pub struct TfLite;

impl Format for TfLite {
    fn id(&self) -> &'static str {
        "tflite"
    }

    fn summary(&self) -> &'static str {
        "TFLite models: graphs, tensors, buffers and metadata of a FlatBuffer"
    }

    fn probe(&self, head: &[u8], input: &Input<'_>) -> Probe {
        if has_identifier(head, b"TFL3") {
            return Probe::Certain;
        }
        // The runtime does not ask for the identifier.
        let root = head.first_chunk().map(|root| u64::from(u32::from_le_bytes(*root)));
        let inside = root.is_some_and(|root| root < input.bytes.len());
        if inside && input.role != Role::Storage && is_model(input.bytes).unwrap_or(false) {
            Probe::Possible
        } else {
            Probe::No
        }
    }

    fn read(
        &self,
        input: &Input<'_>,
        reading: &mut Reading,
        budget: &mut Budget,
    ) -> Result<(), Halt> {
        let mut flat = Flat::new(input.bytes, budget);
        let root = flat.root()?;
        let mut model = Model {
            flat,
            reading,
            codes: vec![],
            buffers: vec![],
            tally: Tally::default(),
            flow: Flow::default(),
        };
        let read = model.read(root);
        let Model { flat, reading, tally, .. } = model;
        tally.push(reading);
        read?;
        explain(&flat, true, reading)
    }
}

/// The buffers of a model, each with the place of its bytes; none where it has no bytes.
///
/// # Errors
/// Where the list of buffers breaks its form, and when the budget is used up.
pub fn buffers(bytes: &Bytes, budget: &mut Budget) -> Result<Vec<Option<Span>>, Halt> {
    let mut flat = Flat::new(bytes, budget);
    let root = flat.root()?;
    buffers::read(&mut flat, root, &mut Vec::new(), &mut Reading::default())
}

/// Whether bytes without identifier are a model: the root has a version that exists, and lists where
/// a model has lists.
fn is_model(bytes: &Bytes) -> Result<bool, Halt> {
    let mut budget = Budget::default();
    let mut flat = Flat::new(bytes, &mut budget);
    let root = flat.root()?;
    let version = flat.u32(root, 0, 0)?;
    let codes = flat.vector(root, 1, 4, "list of operator codes")?.is_some();
    let graphs = flat.vector(root, 2, 4, "list of graphs")?;
    let Some(graphs) = graphs.filter(|graphs| graphs.count > 0) else { return Ok(false) };
    let first = flat.element(graphs, 0, "graph")?;
    let tensors = flat.vector(first, 0, 4, "list of tensors")?.is_some();
    Ok((1..=3).contains(&version) && codes && tensors)
}

/// What an operator's index stands for.
#[derive(Clone, Debug)]
struct Code {
    builtin: i32,
    custom: String,
    version: i32,
}

/// A model that is being read.
struct Model<'a> {
    flat: Flat<'a>,
    reading: &'a mut Reading,
    codes: Vec<Code>,
    buffers: Vec<Buffer>,
    tally: Tally,
    flow: Flow,
}

impl Model<'_> {
    fn read(&mut self, root: Table) -> Result<(), Halt> {
        self.about(root)?;
        self.codes(root)?;
        let mut marked = Vec::new();
        self.buffers = buffers::read(&mut self.flat, root, &mut marked, self.reading)?;
        self.metadata(root)?;
        self.signatures(root)?;
        self.external(root)?;
        self.graphs(root)?;
        self.tell_overrides()?;
        buffers::push(&self.flat, &self.buffers, &marked, self.reading);
        Ok(())
    }

    /// Version and description.
    fn about(&mut self, root: Table) -> Result<(), Halt> {
        let version = self.flat.u32(root, 0, 0)?;
        self.attribute("", "version", Value::Int(i64::from(version)), Span::new(root.at, 4));
        let text = self.flat.string(root, 3, "description");
        if let Some(span) = keep(text, self.reading, || Route::None)?.flatten() {
            let head = self.flat.bytes().copy(span, NAME)?;
            let text = Value::Text(Excerpt { head, len: span.len });
            self.attribute("", "description", text, span);
        }
        Ok(())
    }

    fn attribute(&mut self, owner: &str, name: &str, value: Value, span: Span) {
        let site = Site { span, route: Route::None };
        let (owner, name) = (owner.to_owned(), name.to_owned());
        self.reading.fact(Fact::Attribute { owner, name, value, site });
    }

    fn codes(&mut self, root: Table) -> Result<(), Halt> {
        let list = self.flat.vector(root, 1, 4, "list of operator codes");
        let Some(list) = keep(list, self.reading, || Route::None)?.flatten() else { return Ok(()) };
        for index in 0..list.count.min(MOST) {
            let route = || Route::Object(format!("operator code {index}"));
            let code = code(&mut self.flat, list, index);
            let code = keep(code, self.reading, route)?;
            let unread = Code { builtin: -1, custom: String::new(), version: 0 };
            self.codes.push(code.unwrap_or(unread));
        }
        Ok(())
    }

    /// Named buffers that describe the model.
    fn metadata(&mut self, root: Table) -> Result<(), Halt> {
        let list = self.flat.vector(root, 6, 4, "list of metadata");
        let Some(list) = keep(list, self.reading, || Route::None)?.flatten() else { return Ok(()) };
        for index in 0..list.count.min(MOST) {
            let route = || Route::Object(format!("metadata {index}"));
            let table = self.flat.element(list, index, "metadata");
            let Some(table) = keep(table, self.reading, route)? else { continue };
            let name = self.flat.text(table, 0, "name of metadata", NAME);
            let name = keep(name, self.reading, route)?.unwrap_or_default();
            let buffer = self.flat.u32(table, 1, 0);
            let buffer = keep(buffer, self.reading, route)?.unwrap_or_default();
            let span = self.buffer(u64::from(buffer), Span::new(table.at, 4), &route());
            if let Some(span) = span.filter(|_| name == "OfflineMemoryAllocation") {
                self.check_plan(span, &route())?;
            }
            let head = self.flat.bytes().copy(span.unwrap_or_default(), NAME)?;
            let len = span.unwrap_or_default().len;
            let value = Value::Bytes(Excerpt { head, len });
            self.attribute("metadata", &name, value, span.unwrap_or(Span::new(table.at, 4)));
        }
        Ok(())
    }

    /// The bytes of a buffer that something refers to; a buffer that is not there is recorded.
    fn buffer(&mut self, index: u64, span: Span, route: &Route) -> Buffer {
        let buffer = self.buffers.get(davy_bytes::to_usize(index));
        // Zero stands for no buffer, also where the list is missing.
        if buffer.is_none() && index > 0 {
            let what = format!("buffer {index} of {}", self.buffers.len());
            self.reading.deviation(Quirk::OutOfRange, span, route.clone(), &what);
        }
        buffer.copied().flatten()
    }

    fn signatures(&mut self, root: Table) -> Result<(), Halt> {
        let list = self.flat.vector(root, 7, 4, "list of signatures");
        let Some(list) = keep(list, self.reading, || Route::None)?.flatten() else { return Ok(()) };
        for index in 0..list.count.min(MOST) {
            let route = || Route::Object(format!("signature {index}"));
            let signature = signature(&mut self.flat, list, index);
            if let Some(fact) = keep(signature, self.reading, route)? {
                self.reading.fact(fact);
            }
        }
        Ok(())
    }
}

impl Model<'_> {
    /// Files beside the model that hold buffers: the runtime joins their names to the folder of the
    /// model and opens what is there (LiteRT, `ResolveGroupPath`).
    fn external(&mut self, root: Table) -> Result<(), Halt> {
        let groups = self.flat.vector(root, 8, 4, "list of external buffer groups");
        let groups = keep(groups, self.reading, || Route::None)?.flatten().unwrap_or_default();
        for index in 0..groups.count.min(MOST) {
            let route = || Route::Object(format!("external buffer group {index}"));
            let group = self.flat.element(groups, index, "external buffer group");
            let Some(group) = keep(group, self.reading, route)? else { continue };
            let name = self.flat.text(group, 0, "name of an external buffer group", NAME);
            let target = keep(name, self.reading, route)?.unwrap_or_default();
            if !target.is_empty() {
                let site = Site { span: Span::new(group.at, 4), route: route() };
                self.reading.fact(Fact::Reference { target, purpose: "external data", site });
            }
        }
        let buffers = self.flat.vector(root, 9, 4, "list of external buffers");
        let buffers = keep(buffers, self.reading, || Route::None)?.flatten().unwrap_or_default();
        for index in 0..buffers.count.min(MOST) {
            let route = || Route::Object(format!("external buffer {index}"));
            let buffer = self.flat.element(buffers, index, "external buffer");
            let Some(buffer) = keep(buffer, self.reading, route)? else { continue };
            let packing = self.flat.string(buffer, 4, "packing of an external buffer");
            keep(packing, self.reading, route)?;
        }
        Ok(())
    }
}

fn code(flat: &mut Flat<'_>, list: crate::flatbuffers::Vector, index: u64) -> Result<Code, Halt> {
    let table = flat.element(list, index, "operator code")?;
    let old = i32::from(flat.u8(table, 0, 0)?.cast_signed());
    let custom = flat.text(table, 1, "name of a custom operator", NAME)?;
    let version = flat.i32(table, 2, 1)?;
    // Old writers know only the first field, new ones repeat the second in it as far as it fits.
    Ok(Code { builtin: flat.i32(table, 3, 0)?.max(old), custom, version })
}

/// A name under which a program runs a graph.
fn signature(
    flat: &mut Flat<'_>,
    list: crate::flatbuffers::Vector,
    index: u64,
) -> Result<Fact, Halt> {
    let table = flat.element(list, index, "signature")?;
    let key = flat.text(table, 2, "key of a signature", NAME)?;
    let graph = flat.u32(table, 4, 0)?;
    let mut ends = Vec::new();
    for field in [0, 1] {
        let mut names = Vec::new();
        let maps = flat.vector(table, field, 4, "tensors of a signature")?.unwrap_or_default();
        for index in 0..maps.count {
            let map = flat.element(maps, index, "tensor of a signature")?;
            let name = flat.text(map, 0, "name of a tensor", NAME)?;
            names.push(format!("{name}: tensor {}", flat.u32(map, 1, 0)?));
        }
        ends.push(names.join(", "));
    }
    let detail = format!("graph {graph}, ({})", ends.join(") -> ("));
    let site = Site { span: Span::new(table.at, 4), route: Route::None };
    Ok(Fact::Object { path: key, kind: "signature", detail, site })
}

/// What was read, or nothing where the file's own form forbids it, which is then recorded.
///
/// # Errors
/// Whatever is not the fault of this one part.
pub(crate) fn keep<T>(
    read: Result<T, Halt>,
    reading: &mut Reading,
    route: impl FnOnce() -> Route,
) -> Result<Option<T>, Halt> {
    match read {
        Ok(read) => Ok(Some(read)),
        Err(halt) if halt.blame() == Blame::Malformed => {
            let span = Span::new(halt.at(), 0);
            reading.deviation(Quirk::OutOfRange, span, route(), halt.what());
            Ok(None)
        }
        Err(halt) => Err(halt),
    }
}

/// Elements of a tensor of these dimensions; nothing where they overflow or one is negative.
pub(crate) fn elements(dims: &[i64]) -> Option<u64> {
    dims.iter().try_fold(1_u64, |product, dim| product.checked_mul(u64::try_from(*dim).ok()?))
}

/// The number of something in memory, for offsets.
fn count(items: usize) -> u64 {
    to_u64(items)
}
