//! The header, and what it says about the bytes behind it.

use super::dtype;
use super::entry::{self, Entry};
use crate::embedded;
use crate::json::{Document, Kind, Node};
use crate::stored::{Area, Stored};
use davy_artifact::{Fact, Quirk, Reading, Route, Site, Tensor};
use davy_bytes::{Budget, Bytes, Halt, Span, acts, to_u64};

/// The key that has no tensor under it.
const METADATA: &str = "__metadata__";

/// Tensors that are told one by one; more are counted.
const TOLD: usize = 50_000;

/// Texts of the metadata that are told one by one; more are looked at without.
const TEXTS: usize = 10_000;

/// The longest name of a tensor that is not odd, in bytes.
const NAME: usize = 1024;

/// A header that is being read.
pub(super) struct Header<'a> {
    bytes: &'a Bytes,
    /// Where it stands.
    frame: Span,
    reading: &'a mut Reading,
    budget: &'a mut Budget,
    tensors: Vec<Stored>,
    count: usize,
    /// Texts in the metadata, and those of them that are artifacts of their own.
    texts: (usize, usize),
}

impl<'a> Header<'a> {
    pub(super) fn new(
        bytes: &'a Bytes,
        frame: Span,
        reading: &'a mut Reading,
        budget: &'a mut Budget,
    ) -> Self {
        Self { bytes, frame, reading, budget, tensors: vec![], count: 0, texts: (0, 0) }
    }

    pub(super) fn read(&mut self) -> Result<(), Halt> {
        let text = self.bytes.slice(self.frame);
        let document = Document::parse_within(&text, self.frame, self.budget)?;
        self.form(&text, &document)?;
        if let Some(root) = document.root() {
            self.entries(root)?;
        }
        self.about(&document)?;
        match document.fault() {
            Some(fault) => Err(fault.clone()),
            None => Ok(()),
        }
    }

    /// How the text differs from what the library writes.
    fn form(&mut self, text: &Bytes, document: &Document) -> Result<(), Halt> {
        let first = text.copy(Span::new(0, 1), 1)?;
        if first != b"{" {
            let what = "the header does not start with `{`: not every loader takes it";
            let span = Span::new(self.frame.start, 1.min(self.frame.len));
            self.reading.deviation(Quirk::LoadersDisagree, span, Route::None, what);
        }
        for note in document.notes() {
            let what = format!("{}: not every loader takes it", note.oddity.as_str());
            self.reading.deviation(Quirk::LoadersDisagree, note.span, Route::None, &what);
        }
        for key in document.duplicates() {
            let what = "the same key twice in an object: loaders take the first, the last or none";
            let route = Route::Key(key.path());
            self.reading.deviation(Quirk::LoadersDisagree, key.span(), route, what);
        }
        if let Some(root) = document.root() {
            let end = root.span().end();
            let padding = Span::between(end, self.frame.end());
            self.padding(padding)?;
        }
        Ok(())
    }

    /// The library fills up with spaces.
    fn padding(&mut self, span: Span) -> Result<(), Halt> {
        let text = self.bytes.copy(span, 4096)?;
        if text.iter().any(|byte| *byte != b' ') {
            let what = "the header is filled up with something else than spaces";
            self.reading.deviation(Quirk::LoadersDisagree, span, Route::None, what);
        }
        Ok(())
    }

    fn entries(&mut self, root: Node<'_>) -> Result<(), Halt> {
        if !root.is_object() {
            let what = "the header is no object";
            self.reading.deviation(Quirk::WrongType, root.span(), Route::None, what);
            return Ok(());
        }
        for (key, value) in root.entries() {
            self.budget.spend_steps(1, key.span().start)?;
            let name = key.text().unwrap_or_default();
            if name == METADATA {
                self.metadata(value)?;
            } else {
                self.name(&name, key.span());
                let entry = entry::read(&name, value, self.reading);
                self.tensor(&name, &entry, value.span());
            }
        }
        Ok(())
    }

    fn metadata(&mut self, node: Node<'_>) -> Result<(), Halt> {
        if !node.is_object() {
            let quirk = if node.is_null() { Quirk::LoadersDisagree } else { Quirk::WrongType };
            let route = Route::Key(METADATA.to_owned());
            self.reading.deviation(quirk, node.span(), route, "the metadata is no map of texts");
            return Ok(());
        }
        for (key, value) in node.entries() {
            self.budget.spend_steps(1, key.span().start)?;
            let name = key.text().unwrap_or_default();
            let site = Site { span: value.span(), route: Route::Key(name.to_string()) };
            if value.kind() != Kind::Text {
                let what = "the value is no text, as the library wants it to be";
                self.reading.deviation(Quirk::WrongType, site.span, site.route.clone(), what);
            }
            let (owner, told) = (METADATA.to_owned(), value.value());
            if self.texts.0 < TEXTS {
                let fact = Fact::Attribute { owner, name: name.to_string(), value: told, site };
                self.reading.fact(fact);
            }
            self.texts.0 = self.texts.0.saturating_add(1);
            self.embedded(&name, value)?;
        }
        Ok(())
    }

    /// Makes an artifact of a text that is something of its own.
    fn embedded(&mut self, name: &str, value: Node<'_>) -> Result<(), Halt> {
        let raw = String::from_utf8_lossy(value.raw());
        let text = value.text().unwrap_or(raw);
        let span = value.span();
        let within = Span::new(span.start.saturating_add(1), span.len.saturating_sub(2));
        let verbatim = to_u64(text.len()) == within.len && value.kind() == Kind::Text;
        let before = self.reading.children.len();
        let place = (self.bytes, within, verbatim);
        embedded::push(name, &text, place, self.reading, self.budget)?;
        let made = self.reading.children.len() > before;
        self.texts.1 = self.texts.1.saturating_add(usize::from(made));
        Ok(())
    }

    /// Names are shown, and made paths of by programs that unpack models.
    fn name(&mut self, name: &str, span: Span) {
        let separator = |c: char| c == '/' || c == '\\';
        let climbs = name.split(separator).any(|part| part == "..") || name.starts_with(separator);
        let odd = if name.chars().any(acts) {
            "its name holds characters that nobody sees, or that change how others are shown"
        } else if climbs {
            "its name is a path that leads out of a folder"
        } else if name.len() > NAME {
            "its name is longer than any in use"
        } else {
            return;
        };
        self.reading.deviation(Quirk::Handmade, span, Route::Tensor(name.to_owned()), odd);
    }

    fn tensor(&mut self, name: &str, entry: &Entry, said: Span) {
        let data = self.frame.end();
        let place = entry.offsets.map(|(start, end)| {
            Span::between(data.saturating_add(start), data.saturating_add(end))
        });
        let end = self.bytes.len();
        let there = place.map(|it| Span::between(it.start.min(end), it.end().min(end)));
        if self.count < TOLD {
            let span = there.unwrap_or(said);
            let site = Site { span, route: Route::Tensor(name.to_owned()) };
            self.reading.fact(Fact::Tensor { tensor: fact(name, entry), site });
        }
        self.count = self.count.saturating_add(1);
        if let Some(span) = place {
            let is_bytes = dtype::is_bytes(&entry.dtype);
            self.tensors.push(Stored { name: name.to_owned(), span, is_bytes });
        }
    }

    /// Compares what is said with the bytes that are there, and says what the file is.
    fn about(&mut self, document: &Document) -> Result<(), Halt> {
        let area = Area { start: self.frame.end(), alignment: 1, what: "the tensors" };
        area.limit(self.bytes, &mut self.tensors, self.reading);
        let whole = area.account(self.bytes, &self.tensors, self.reading, self.budget)?;
        let odd = self.reading.deviations.len();
        let only = whole && odd == 0 && self.texts.1 == 0 && document.fault().is_none();
        let size = self.tensors.iter().map(|it| it.span.len).fold(0, u64::saturating_add);
        let mut detail = format!("{} tensors, {size} bytes, {} texts", self.count, self.texts.0);
        if only {
            detail.insert_str(0, "only tensors: ");
        } else {
            let more = [(odd, "breaks of form"), (self.texts.1, "texts that are more than text")];
            let more = more.iter().filter(|(count, _)| *count > 0);
            let more: Vec<_> = more.map(|(count, what)| format!("{count} {what}")).collect();
            let why = if more.is_empty() { "a broken header".to_owned() } else { more.join(", ") };
            detail.insert_str(0, &format!("not only tensors ({why}): "));
        }
        let site = Site { span: Span::new(0, self.frame.end()), route: Route::None };
        let (path, kind) = ("safetensors".to_owned(), "content");
        self.reading.fact(Fact::Object { path, kind, detail, site });
        self.reading.seamless = whole && document.fault().is_none();
        Ok(())
    }
}

fn fact(name: &str, entry: &Entry) -> Tensor {
    let size = entry.shape.iter().map(|dim| i64::try_from(*dim).unwrap_or(i64::MAX));
    Tensor {
        storage: name.to_owned(),
        dtype: entry.dtype.clone(),
        elements: entry.elements.unwrap_or(u64::MAX),
        offset: 0,
        size: size.collect(),
        stride: Vec::new(),
    }
}
