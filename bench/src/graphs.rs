//! Large graphs, made byte by byte: models of a gigabyte, whose weights are holes in the file, and
//! graphs of a million nodes.

use crate::Outcome;
use std::fs::File;
use std::io::{BufWriter, Seek, SeekFrom, Write};
use std::path::Path;

/// Nodes of the large graphs.
pub const NODES: usize = 1_000_000;
/// Tensors of the large `TFLite` model.
pub const TENSORS: usize = 20_000;
/// Bytes of weights of a large model.
const WEIGHTS: u64 = 1 << 30;

/// A field of a protocol buffer with content.
fn field(number: u8, content: &[u8]) -> Vec<u8> {
    let mut bytes = head(number, content.len() as u64);
    bytes.extend_from_slice(content);
    bytes
}

/// Tag and length of a field, without its content.
fn head(number: u8, length: u64) -> Vec<u8> {
    let mut bytes = vec![number << 3 | 2];
    varint(length, &mut bytes);
    bytes
}

fn varint(mut value: u64, bytes: &mut Vec<u8>) {
    while value > 127 {
        bytes.push(value.to_le_bytes()[0] | 128);
        value >>= 7;
    }
    bytes.push(value.to_le_bytes()[0]);
}

fn number(number: u8, value: u64) -> Vec<u8> {
    let mut bytes = vec![number << 3];
    varint(value, &mut bytes);
    bytes
}

/// An ONNX model: version, operator set, and a graph whose parts were written before.
fn onnx(path: &Path, before: &[u8], weights: u64, after: &[u8]) -> Outcome<()> {
    let mut file = BufWriter::new(File::create(path)?);
    let opset = field(8, &number(2, 17));
    let length = before.len() as u64 + weights + after.len() as u64;
    for part in [&number(1, 8), &opset, &head(7, length), before] {
        file.write_all(part)?;
    }
    file.seek(SeekFrom::Current(weights.try_into()?))?;
    file.write_all(after)?;
    file.flush()?;
    Ok(())
}

fn value_info(name: &str) -> Vec<u8> {
    // A tensor of float32 with two dimensions.
    let dimensions = [field(1, &number(1, 1)), field(1, &number(1, 64))].concat();
    let tensor = [number(1, 1), field(2, &dimensions)].concat();
    [field(1, name.as_bytes()), field(2, &field(1, &tensor))].concat()
}

/// An ONNX model of one gigabyte: one matrix that is nearly all of it.
pub fn onnx_weights(path: &Path) -> Outcome<()> {
    let rows = WEIGHTS / 4 / 1024;
    let mut tensor = [number(1, rows), number(1, 1024), number(2, 1), field(8, b"w")].concat();
    tensor.extend(head(9, WEIGHTS));
    let node = [field(1, b"x"), field(1, b"w"), field(2, b"y"), field(4, b"MatMul")].concat();
    let mut before = field(1, &node);
    before.extend(head(5, tensor.len() as u64 + WEIGHTS));
    before.extend(tensor);
    let after = [field(11, &value_info("x")), field(12, &value_info("y"))].concat();
    onnx(path, &before, WEIGHTS, &after)
}

/// The operators of the large graphs, in turn, with how many inputs each has.
const OPERATORS: [(&str, &str, usize); 5] = [
    ("MatMul", "MatMul", 2),
    ("Add", "AddV2", 2),
    ("Relu", "Relu", 1),
    ("Mul", "Mul", 2),
    ("Max", "Maximum", 2),
];

/// An ONNX graph of a million nodes in a row, names as exporters write them.
pub fn onnx_nodes(path: &Path) -> Outcome<()> {
    let mut before = Vec::new();
    let mut last = "x".to_owned();
    for at in 0..NODES {
        let (op, _, inputs) = OPERATORS[at % OPERATORS.len()];
        let made = format!("/model/layers.{}/{op}_{at}_output_0", at / 5);
        let mut node = field(1, last.as_bytes());
        if inputs == 2 {
            node.extend(field(1, b"w"));
        }
        node.extend(field(2, made.as_bytes()));
        node.extend(field(3, format!("/model/layers.{}/{op}_{at}", at / 5).as_bytes()));
        node.extend(field(4, op.as_bytes()));
        before.extend(field(1, &node));
        last = made;
    }
    let mut tensor = [number(1, 64), number(1, 64), number(2, 1), field(8, b"w")].concat();
    tensor.extend(field(9, &vec![0; 64 * 64 * 4]));
    before.extend(field(5, &tensor));
    let after = [field(11, &value_info("x")), field(12, &value_info(&last))].concat();
    onnx(path, &before, 0, &after)
}

/// A `TensorFlow` graph of a million nodes in a row.
pub fn tensorflow_nodes(path: &Path) -> Outcome<()> {
    let mut file = BufWriter::new(File::create(path)?);
    let mut node = |name: &str, op: &str, inputs: &[&str]| {
        let mut node = [field(1, name.as_bytes()), field(2, op.as_bytes())].concat();
        inputs.iter().for_each(|input| node.extend(field(3, input.as_bytes())));
        // The element type, as every node has it.
        let kind = [field(1, b"T"), field(2, &number(6, 1))].concat();
        node.extend(field(5, &kind));
        file.write_all(&field(1, &node))
    };
    node("x", "Placeholder", &[])?;
    node("w", "VariableV2", &[])?;
    let mut last = "x".to_owned();
    for at in 0..NODES - 2 {
        let (_, op, inputs) = OPERATORS[at % OPERATORS.len()];
        let name = format!("model/layer_{}/{op}_{at}", at / 5);
        let both = [last.as_str(), "w"];
        node(&name, op, &both[..inputs])?;
        last = name;
    }
    file.flush()?;
    Ok(())
}

/// A `TensorFlow` graph of readers of files, each of whose paths is the one before with more behind.
pub fn tensorflow_paths(path: &Path) -> Outcome<()> {
    const READERS: usize = 30_000;
    let mut file = BufWriter::new(File::create(path)?);
    let text = |name: &str, text: &[u8]| {
        let tensor = [number(1, 7), field(2, b""), field(8, text)].concat();
        let value = [field(1, b"value"), field(2, &field(8, &tensor))].concat();
        field(1, &[field(1, name.as_bytes()), field(2, b"Const"), field(5, &value)].concat())
    };
    let node = |name: String, op: &str, inputs: &[&str]| {
        let mut node = [field(1, name.as_bytes()), field(2, op.as_bytes())].concat();
        inputs.iter().for_each(|input| node.extend(field(3, input.as_bytes())));
        field(1, &node)
    };
    file.write_all(&text("p0", b"/x"))?;
    file.write_all(&text("s", b"y"))?;
    for at in 1..=READERS {
        let before = format!("p{}", at - 1);
        file.write_all(&node(format!("p{at}"), "StringJoin", &[&before, "s"]))?;
        file.write_all(&node(format!("r{at}"), "ReadFile", &[&format!("p{at}")]))?;
    }
    file.flush()?;
    Ok(())
}

/// A `TFLite` model of one gigabyte in 20,000 tensors, each with a buffer of its own.
pub fn tflite(path: &Path) -> Outcome<()> {
    let mut flat = Flat::default();
    let [model, opcode, graph, tensor, operator, buffer] = [
        flat.vtable(20, &[4, 8, 12, 0, 16]),
        flat.vtable(8, &[0, 0, 0, 4]),
        flat.vtable(20, &[4, 8, 12, 16]),
        flat.vtable(16, &[4, 0, 8, 12]),
        flat.vtable(12, &[0, 4, 8]),
        flat.vtable(8, &[4]),
    ];
    let count = TENSORS as u32;
    let root = flat.table(model, &[3, 0, 0, 0]);
    flat.at(0, root);
    flat.point(root + 8);
    let codes = flat.vector(&[0]);
    flat.point(codes);
    flat.table(opcode, &[0]);
    flat.point(root + 12);
    let graphs = flat.vector(&[0]);
    flat.point(graphs);
    let one = flat.table(graph, &[0; 4]);
    flat.point(one + 4);
    let tensors = flat.vector(&vec![0; TENSORS]);
    for (field, index) in [(8, 0), (12, 1)] {
        flat.point(one + field);
        flat.vector(&[index]);
    }
    flat.point(one + 16);
    let operators = flat.vector(&[0]);
    flat.point(operators);
    let it = flat.table(operator, &[0, 0]);
    flat.point(it + 4);
    flat.vector(&[0]);
    flat.point(it + 8);
    flat.vector(&[1]);
    let each = u32::try_from(WEIGHTS)? / count / 16 * 16;
    for at in 0..count {
        flat.point(tensors + 4 * at);
        let it = flat.table(tensor, &[0, at + 1, 0]);
        flat.point(it + 4);
        flat.vector(&[each / 4]);
        flat.point(it + 12);
        flat.text(&format!("model/layer_{at}/kernel"));
    }
    flat.point(root + 16);
    let buffers = flat.vector(&vec![0; TENSORS + 1]);
    let mut tables = Vec::new();
    for at in 0..=count {
        flat.point(buffers + 4 * at);
        tables.push(flat.table(buffer, &[0]));
    }
    // The weights stand behind everything, as holes: only their lengths are written.
    let mut at = u32::try_from(flat.bytes.len().next_multiple_of(16))?;
    let mut lengths = Vec::new();
    for table in &tables[1..] {
        flat.at(table + 4, at + 12);
        lengths.push(u64::from(at + 12));
        at += each + 16;
    }
    flat.at(tables[0] + 4, u32::try_from(lengths[0])?);
    let mut file = BufWriter::new(File::create(path)?);
    file.write_all(&flat.bytes)?;
    for length in lengths {
        file.seek(SeekFrom::Start(length))?;
        file.write_all(&each.to_le_bytes())?;
    }
    file.flush()?;
    file.get_ref().set_len(u64::from(at))?;
    Ok(())
}

/// A FlatBuffer that grows forwards: whatever points to something is there before it.
struct Flat {
    bytes: Vec<u8>,
}

impl Default for Flat {
    fn default() -> Self {
        Self { bytes: b"\0\0\0\0TFL3".to_vec() }
    }
}

impl Flat {
    fn here(&self) -> u32 {
        u32::try_from(self.bytes.len()).unwrap_or(u32::MAX)
    }

    fn words(&mut self, words: &[u32]) {
        words.iter().for_each(|word| self.bytes.extend(word.to_le_bytes()));
    }

    /// A table of where fields stand in a table of `size` bytes.
    fn vtable(&mut self, size: u16, fields: &[u16]) -> u32 {
        let start = self.here();
        let length = u16::try_from(4 + 2 * fields.len()).unwrap_or(0);
        for word in [length, size].iter().chain(fields) {
            self.bytes.extend(word.to_le_bytes());
        }
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
        start
    }

    fn table(&mut self, vtable: u32, fields: &[u32]) -> u32 {
        let start = self.here();
        self.words(&[start - vtable]);
        self.words(fields);
        start
    }

    fn vector(&mut self, items: &[u32]) -> u32 {
        self.words(&[u32::try_from(items.len()).unwrap_or(0)]);
        let start = self.here();
        self.words(items);
        start
    }

    fn text(&mut self, text: &str) {
        self.words(&[u32::try_from(text.len()).unwrap_or(0)]);
        self.bytes.extend(text.as_bytes());
        self.bytes.push(0);
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
    }

    /// Makes the field at `at` point to what is written next.
    fn point(&mut self, at: u32) {
        self.at(at, self.here());
    }

    /// Makes the field at `at` point to `to`.
    fn at(&mut self, at: u32, to: u32) {
        let start = at as usize;
        self.bytes[start..start + 4].copy_from_slice(&(to - at).to_le_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_varints() {
        assert_eq!(head(9, 300), [0x4a, 0xac, 0x02]);
        assert_eq!(field(1, b"x"), [0x0a, 1, b'x']);
    }
}
