//! Models in the form that ONNX Runtime makes of ONNX for small devices: a `FlatBuffer` with the same
//! graphs, nodes and tensors (`ort.fbs`).
//!
//! The runtime verifies the buffer only where it is built to, so that each offset that leads astray
//! is recorded here, and what does not hang on it is read on.

mod flow;

use crate::flatbuffers::{Flat, Table, Vector, has_identifier};
use crate::graph::{Constant, is_column};
use crate::tally::Tally;
use crate::tflite::{explain, keep};
use davy_artifact::{
    Excerpt, Fact, Format, Input, Operator, Probe, Quirk, Reading, Role, Route, Site, Tensor, Value,
};
use davy_bytes::{Budget, Halt, Span, to_u64};
use flow::{Flow, Join};

/// Elements of one list that are read at most.
const MOST: u64 = 1 << 22;
/// Bytes of a text that are kept.
const TEXT: usize = 1024;
/// Tensors that are told one by one; more are counted.
const TOLD: usize = 50_000;
/// Tensors of at least this many bytes are read for what else they could be.
const WORTH_READING: u64 = 1024;
/// So many of them.
const READ: usize = 1024;
/// Attributes that are told of one node, and items of a list in one.
const PARTS: usize = 64;
/// Elements of constants that are looked into.
const LOOKED_INTO: u64 = 16;
/// Graphs in graphs that are followed.
const DEPTH: u32 = 64;

/// Sets of operators that the runtime brings itself.
const COMMON: &[&str] = &[
    "",
    "ai.onnx",
    "ai.onnx.ml",
    "ai.onnx.preview",
    "ai.onnx.preview.training",
    "ai.onnx.training",
    "com.microsoft",
    "com.microsoft.nchwc",
    "com.ms.internal.nhwc",
];

/// Operators of these sets that call what is outside of the model.
const CALLING: &[&str] = &["ATen", "EPContext", "PyCustomOp", "PyOp", "PythonOp", "PythonOpGrad"];

/// Element types, in the order of `TensorDataType`, with the bits of an element.
const TYPES: &[(&str, u64)] = &[
    ("UNDEFINED", 0),
    ("FLOAT", 32),
    ("UINT8", 8),
    ("INT8", 8),
    ("UINT16", 16),
    ("INT16", 16),
    ("INT32", 32),
    ("INT64", 64),
    ("STRING", 0),
    ("BOOL", 8),
    ("FLOAT16", 16),
    ("DOUBLE", 64),
    ("UINT32", 32),
    ("UINT64", 64),
    ("COMPLEX64", 64),
    ("COMPLEX128", 128),
    ("BFLOAT16", 16),
    ("FLOAT8E4M3FN", 8),
    ("FLOAT8E4M3FNUZ", 8),
    ("FLOAT8E5M2", 8),
    ("FLOAT8E5M2FNUZ", 8),
    ("UINT4", 4),
    ("INT4", 4),
    ("FLOAT4E2M1", 4),
];

/// Element types, by the number that TFLite has for them.
const LITE: &[(i32, u8)] =
    &[(1, 0), (2, 3), (3, 9), (5, 7), (6, 2), (7, 4), (8, 5), (9, 6), (10, 1), (11, 10)];

/// The ORT reader.
#[derive(Debug)]
pub struct Ort;

impl Format for Ort {
    fn id(&self) -> &'static str {
        "ort"
    }

    fn summary(&self) -> &'static str {
        "models of ONNX Runtime's own form: graphs, nodes and tensors of a FlatBuffer"
    }

    fn probe(&self, head: &[u8], _: &Input<'_>) -> Probe {
        if has_identifier(head, b"ORTM") { Probe::Certain } else { Probe::No }
    }

    fn read(
        &self,
        input: &Input<'_>,
        reading: &mut Reading,
        budget: &mut Budget,
    ) -> Result<(), Halt> {
        let mut flat = Flat::new(input.bytes, budget);
        let root = flat.root()?;
        let (tally, waiting) = (Tally::default(), Vec::new());
        let mut model = Model { flat, reading, tally, waiting, tensors: 0, flow: Flow::default() };
        let read = model.read(root);
        let Model { flat, reading, tally, .. } = model;
        tally.push(reading);
        read?;
        explain(&flat, false, reading)
    }
}

/// The node whose attributes are read.
struct Within<'a> {
    /// Whether it is told by itself.
    told: bool,
    /// How many graphs it is in.
    depth: u32,
    op: &'a str,
    node: Option<crate::graph::NodeId>,
    /// The graph that it is in.
    scope: usize,
}

/// A graph that waits to be read.
struct Waiting {
    table: Table,
    path: String,
    depth: u32,
    join: Join,
    /// The graph around it.
    around: Option<usize>,
}

/// A model that is being read.
struct Model<'a> {
    flat: Flat<'a>,
    reading: &'a mut Reading,
    tally: Tally,
    waiting: Vec<Waiting>,
    tensors: usize,
    flow: Flow,
}

impl Model<'_> {
    fn read(&mut self, root: Table) -> Result<(), Halt> {
        self.text_attribute(root, 0, "ort_version")?;
        let model = self.flat.child(root, 1, "model");
        let Some(model) = keep(model, self.reading, || Route::None)?.flatten() else {
            let what = "no model";
            self.reading.deviation(Quirk::Missing, Span::new(root.at, 4), Route::None, what);
            return Ok(());
        };
        self.about(model)?;
        let graph = self.flat.child(model, 7, "graph");
        if let Some(table) = keep(graph, self.reading, || Route::None)?.flatten() {
            let (path, join) = (String::new(), Join::Main);
            self.waiting.push(Waiting { table, path, depth: 0, join, around: None });
        }
        while let Some(graph) = self.waiting.pop() {
            self.graph(&graph)?;
        }
        self.tell_overrides()?;
        self.resolver(root)
    }

    fn attribute(&mut self, owner: &str, name: &str, value: Value, at: u64) {
        let site = Site { span: Span::new(at, 4), route: Route::None };
        let (owner, name) = (owner.to_owned(), name.to_owned());
        self.reading.fact(Fact::Attribute { owner, name, value, site });
    }

    fn text_attribute(&mut self, table: Table, field: u16, name: &'static str) -> Result<(), Halt> {
        let text = self.flat.text(table, field, name, TEXT);
        let text = keep(text, self.reading, || Route::None)?.unwrap_or_default();
        if !text.is_empty() {
            self.attribute("", name, Value::Text(Excerpt::whole(text)), table.at);
        }
        Ok(())
    }

    /// What the model says of itself.
    fn about(&mut self, model: Table) -> Result<(), Halt> {
        let names = [(2, "producer_name"), (3, "producer_version"), (4, "domain")];
        for (field, name) in names {
            self.text_attribute(model, field, name)?;
        }
        let version = self.flat.i64(model, 0, 0);
        let version = keep(version, self.reading, || Route::None)?.unwrap_or_default();
        self.attribute("", "ir_version", Value::Int(version), model.at);
        let sets = self.list(model, 1, "operator sets")?;
        for index in 0..sets.count.min(MOST) {
            let set = self.set(sets, index);
            if let Some((domain, version)) = keep(set, self.reading, || Route::None)? {
                self.attribute("opset_import", &domain, Value::Int(version), sets.span.start);
            }
        }
        let entries = self.list(model, 9, "metadata")?;
        for index in 0..entries.count.min(MOST) {
            let entry = self.entry(entries, index);
            if let Some((key, value)) = keep(entry, self.reading, || Route::None)? {
                for target in crate::onnx::libraries(&value) {
                    let site = Site {
                        span: Span::new(entries.span.start, 4),
                        route: Route::Key(key.clone()),
                    };
                    self.reading.fact(Fact::Reference { target, purpose: "native library", site });
                }
                crate::config::note(&key, &value, self.reading);
                let value = Value::Text(Excerpt::whole(value));
                self.attribute("metadata_props", &key, value, entries.span.start);
            }
        }
        Ok(())
    }

    fn set(&mut self, list: Vector, index: u64) -> Result<(String, i64), Halt> {
        let table = self.flat.element(list, index, "operator set")?;
        Ok((self.flat.text(table, 0, "domain", TEXT)?, self.flat.i64(table, 1, 0)?))
    }

    fn entry(&mut self, list: Vector, index: u64) -> Result<(String, String), Halt> {
        let table = self.flat.element(list, index, "metadata entry")?;
        let key = self.flat.text(table, 0, "key", TEXT)?;
        Ok((key, self.flat.text(table, 1, "value", TEXT)?))
    }

    fn list(&mut self, table: Table, field: u16, what: &'static str) -> Result<Vector, Halt> {
        let list = self.flat.vector(table, field, 4, what);
        Ok(keep(list, self.reading, || Route::None)?.flatten().unwrap_or_default())
    }

    fn graph(&mut self, graph: &Waiting) -> Result<(), Halt> {
        let Waiting { table, path, .. } = graph;
        let scope = self.flow.enter(graph.around);
        let tensors = self.list(*table, 0, "initializers")?;
        for index in 0..tensors.count.min(MOST) {
            let route = || Route::Tensor(format!("{path}initializer {index}"));
            let read = self.flat.element(tensors, index, "initializer");
            let read = read.and_then(|tensor| self.tensor(tensor, path));
            if let Some((name, constant)) = keep(read, self.reading, route)? {
                self.flow.constant(scope, &name, constant);
            }
        }
        let sparse = self.list(*table, 7, "sparse initializers")?;
        for index in 0..sparse.count.min(MOST) {
            let route = || Route::Tensor(format!("{path}sparse initializer {index}"));
            let read = self.sparse(sparse, index, path);
            keep(read, self.reading, route)?;
        }
        let nodes = self.list(*table, 2, "nodes")?;
        for index in 0..nodes.count.min(MOST) {
            let route = || Route::Node(format!("{path}{index}"));
            let read = self.node(nodes, index, (graph, scope));
            keep(read, self.reading, route)?;
        }
        let mut ends = [Vec::new(), Vec::new()];
        for (field, names) in [5, 6].into_iter().zip(&mut ends) {
            let list = self.list(*table, field, "ends of a graph")?;
            for index in 0..list.count.min(MOST) {
                let name = self.flat.text_element(list, index, TEXT);
                names.extend(keep(name, self.reading, || Route::None)?);
            }
        }
        let [inputs, outputs] = ends;
        self.leave(scope, graph.join, (&inputs, &outputs));
        let shown =
            |names: &[String]| names.get(..names.len().min(PARTS)).unwrap_or_default().join(", ");
        let ends = [shown(&inputs), shown(&outputs)];
        self.values(*table)?;
        let detail = format!("{} nodes, ({})", nodes.count, ends.join(") -> ("));
        let site = Site { span: Span::new(table.at, 4), route: Route::None };
        let path = format!("{path}graph");
        self.reading.fact(Fact::Object { path, kind: "graph", detail, site });
        Ok(())
    }

    /// Goes over the types of values and the edges between nodes, of which nothing is told.
    fn values(&mut self, graph: Table) -> Result<(), Halt> {
        for (field, what) in [(1, "value"), (4, "edges of a node")] {
            let list = self.list(graph, field, what)?;
            for index in 0..list.count.min(MOST) {
                let read = self.value(list, index, field);
                keep(read, self.reading, || Route::None)?;
            }
        }
        Ok(())
    }

    fn value(&mut self, list: Vector, index: u64, field: u16) -> Result<(), Halt> {
        let table = self.flat.element(list, index, "value")?;
        if field == 1 {
            self.flat.string(table, 0, "name of a value")?;
        } else {
            self.flat.vector(table, 1, 12, "edges")?;
            self.flat.vector(table, 2, 12, "edges")?;
        }
        Ok(())
    }

    /// Goes over the list of kernels that operators may use.
    fn resolver(&mut self, root: Table) -> Result<(), Halt> {
        let table = self.flat.child(root, 3, "kernel types");
        let Some(table) = keep(table, self.reading, || Route::None)?.flatten() else {
            return Ok(());
        };
        let list = self.list(table, 0, "kernel types")?;
        for index in 0..list.count.min(MOST) {
            let read = self.kernel(list, index);
            keep(read, self.reading, || Route::None)?;
        }
        Ok(())
    }

    fn kernel(&mut self, list: Vector, index: u64) -> Result<(), Halt> {
        let kernel = self.flat.element(list, index, "kernel types of an operator")?;
        self.flat.string(kernel, 0, "operator")?;
        let types = self.flat.vector(kernel, 1, 4, "kernel types")?.unwrap_or_default();
        for index in 0..types.count.min(MOST) {
            let entry = self.flat.element(types, index, "kernel type")?;
            self.flat.string(entry, 0, "name of a kernel type")?;
            let args = self.flat.vector(entry, 1, 4, "arguments of a kernel type")?;
            let args = args.unwrap_or_default();
            for index in 0..args.count.min(MOST) {
                self.flat.element(args, index, "argument of a kernel type")?;
            }
        }
        Ok(())
    }

    fn sparse(&mut self, list: Vector, index: u64, path: &str) -> Result<(), Halt> {
        let table = self.flat.element(list, index, "sparse initializer")?;
        for field in [0, 1] {
            if let Some(tensor) = self.flat.child(table, field, "part of a sparse tensor")? {
                self.tensor(tensor, path)?;
            }
        }
        self.flat.vector(table, 2, 8, "dimensions")?;
        Ok(())
    }

    /// Tells of a tensor, and compares its shape and type with its bytes.
    fn tensor(&mut self, table: Table, path: &str) -> Result<(String, Constant), Halt> {
        let own = self.flat.text(table, 0, "name of a tensor", TEXT)?;
        let dims = self.flat.vector(table, 2, 8, "dimensions")?.unwrap_or_default();
        let mut size = Vec::new();
        for index in 0..dims.count.min(to_u64(PARTS)) {
            size.push(self.flat.i64_element(dims, index)?);
        }
        let number = self.flat.i32(table, 3, 0)?;
        let kind = usize::try_from(number).ok().and_then(|number| TYPES.get(number));
        let data = self.flat.vector(table, 4, 1, "bytes of a tensor")?.unwrap_or_default().span;
        self.flat.vector(table, 5, 4, "texts of a tensor")?;
        let constant = self.constant(number, &size, data)?;
        let name = format!("{path}{own}");
        let route = || Route::Tensor(name.clone());
        let place = Span::new(table.at, 4);
        let elements = crate::tflite::elements(&size);
        let needed = elements.zip(kind).and_then(|(count, (_, bits))| count.checked_mul(*bits));
        let needed = needed.map(|bits| bits.div_ceil(8));
        if kind.is_none() {
            let what = format!("element type {number}");
            self.reading.deviation(Quirk::OutOfRange, place, route(), &what);
        } else if needed.is_none() {
            let what = format!("dimensions {size:?}");
            self.reading.deviation(Quirk::OutOfRange, place, route(), &what);
        } else if data.len > 0 && needed != Some(data.len) {
            let what = format!("dimensions {size:?} in {} bytes", data.len);
            self.reading.deviation(Quirk::SizeMismatch, place, route(), &what);
        }
        if data.len >= WORTH_READING && self.tensors < READ {
            let bytes = self.flat.bytes().slice(data);
            self.reading.child(name.clone(), bytes, Role::Storage);
        }
        self.tensors = self.tensors.saturating_add(1);
        if self.tensors <= TOLD {
            let dtype = kind.map_or("UNDEFINED", |(name, _)| name).to_owned();
            let elements = elements.unwrap_or_default();
            let site = Site { span: if data.len > 0 { data } else { place }, route: route() };
            let tensor = Tensor { storage: name, dtype, elements, offset: 0, size, stride: vec![] };
            self.reading.fact(Fact::Tensor { tensor, site });
        }
        Ok((own, constant))
    }

    /// A tensor, as far as what flows through the graph depends on it.
    fn constant(&self, number: i32, size: &[i64], data: Span) -> Result<Constant, Halt> {
        let elements = crate::tflite::elements(size).unwrap_or_default();
        let mut head = Vec::new();
        let kind = LITE.iter().find(|(of, _)| *of == number).map(|(_, kind)| *kind);
        if let Some(kind) = kind.filter(|_| elements <= LOOKED_INTO && data.len > 0) {
            match crate::tflite::value(self.flat.bytes(), data, kind)? {
                Value::List(items) => head.extend(items),
                one => head.push(one),
            }
        }
        Ok(Constant { elements, head, is_column: is_column(size) })
    }

    fn node(
        &mut self,
        list: Vector,
        index: u64,
        (graph, scope): (&Waiting, usize),
    ) -> Result<(), Halt> {
        let table = self.flat.element(list, index, "node")?;
        let name = self.flat.text(table, 0, "name of a node", TEXT)?;
        let domain = self.flat.text(table, 2, "domain of a node", TEXT)?;
        let op = self.flat.text(table, 5, "operator of a node", TEXT)?;
        let mut ends = Vec::new();
        for (field, what) in [(8, "inputs"), (9, "outputs"), (11, "input counts"), (12, "inputs")] {
            ends.push(self.flat.vector(table, field, 4, what)?.unwrap_or_default());
        }
        let mut ends = ends.into_iter();
        let inputs = self.texts(ends.next().unwrap_or_default())?;
        let outputs = self.texts(ends.next().unwrap_or_default())?;
        let shown = if name.is_empty() { index.to_string() } else { name };
        let path = format!("{}{shown}", graph.path);
        let told = !COMMON.contains(&domain.as_str()) || CALLING.contains(&op.as_str());
        let place = Span::new(table.at, 4);
        let id = self.follow(scope, (&op, &path), place, (&inputs, &outputs));
        let within = Within { told, depth: graph.depth, op: &op, node: id, scope };
        let attributes = self.attributes(table, &path, &within)?;
        let route = Route::Node(path);
        let site = Site { span: Span::new(table.at, 4), route };
        if told {
            let operator = Operator { domain, name: op, inputs: vec![], attributes };
            self.tally.tell(operator, site);
        } else {
            self.tally.count(&domain, &op, || site);
        }
        Ok(())
    }

    /// The attributes of a node. Graphs and tensors among them are read, and of a node that is told
    /// all other values as well.
    fn attributes(
        &mut self,
        node: Table,
        path: &str,
        within: &Within<'_>,
    ) -> Result<Vec<(String, Value)>, Halt> {
        let list = self.flat.vector(node, 10, 4, "attributes")?.unwrap_or_default();
        let mut attributes = Vec::new();
        for index in 0..list.count.min(MOST) {
            let table = self.flat.element(list, index, "attribute")?;
            let name = self.flat.text(table, 0, "name of an attribute", TEXT)?;
            let inner = format!("{path}/{name}/");
            if let Some(tensor) = self.flat.child(table, 6, "tensor of an attribute")? {
                let (_, constant) = self.tensor(tensor, &inner)?;
                if let Some(node) = within.node.filter(|_| within.op == "Constant") {
                    self.flow.made(node, constant);
                }
            }
            let tensors = self.flat.vector(table, 11, 4, "tensors")?.unwrap_or_default();
            for index in 0..tensors.count.min(MOST) {
                let tensor = self.flat.element(tensors, index, "tensor of an attribute")?;
                self.tensor(tensor, &inner)?;
            }
            if let Some(node) = within.node.filter(|_| within.op == "Cast" && name == "to") {
                let to = self.flat.i64(table, 4, 0)?;
                self.flow.cast(node, to);
            }
            self.graphs(table, &inner, (within, &name))?;
            self.values_of(table)?;
            if within.told && attributes.len() < PARTS {
                let value = self.attribute_value(table)?;
                attributes.push((name, value));
            }
        }
        Ok(attributes)
    }

    /// Goes over the values of an attribute, which the trees of a forest have by the thousand.
    fn values_of(&mut self, attribute: Table) -> Result<(), Halt> {
        for (field, what) in [(1, "text"), (5, "text")] {
            self.flat.string(attribute, field, what)?;
        }
        for (field, width) in [(8, 4), (9, 8)] {
            self.flat.vector(attribute, field, width, "numbers")?;
        }
        let texts = self.flat.vector(attribute, 10, 4, "texts")?.unwrap_or_default();
        for index in 0..texts.count.min(MOST) {
            self.flat.text_element(texts, index, TEXT)?;
        }
        Ok(())
    }

    /// Puts the graphs of an attribute on the list of what is to be read.
    fn graphs(
        &mut self,
        attribute: Table,
        path: &str,
        (within, name): (&Within<'_>, &str),
    ) -> Result<(), Halt> {
        let depth = within.depth.saturating_add(1);
        let join = within.node.map_or(Join::Main, |node| Join::of(within.op, name, node));
        let mut graphs: Vec<Table> =
            self.flat.child(attribute, 7, "graph of an attribute")?.into_iter().collect();
        let list = self.flat.vector(attribute, 12, 4, "graphs")?.unwrap_or_default();
        for index in 0..list.count.min(MOST) {
            graphs.push(self.flat.element(list, index, "graph of an attribute")?);
        }
        if depth > DEPTH && !graphs.is_empty() {
            return Err(Halt::exhausted(attribute.at, "graphs that lie too deep in each other"));
        }
        for table in graphs {
            let (path, around) = (path.to_owned(), Some(within.scope));
            self.waiting.push(Waiting { table, path, depth, join, around });
        }
        Ok(())
    }

    /// The value of an attribute that is no tensor or graph.
    fn attribute_value(&mut self, table: Table) -> Result<Value, Halt> {
        let kind = self.flat.i32(table, 2, 0)?;
        Ok(match kind {
            1 => Value::Float(f64::from(self.flat.f32(table, 3, 0.0)?)),
            2 => Value::Int(self.flat.i64(table, 4, 0)?),
            3 => Value::Text(Excerpt::whole(self.flat.text(table, 5, "text", TEXT)?)),
            7 => {
                let list = self.flat.vector(table, 9, 8, "numbers")?.unwrap_or_default();
                let mut items = Vec::new();
                for index in 0..list.count.min(to_u64(PARTS)) {
                    items.push(Value::Int(self.flat.i64_element(list, index)?));
                }
                Value::List(items)
            }
            8 => {
                let list = self.flat.vector(table, 10, 4, "texts")?.unwrap_or_default();
                let mut items = Vec::new();
                for index in 0..list.count.min(to_u64(PARTS)) {
                    let text = self.flat.text_element(list, index, TEXT)?;
                    items.push(Value::Text(Excerpt::whole(text)));
                }
                Value::List(items)
            }
            4 | 9 | 11 | 12 => Value::Unknown("a tensor"),
            5 | 10 => Value::Unknown("a graph"),
            _ => Value::Unknown("numbers"),
        })
    }
}
