//! What stands in graphs besides nodes: tensors, inputs and outputs, texts.

use super::tables;
use super::tensor::{ELEMENTS, NAME, TensorRecord, entry_of, is_payload};
use super::types::{shown, text};
use super::walk::{Join, Open, Walker};
use crate::graph::{Constant, is_column};
use crate::protobuf::{Field, Message};
use davy_artifact::{Excerpt, Fact, Quirk, Role, Route, Site, Tensor, Value};
use davy_bytes::{Halt, Span};

/// Bytes of a tensor from which on they are an artifact of their own: less holds no program.
const ARTIFACT: u64 = 64;

/// Bytes of a text that are kept.
pub(super) const TEXT: usize = 4096;

/// Texts from this length on are artifacts of their own.
const LONG: u64 = 256;

/// Bytes of metadata in which libraries are looked for, and how many are told.
const CONFIG: usize = 1 << 16;
const LIBRARIES: usize = 64;

/// Records how a tensor contradicts itself, and makes what it holds artifacts.
pub(super) fn record(walker: &mut Walker<'_>, tensor: &TensorRecord, label: &str) {
    let Walker { reading, bytes, files, .. } = walker;
    let route = Route::Tensor(label.to_owned());
    if let Some((quirk, what)) = tensor.misfit() {
        reading.deviation(quirk, tensor.span, route.clone(), &what);
    }
    if tensor.raw.is_some() && !tensor.typed.is_empty() {
        let what = "its elements stand in it twice: loaders take one or the other";
        reading.deviation(Quirk::HeadersDisagree, tensor.span, route.clone(), what);
    }
    if tensor.is_external || !tensor.external.is_empty() {
        files.take(tensor, label, reading);
    }
    let parts = tensor.raw.iter().chain(&tensor.packed).filter(|span| span.len >= ARTIFACT);
    for (index, span) in parts.chain(&tensor.texts).enumerate() {
        let name = if index == 0 { label.to_owned() } else { format!("{label}[{index}]") };
        reading.child(name, bytes.slice(*span), Role::Storage);
    }
    for field in &tensor.unknown {
        walker.stranger("TensorProto", field.number, field.span, field.content());
    }
}

/// A tensor as a fact.
pub(super) fn fact(tensor: &TensorRecord, name: String) -> Fact {
    let site = Site { span: tensor.span, route: Route::Tensor(name.clone()) };
    let tensor = Tensor {
        storage: name,
        dtype: tensor.data_type().name(),
        elements: tensor.elements().unwrap_or(0),
        offset: 0,
        size: tensor.dims.clone(),
        stride: Vec::new(),
    };
    Fact::Tensor { tensor, site }
}

impl Walker<'_> {
    /// A tensor that the graph brings under a name.
    pub(super) fn initializer(&mut self, message: Message, open: &mut Open) -> Result<(), Halt> {
        let tensor = self.tensor(message, &open.label)?;
        let name = tensor.name(&mut self.wire)?;
        self.reading.fact(fact(&tensor, name));
        self.constant(&tensor, open)
    }

    fn constant(&mut self, tensor: &TensorRecord, open: &mut Open) -> Result<(), Halt> {
        let (value, twice) = self.define(tensor.name, open, None)?;
        let given = open.given.entry(value).or_default();
        // Until 2019 every initializer was an input as well, whose default it is.
        let is_default = given.is_input && !given.is_initializer;
        given.is_initializer = true;
        if twice && !is_default {
            self.duplicate(tensor.name, tensor.span, open)?;
        }
        let head = match tensor
            .elements()
            .is_some_and(|elements| elements <= davy_bytes::to_u64(ELEMENTS))
        {
            true => tensor.values(&mut self.wire)?,
            false => Vec::new(),
        };
        let elements = tensor.elements().unwrap_or(0);
        let is_column = is_column(&tensor.dims);
        self.graph.set_constant(value, Constant { elements, head, is_column });
        Ok(())
    }

    /// A tensor of which few elements are not zero: values, where they are, and the whole shape.
    pub(super) fn sparse_initializer(
        &mut self,
        message: Message,
        open: &mut Open,
    ) -> Result<(), Halt> {
        let Some(values) = self.sparse(message, &open.label)? else { return Ok(()) };
        let name = values.name(&mut self.wire)?;
        self.reading.fact(fact(&values, name));
        self.constant(&values, open)
    }

    /// Reads a sparse tensor, and returns its values, which have its name.
    pub(super) fn sparse(
        &mut self,
        mut message: Message,
        place: &str,
    ) -> Result<Option<TensorRecord>, Halt> {
        let span = Span::between(message.at, message.end);
        let (mut values, mut indices, mut dims) = (None, None, Vec::new());
        while let Some(field) = self.wire.next(&mut message, self.budget)? {
            let inside = message.inside(field.content(), &tables::TENSOR);
            match field.name() {
                "values" => values = Some(self.tensor(inside, place)?),
                "indices" => indices = Some(self.tensor(inside, &format!("{place} indices"))?),
                "dims" => self.wire.numbers(&field, self.budget, &mut |bits| {
                    if dims.len() < super::tensor::DIMENSIONS {
                        dims.push(bits.cast_signed());
                    }
                })?,
                "" => self.unknown(&message, &field),
                _ => {}
            }
        }
        if let (Some(values), Some(indices)) = (&values, &indices) {
            let route = Route::Tensor(values.name(&mut self.wire)?);
            if let Some(what) = self.sparse_misfit(values, indices, &dims)? {
                self.reading.deviation(Quirk::OutOfRange, span, route, &what);
            }
        }
        Ok(values)
    }

    /// How the parts of a sparse tensor contradict each other (`onnx-ml.proto`,
    /// `SparseTensorProto`).
    fn sparse_misfit(
        &mut self,
        values: &TensorRecord,
        indices: &TensorRecord,
        dims: &[i64],
    ) -> Result<Option<String>, Halt> {
        let count = values.dims.first().copied().unwrap_or(0);
        let rank = i64::try_from(dims.len()).unwrap_or(i64::MAX);
        let fits = match indices.dims.as_slice() {
            [one] => *one == count,
            [one, each] => *one == count && *each == rank,
            _ => false,
        };
        if !fits || dims.iter().any(|dim| *dim < 0) {
            return Ok(Some(format!(
                "a sparse tensor of shape {dims:?} with {:?} values and {:?} indices",
                values.dims, indices.dims
            )));
        }
        let flat = indices.dims.len() == 1;
        let product = dims.iter().try_fold(1_i64, |product, dim| product.checked_mul(*dim));
        let first = indices.values(&mut self.wire)?;
        let limits: Vec<i64> = match flat {
            true => vec![product.unwrap_or(i64::MAX)],
            false => dims.to_vec(),
        };
        let outside = first.iter().zip(limits.iter().cycle()).find(|(index, limit)| match index {
            Value::Int(index) => *index < 0 || index >= *limit,
            _ => false,
        });
        Ok(outside.map(|(index, limit)| {
            format!("a sparse tensor of shape {dims:?} with the index {index}, where {limit} is the limit")
        }))
    }

    /// An input or output of a graph.
    pub(super) fn value_info(
        &mut self,
        mut message: Message,
        field: &Field,
        open: &mut Open,
    ) -> Result<(), Halt> {
        let span = Span::between(message.at, message.end);
        let (mut name, mut value_type) = (Span::default(), None);
        while let Some(field) = self.wire.next(&mut message, self.budget)? {
            match field.name() {
                "name" => name = field.content(),
                "type" => value_type = Some(message.inside(field.content(), &tables::TYPE)),
                "doc_string" => {
                    self.payload(&format!("{}.doc_string", open.label), field.content());
                }
                "" => self.unknown(&message, &field),
                _ => {}
            }
        }
        if field.name() == "input" {
            let (value, twice) = self.define(name, open, None)?;
            let given = open.given.entry(value).or_default();
            let has_default = given.is_initializer && !given.is_input;
            given.is_input = true;
            if twice && !has_default {
                self.duplicate(name, span, open)?;
            }
            open.inputs.push(value);
        } else {
            open.outputs.push(name);
        }
        if !matches!(open.join, Join::Main) {
            return Ok(());
        }
        let line = match value_type {
            Some(value_type) => shown(&mut self.wire, value_type, self.budget)?,
            None => String::new(),
        };
        let owner = format!("{} {}s", open.label, field.name());
        let name = text(&mut self.wire, name, NAME)?;
        let value = Value::Text(Excerpt::whole(line));
        let site = Site { span, route: Route::Node(open.label.clone()) };
        self.reading.fact(Fact::Attribute { owner, name, value, site });
        Ok(())
    }

    /// A key and a value that somebody attached.
    pub(super) fn metadata(&mut self, message: Message, owner: &str) -> Result<(), Halt> {
        let span = Span::between(message.at, message.end);
        let mut entry = message;
        let mut value = Span::default();
        while let Some(field) = self.wire.next(&mut entry, self.budget)? {
            match field.name() {
                "value" => value = field.content(),
                "" => self.unknown(&entry, &field),
                _ => {}
            }
        }
        let (name, head) = entry_of(&mut self.wire, message, TEXT, self.budget)?;
        let label = format!("{owner} metadata {name}");
        self.payload(label.trim_start(), value);
        let site = Site { span, route: Route::Key(name.clone()) };
        let whole = self.wire.head(value, CONFIG)?;
        for target in libraries(&String::from_utf8_lossy(whole)) {
            let (site, purpose) = (site.clone(), "native library");
            self.reading.fact(Fact::Reference { target, purpose, site });
        }
        if owner.is_empty() {
            let text = String::from_utf8_lossy(self.wire.head(value, CONFIG)?).into_owned();
            crate::config::note(&name, &text, self.reading);
        }
        let value = Value::Text(Excerpt { head: head.into_bytes(), len: value.len });
        let owner = format!("{owner} metadata").trim_start().to_owned();
        self.reading.fact(Fact::Attribute { owner, name, value, site });
        Ok(())
    }

    /// Text that may be a file of its own.
    pub(super) fn payload(&mut self, label: &str, span: Span) {
        let hides = is_payload(&mut self.wire, span).unwrap_or(true);
        if span.len >= LONG || hides {
            self.reading.child(label, self.bytes.slice(span), Role::Storage);
        }
    }
}

/// Libraries of machine code that metadata names: the settings of a session that stand in a model
/// (`ort_config`) can say which are loaded for its operators (ONNX Runtime, `SessionOptions`).
pub(crate) fn libraries(text: &str) -> Vec<String> {
    let pieces = text.split('"').filter(|piece| !piece.contains(char::is_whitespace));
    pieces.filter(|piece| is_library(piece)).take(LIBRARIES).map(str::to_owned).collect()
}

fn is_library(path: &str) -> bool {
    let file = path.rsplit(['/', '\\']).next().unwrap_or_default().to_ascii_lowercase();
    let Some((stem, _)) = file.split_once('.') else { return false };
    let ends = [".so", ".dll", ".dylib"].iter().any(|end| file.ends_with(end));
    !stem.is_empty() && (ends || file.contains(".so."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_that_name_a_library_name_it_as_a_path() {
        let settings = r#"{"session_options": {"ops": ["./libown.so", "C:\\x\\Own.DLL"]}}"#;
        assert_eq!(libraries(settings), ["./libown.so", r"C:\\x\\Own.DLL"]);
        assert_eq!(libraries("/opt/own.so.1"), ["/opt/own.so.1"]);
        assert!(libraries("built against libm.so").is_empty());
        assert!(libraries(r#"{"threads": 1, "note": ".so"}"#).is_empty());
    }
}
