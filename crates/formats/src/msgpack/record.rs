//! Turns the steps through a document into facts and children: names are joined with dots, byte
//! strings that hold something become artifacts.

use super::array::{self, Array};
use super::walk::Event;
use crate::numpy::dtype;
use crate::pickle;
use davy_artifact::{Fact, Quirk, Reading, Role, Route, Site, Tensor, Value};
use davy_bytes::{Blame, Budget, Bytes, Halt, Span, to_u64};

/// Bytes of a name that are kept.
const NAME: usize = 256;

/// Levels whose names are joined; deeper ones are left out.
const LEVELS: usize = 16;

/// Byte strings from this length on are artifacts of their own: less holds no program.
const ARTIFACT: u64 = 64;

/// Bytes of a string that are looked at for a pickle.
const LOOKED_AT: usize = 1 << 16;

/// Children of one document.
const MOST: usize = 100_000;

/// Flax's extensions (`_MsgpackExtType`).
const NDARRAY: i8 = 1;
const COMPLEX: i8 = 2;
const SCALAR: i8 = 3;
/// The time stamp of the specification.
const TIME: i8 = -1;

/// What Orbax and Flax write in place of an array that is kept elsewhere
/// (`flax/training/checkpoints.py`).
const PLACEHOLDER: &[u8] = b"//GDAPlaceholder:";

/// A container that is open.
#[derive(Debug, Default)]
struct Level {
    is_map: bool,
    /// The key whose value comes next.
    key: Option<String>,
    /// Elements so far.
    count: u64,
    start: u64,
    /// What a map of msgpack-numpy says.
    numpy: Numpy,
}

/// The keys of a map of msgpack-numpy; they are byte strings, or texts with `use_bin_type=False`.
#[derive(Debug, Default)]
struct Numpy {
    nd: bool,
    objects: bool,
    dtype: Option<String>,
    shape: Option<Vec<i64>>,
    data: Option<Span>,
}

/// Records what a document says.
#[derive(Debug)]
pub(super) struct Recorder<'a> {
    bytes: &'a Bytes,
    reading: &'a mut Reading,
    levels: Vec<Level>,
    /// Arrays, byte strings and texts so far.
    texts: u64,
    /// Whether the document is one of Flax or msgpack-numpy.
    arrays: u64,
}

impl<'a> Recorder<'a> {
    pub(super) fn new(bytes: &'a Bytes, reading: &'a mut Reading) -> Self {
        Self { bytes, reading, levels: vec![], texts: 0, arrays: 0 }
    }

    /// The place of the value that comes next, in words.
    fn path(&self) -> String {
        let parts = self.levels.iter().take(LEVELS).map(|level| match &level.key {
            Some(key) if level.is_map => key.clone(),
            _ => format!("[{}]", level.count),
        });
        parts.collect::<Vec<_>>().join(".")
    }

    pub(super) fn take(&mut self, event: Event, budget: &mut Budget) -> Result<(), Halt> {
        match event {
            Event::Open { is_map, at, key, .. } => {
                if key {
                    self.deviate(Quirk::WrongType, Span::new(at, 1), "a container for a key");
                }
                self.levels.push(Level { is_map, start: at, ..Level::default() });
                return Ok(());
            }
            Event::Close { at } => {
                let Some(level) = self.levels.pop() else { return Ok(()) };
                self.numpy(&level, at)?;
                self.note_shape(&level);
            }
            Event::Text { span, key } | Event::Binary { span, key } if key => {
                return self.key(span);
            }
            Event::Text { span, .. } => self.text(span)?,
            Event::Binary { span, .. } => self.binary(span, budget)?,
            Event::Extension { kind, span } => self.extension(kind, span, budget)?,
            Event::Int { value, .. } => self.int(value),
            Event::Plain { kind: "bool", bits: 1, .. } => self.flag(),
            Event::Plain { .. } => {}
        }
        self.next();
        Ok(())
    }

    /// The value that has been read counts.
    fn next(&mut self) {
        if let Some(level) = self.levels.last_mut() {
            // A number, truth value or the like may stand for a key.
            if level.is_map && level.key.is_none() {
                level.key = Some(format!("[{}]", level.count));
                return;
            }
            level.count = level.count.saturating_add(1);
            level.key = None;
        }
    }

    fn deviate(&mut self, quirk: Quirk, span: Span, what: &str) {
        let route = Route::Key(self.path());
        self.reading.deviation(quirk, span, route, what);
    }

    fn site(&self, span: Span) -> Site {
        Site { span, route: Route::Key(self.path()) }
    }

    fn key(&mut self, span: Span) -> Result<(), Halt> {
        let name = self.bytes.copy(span, NAME)?;
        let name = String::from_utf8_lossy(&name).into_owned();
        if let Some(level) = self.levels.last_mut() {
            level.key = Some(name);
        }
        Ok(())
    }

    fn current(&self) -> &str {
        self.levels.last().and_then(|level| level.key.as_deref()).unwrap_or_default()
    }

    fn text(&mut self, span: Span) -> Result<(), Halt> {
        self.texts = self.texts.saturating_add(1);
        let head = self.bytes.copy(span, NAME)?;
        if head.starts_with(PLACEHOLDER) {
            let name = head.get(PLACEHOLDER.len()..).unwrap_or_default();
            let target = String::from_utf8_lossy(name).into_owned();
            let site = self.site(span);
            self.reading.fact(Fact::Reference { target, purpose: "array", site });
        }
        self.numpy_type(&head, span);
        // Python 2 and old writers had no byte strings: what is no text is taken for bytes.
        if span.len >= ARTIFACT
            && std::str::from_utf8(&head).is_err_and(|e| e.error_len().is_some())
        {
            self.child(span, Role::Present);
        }
        Ok(())
    }

    /// What belongs to an array of msgpack-numpy, if the map that is open is one.
    fn numpy_type(&mut self, text: &[u8], span: Span) {
        let key = self.current().to_owned();
        let Some(level) = self.levels.last_mut() else { return };
        match key.as_str() {
            "type" => level.numpy.dtype = Some(String::from_utf8_lossy(text).into_owned()),
            "kind" => level.numpy.objects = text == b"O",
            "data" => level.numpy.data = Some(span),
            _ => {}
        }
    }

    fn flag(&mut self) {
        let key = self.current().to_owned();
        let Some(level) = self.levels.last_mut() else { return };
        if key == "nd" {
            level.numpy.nd = true;
        }
    }

    fn int(&mut self, value: i128) {
        let depth = self.levels.len();
        let Some(level) = self.levels.last() else { return };
        if level.is_map || depth < 2 {
            return;
        }
        let Some(outer) = depth.checked_sub(2).and_then(|at| self.levels.get_mut(at)) else {
            return;
        };
        if outer.key.as_deref() == Some("shape") {
            let shape = outer.numpy.shape.get_or_insert_with(Vec::new);
            if shape.len() < 64 {
                shape.push(i64::try_from(value).unwrap_or(i64::MAX));
            }
        }
    }

    /// An empty list of sides is a shape as well.
    fn note_shape(&mut self, closed: &Level) {
        let Some(level) = self.levels.last_mut() else { return };
        if !closed.is_map && closed.count == 0 && level.key.as_deref() == Some("shape") {
            level.numpy.shape.get_or_insert_with(Vec::new);
        }
    }

    fn binary(&mut self, span: Span, budget: &mut Budget) -> Result<(), Halt> {
        self.texts = self.texts.saturating_add(1);
        let head = self.bytes.copy(span, NAME)?;
        self.numpy_type(&head, span);
        self.content(span, budget)
    }

    /// Makes an artifact of bytes that hold something.
    fn content(&mut self, span: Span, budget: &mut Budget) -> Result<(), Halt> {
        if self.has_pickle(span, budget)? {
            self.child(span, Role::Present);
        } else if span.len >= ARTIFACT {
            self.child(span, Role::Storage);
        }
        Ok(())
    }

    fn has_pickle(&self, span: Span, budget: &mut Budget) -> Result<bool, Halt> {
        let head = self.bytes.copy(span, LOOKED_AT)?;
        budget.spend_steps(to_u64(head.len()) / 64, span.start)?;
        Ok(pickle::payload(&head).is_some())
    }

    fn child(&mut self, span: Span, role: Role) {
        if self.reading.children.len() >= MOST {
            self.reading.dropped = self.reading.dropped.saturating_add(1);
            return;
        }
        let path = self.path();
        let name = if path.is_empty() { format!("@{:#x}", span.start) } else { path };
        self.reading.child(name, self.bytes.slice(span), role);
    }

    fn extension(&mut self, kind: i8, span: Span, budget: &mut Budget) -> Result<(), Halt> {
        if matches!(kind, NDARRAY | SCALAR) {
            let found = array::of_extension(&self.bytes.slice(span), span.start)?;
            if let Some(array) = found {
                return self.array(&array, span);
            }
        }
        if kind == TIME || (kind == COMPLEX && span.len <= 32) {
            return Ok(());
        }
        let site = self.site(span);
        let (owner, name) = (self.path(), "extension".to_owned());
        let value = Value::Int(i64::from(kind));
        self.reading.fact(Fact::Attribute { owner, name, value, site });
        // What a program makes of its own extensions is its own affair; most unpack what is in them.
        if self.has_pickle(span, budget)? {
            self.child(span, Role::Loaded);
        } else {
            self.child(span, Role::Storage);
        }
        Ok(())
    }

    /// Tells an array, and makes an artifact of its elements.
    fn array(&mut self, array: &Array, span: Span) -> Result<(), Halt> {
        self.arrays = self.arrays.saturating_add(1);
        let elements = array.count().unwrap_or(u64::MAX);
        let path = self.path();
        let storage = if path.is_empty() { "array".to_owned() } else { path };
        let tensor = Tensor {
            storage: storage.clone(),
            dtype: array.dtype.clone(),
            elements,
            offset: 0,
            size: array.shape.clone(),
            stride: vec![],
        };
        let site = Site { span, route: Route::Tensor(storage.clone()) };
        self.reading.fact(Fact::Tensor { tensor, site });
        if array.count().is_none() {
            let what = format!("shape {:?}, which is that of no array", array.shape);
            self.reading.deviation(Quirk::HugeIndex, span, Route::Tensor(storage), &what);
        } else if array.size().is_some_and(|size| size != array.data.len) {
            let what = format!(
                "{} bytes for elements that take {}",
                array.data.len,
                array.size().unwrap_or_default()
            );
            self.reading.deviation(Quirk::SizeMismatch, span, Route::Tensor(storage), &what);
        }
        if array.data.len >= ARTIFACT {
            self.child(array.data, Role::Storage);
        }
        Ok(())
    }

    /// A map that msgpack-numpy takes for an array when it ends.
    fn numpy(&mut self, level: &Level, end: u64) -> Result<(), Halt> {
        let Numpy { nd, objects, dtype, shape, data } = &level.numpy;
        let Some(data) = data.filter(|_| *nd) else { return Ok(()) };
        let span = Span::between(level.start, end);
        let dtype = dtype.clone().unwrap_or_default();
        let pickled = dtype::named(&dtype).is_some_and(|dtype| dtype.objects);
        if *objects || pickled {
            // `pickle.loads`, whatever the caller says (`decode`).
            let name = format!("{}.data", self.path());
            let known = self.reading.children.iter_mut().rev().take(4);
            let start = self.bytes.slice(data).place();
            match known.into_iter().find(|child| child.bytes.place() == start) {
                Some(child) => child.role = Role::Loaded,
                None => self.reading.child(name, self.bytes.slice(data), Role::Loaded),
            }
            return Ok(());
        }
        let Some(shape) = shape.clone() else { return Ok(()) };
        self.arrays = self.arrays.saturating_add(1);
        let array = Array { dtype, shape, data: Span::new(data.start, data.len) };
        let path = self.path();
        let storage = if path.is_empty() { "array".to_owned() } else { path };
        let tensor = Tensor {
            storage: storage.clone(),
            dtype: array.dtype.clone(),
            elements: array.count().unwrap_or(u64::MAX),
            offset: 0,
            size: array.shape.clone(),
            stride: vec![],
        };
        let site = Site { span, route: Route::Tensor(storage) };
        self.reading.fact(Fact::Tensor { tensor, site });
        Ok(())
    }

    /// Whether something was found that a program would load.
    fn holds_code(&self) -> bool {
        self.reading.children.iter().any(|child| child.role != Role::Storage)
    }

    /// Behind the last document.
    pub(super) fn finish(self, end: u64) -> Result<(), Halt> {
        let rest = Span::between(end, self.bytes.len());
        if rest.len == 0 {
            self.reading.seamless = true;
            let (owner, name) = (String::new(), "arrays".to_owned());
            let value = Value::Int(i64::try_from(self.arrays).unwrap_or(i64::MAX));
            let site = Site { span: Span::new(0, end), route: Route::None };
            self.reading.fact(Fact::Attribute { owner, name, value, site });
            return Ok(());
        }
        if self.arrays == 0 && !self.holds_code() {
            // Chance, unless there is more to it.
            self.reading.facts.clear();
            self.reading.children.clear();
            self.reading.deviations.clear();
            return Err(Halt::malformed(end, "something behind the first value"));
        }
        let what = "bytes behind the document";
        self.reading.deviation(Quirk::BytesAfterEnd, rest, Route::None, what);
        let name = format!("@{end:#x}");
        self.reading.child(name, self.bytes.slice(rest), Role::Leftover);
        Ok(())
    }

    /// A document that breaks off: what was found in one of arrays stays.
    pub(super) fn broken(self, halt: Halt) -> Halt {
        if halt.blame() != Blame::Malformed {
            return halt;
        }
        if self.arrays == 0 && !self.holds_code() {
            self.reading.facts.clear();
            self.reading.children.clear();
            self.reading.deviations.clear();
            return halt;
        }
        let size = self.bytes.len();
        let rest = Span::between(halt.at().min(size), size);
        let quirk =
            if halt.what().contains("deeper") { Quirk::Expansion } else { Quirk::Truncated };
        self.reading.deviation(quirk, rest, Route::Key(self.path()), halt.what());
        if rest.len > 0 {
            let name = format!("@{:#x}", rest.start);
            self.reading.child(name, self.bytes.slice(rest), Role::Leftover);
        }
        halt
    }
}
