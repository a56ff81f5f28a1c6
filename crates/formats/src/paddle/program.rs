//! Programs: blocks of operators with their attributes, and the variables between them.

use crate::protobuf::{End, Entry, Field, Kind, Message, Table, Wire, sketch, stranger};
use crate::tally::Tally;
use davy_artifact::{Excerpt, Fact, Format, Input, Operator, Probe, Reading, Route, Site, Value};
use davy_bytes::{Budget, Bytes, Halt, Span};

/// Bytes of a text that is read.
const TEXT: usize = 4096;

/// Names of variables and files that are kept.
const TOLD: usize = 1000;

/// Operators of which all attributes matter: those that call Python, run what a library brings, or
/// open files and connections (`paddle/fluid/operators`).
pub(super) const TELLING: &[&str] = &[
    "create_custom_reader",
    "dlnne_engine",
    "fetch_barrier",
    "listen_and_serv",
    "load",
    "load_combine",
    "lite_engine",
    "py_func",
    "read_file",
    "recv",
    "recv_v2",
    "run_program",
    "save",
    "save_combine",
    "send",
    "send_v2",
    "tensorrt_engine",
];

static PROGRAM: Table = Table {
    name: "ProgramDesc",
    fields: &[
        Entry::many(1, "blocks", Kind::Message(&BLOCK)),
        Entry::one(4, "version", Kind::Message(&VERSION)),
        Entry::one(5, "op_version_map", Kind::Bytes),
    ],
};

static VERSION: Table = Table { name: "Version", fields: &[Entry::one(1, "version", Kind::Int)] };

static BLOCK: Table = Table {
    name: "BlockDesc",
    fields: &[
        Entry::one(1, "idx", Kind::Int),
        Entry::one(2, "parent_idx", Kind::Int),
        Entry::many(3, "vars", Kind::Message(&VARIABLE)),
        Entry::many(4, "ops", Kind::Message(&OPERATOR)),
        Entry::one(5, "forward_block_idx", Kind::Int),
    ],
};

static VARIABLE: Table = Table {
    name: "VarDesc",
    fields: &[
        Entry::one(1, "name", Kind::Text),
        Entry::one(2, "type", Kind::Bytes),
        Entry::one(3, "persistable", Kind::Bool),
        Entry::one(4, "need_check_feed", Kind::Bool),
        Entry::one(5, "is_parameter", Kind::Bool),
        Entry::one(6, "stop_gradient", Kind::Bool),
        Entry::many(7, "attrs", Kind::Bytes),
    ],
};

static OPERATOR: Table = Table {
    name: "OpDesc",
    fields: &[
        Entry::many(1, "inputs", Kind::Bytes),
        Entry::many(2, "outputs", Kind::Bytes),
        Entry::one(3, "type", Kind::Text),
        Entry::many(4, "attrs", Kind::Message(&ATTRIBUTE)),
        Entry::one(5, "is_target", Kind::Bool),
    ],
};

static ATTRIBUTE: Table = Table {
    name: "Attr",
    fields: &[
        Entry::one(1, "name", Kind::Text),
        Entry::one(2, "type", Kind::Int),
        Entry::one(3, "i", Kind::Int),
        Entry::one(4, "f", Kind::Float),
        Entry::one(5, "s", Kind::Bytes),
        Entry::many(6, "ints", Kind::Int),
        Entry::many(7, "floats", Kind::Float),
        Entry::many(8, "strings", Kind::Bytes),
        Entry::one(10, "b", Kind::Bool),
        Entry::many(11, "bools", Kind::Bool),
        Entry::one(12, "block_idx", Kind::Int),
        Entry::one(13, "l", Kind::Int),
        Entry::many(14, "blocks_idx", Kind::Int),
        Entry::many(15, "longs", Kind::Int),
        Entry::many(16, "float64s", Kind::Double),
        Entry::one(17, "var_name", Kind::Text),
        Entry::many(18, "vars_name", Kind::Text),
        Entry::one(19, "float64", Kind::Double),
        Entry::one(20, "scalar", Kind::Bytes),
        Entry::many(21, "scalars", Kind::Bytes),
    ],
};

/// The reader of programs.
#[derive(Debug)]
pub struct Program;

impl Format for Program {
    fn id(&self) -> &'static str {
        "paddle"
    }

    fn summary(&self) -> &'static str {
        "programs of Paddle (.pdmodel): operators, their attributes, variables"
    }

    fn probe(&self, head: &[u8], input: &Input<'_>) -> Probe {
        // The first block, of index zero and parent minus one.
        if head.first() != Some(&0x0a) {
            return Probe::No;
        }
        match sketch(head, input.bytes, &PROGRAM) {
            Some(it) if it.fits() && it.has("blocks") && starts(head) => Probe::Certain,
            Some(it) if it.has("blocks") && it.end != End::Fault && starts(head) => Probe::Possible,
            _ => Probe::No,
        }
    }

    fn read(
        &self,
        input: &Input<'_>,
        reading: &mut Reading,
        budget: &mut Budget,
    ) -> Result<(), Halt> {
        let (wire, tally) = (Wire::new(input.bytes), Tally::default());
        let mut walk = Walk { bytes: input.bytes, wire, reading, budget, tally, operators: 0 };
        let result = walk.blocks();
        let Walk { reading, tally, .. } = walk;
        tally.push(reading);
        if let Err(halt) = &result {
            crate::stored::break_off(halt, input.bytes, reading);
        }
        reading.seamless = result.is_ok();
        result
    }
}

/// Whether bytes start with a block that says of itself that it is the first.
fn starts(head: &[u8]) -> bool {
    let behind = head.get(1..).unwrap_or_default();
    let len = behind.iter().take(10).take_while(|byte| **byte >= 0x80).count().saturating_add(1);
    let block = behind.get(len..).unwrap_or_default();
    block.starts_with(&[0x08, 0x00, 0x10, 0xff])
}

/// What for an operator opens the file that one of its attributes names (`paddle/fluid/operators`,
/// `load_op.cc`, `save_op.cc`; `paddle/phi/kernels/cpu/read_file_kernel.cc`); nothing where it opens none.
pub(super) fn opens(operator: &str, key: &str) -> Option<&'static str> {
    let purpose = match operator {
        "load" | "load_combine" => "weights",
        "save" | "save_combine" => "saved file",
        "read_file" => "read file",
        _ if key == "file_path" => "file",
        _ => return None,
    };
    ["file_path", "filename"].contains(&key).then_some(purpose)
}

/// A program that is being read.
struct Walk<'a> {
    bytes: &'a Bytes,
    wire: Wire,
    reading: &'a mut Reading,
    budget: &'a mut Budget,
    tally: Tally,
    operators: u64,
}

impl Walk<'_> {
    fn blocks(&mut self) -> Result<(), Halt> {
        let mut whole = Message::whole(self.bytes, &PROGRAM);
        while let Some(field) = self.wire.next(&mut whole, self.budget)? {
            match field.name() {
                "blocks" => {
                    let mut block = whole.inside(field.content(), &BLOCK);
                    while let Some(part) = self.wire.next(&mut block, self.budget)? {
                        match part.name() {
                            "vars" => self.variable(block.inside(part.content(), &VARIABLE))?,
                            "ops" => self.operator(block.inside(part.content(), &OPERATOR))?,
                            _ => self.unknown(&part),
                        }
                    }
                }
                _ => self.unknown(&field),
            }
        }
        Ok(())
    }

    fn unknown(&mut self, field: &Field) {
        if field.entry.is_none() {
            stranger(field, self.bytes, self.reading);
        }
    }

    fn text(&mut self, span: Span) -> Result<String, Halt> {
        Ok(String::from_utf8_lossy(self.wire.head(span, TEXT)?).into_owned())
    }

    /// A variable: loaders that keep weights in files of their own open the name of one as a path.
    fn variable(&mut self, mut variable: Message) -> Result<(), Halt> {
        let (mut name, mut place, mut kept) = (String::new(), Span::new(variable.at, 0), false);
        while let Some(field) = self.wire.next(&mut variable, self.budget)? {
            match field.number {
                1 => {
                    name = self.text(field.content())?;
                    place = field.content();
                }
                3 => kept = field.int() != 0,
                _ => self.unknown(&field),
            }
        }
        let is_path = name.starts_with(['/', '\\']) || name.contains("..") || name.contains(":\\");
        if kept && is_path && self.reading.facts.len() < TOLD {
            let site = Site { span: place, route: Route::Tensor(name.clone()) };
            self.reading.fact(Fact::Reference { target: name, purpose: "weights", site });
        }
        Ok(())
    }

    fn operator(&mut self, operator: Message) -> Result<(), Halt> {
        let mut fields = operator;
        let (mut name, mut attributes) = (String::new(), Vec::new());
        while let Some(field) = self.wire.next(&mut fields, self.budget)? {
            match field.number {
                3 => name = self.text(field.content())?,
                4 => attributes.push(operator.inside(field.content(), &ATTRIBUTE)),
                _ => self.unknown(&field),
            }
        }
        let route = Route::Node(format!("{} {name}", self.operators));
        self.operators = self.operators.saturating_add(1);
        let span = Span::between(operator.at, operator.end);
        let site = Site { span, route };
        if !TELLING.contains(&name.as_str()) {
            self.tally.count("", &name, || site);
            return Ok(());
        }
        let mut told = Vec::new();
        for attribute in attributes {
            let (key, value) = self.attribute(attribute)?;
            if let (Some(purpose), Value::Text(path)) = (opens(&name, &key), &value) {
                let target = String::from_utf8_lossy(&path.head).into_owned();
                let site = site.clone();
                self.reading.fact(Fact::Reference { target, purpose, site });
            }
            told.push((key, value));
        }
        let operator = Operator { domain: String::new(), name, inputs: vec![], attributes: told };
        self.tally.tell(operator, site);
        Ok(())
    }

    fn attribute(&mut self, mut attribute: Message) -> Result<(String, Value), Halt> {
        let (mut name, mut value, mut items) = (String::new(), Value::None, Vec::new());
        while let Some(field) = self.wire.next(&mut attribute, self.budget)? {
            match field.name() {
                "name" => name = self.text(field.content())?,
                "i" | "l" => value = Value::Int(field.int()),
                "f" | "float64" => value = Value::Float(field.float()),
                "b" => value = Value::Bool(field.int() != 0),
                "s" => value = Value::Text(Excerpt::whole(self.text(field.content())?)),
                "strings" => {
                    items.push(Value::Text(Excerpt::whole(self.text(field.content())?)));
                }
                "type" => {}
                _ => value = Value::Unknown("numbers"),
            }
        }
        let value = if items.is_empty() { value } else { Value::List(items) };
        Ok((name, value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operators_that_open_files_are_known_by_the_attribute_that_names_them() {
        assert_eq!(opens("read_file", "filename"), Some("read file"));
        assert_eq!(opens("save_combine", "file_path"), Some("saved file"));
        assert_eq!(opens("load_combine", "file_path"), Some("weights"));
        assert_eq!((opens("load", "model_from_memory"), opens("relu", "filename")), (None, None));
    }
}
