//! The graphs of a model: tensors, operators, and the indices by which they hang together.

use super::check::{COUNTED, Checked};
use super::flow::{Step, makes_one};
use super::{Buffer, MOST, Model, NAME, constant, count, elements, keep, table};
use crate::calls::Calls;
use crate::flatbuffers::{Table, Vector};
use davy_artifact::{Excerpt, Fact, Operator, Quirk, Route, Site, Tensor, Value, Why};
use davy_bytes::{Blame, Halt, Span, to_usize};

/// Tensors that are told one by one; more are counted.
const TOLD: u64 = 50_000;
/// Dimensions that are read of one tensor: the runtime takes eight.
const DIMENSIONS: u64 = 64;
/// Inputs of one operator that are told.
const INPUTS: u64 = 16;

/// A tensor, as far as operators need it.
#[derive(Clone, Copy)]
pub(super) struct Slot {
    pub(super) dtype: u8,
    pub(super) data: Buffer,
    pub(super) elements: u64,
    /// Whether a product with it makes a single number.
    pub(super) is_column: bool,
    /// Where its dimensions stand.
    pub(super) shape: Vector,
    /// Whether it has bytes, or gets some before the next operator runs.
    pub(super) is_made: bool,
}

/// A graph that is being read.
pub(super) struct Graph {
    index: u64,
    name: String,
    pub(super) tensors: Vec<Slot>,
}

impl Graph {
    fn route(&self, part: &str, index: u64) -> Route {
        Route::Node(format!("{}/{part} {index}", self.name))
    }
}

impl Model<'_> {
    /// Reads all graphs.
    pub(super) fn graphs(&mut self, root: Table) -> Result<(), Halt> {
        let list = self.flat.vector(root, 2, 4, "list of graphs");
        let Some(list) = keep(list, self.reading, || Route::None)?.flatten() else { return Ok(()) };
        let mut calls = Calls::default();
        let mut sizes = Vec::new();
        for index in 0..list.count.min(MOST) {
            let route = || Route::Object(format!("graph {index}"));
            let table = self.flat.element(list, index, "graph");
            sizes.push(match keep(table, self.reading, route)? {
                Some(table) => self.graph(table, index, list.count, &mut calls)?,
                None => 0,
            });
        }
        let extent = calls.extent(&sizes);
        extent.tell(list.span, self.reading);
        if let Some(graph) = extent.cycles.first() {
            let what = format!("graph {graph} calls itself, directly or through others");
            let route = Route::Object(format!("graph {graph}"));
            self.reading.deviation(Quirk::Cycle, list.span, route, &what);
        }
        Ok(())
    }

    /// Reads a graph, and returns how many operators it has.
    fn graph(
        &mut self,
        table: Table,
        index: u64,
        graphs: u64,
        calls: &mut Calls,
    ) -> Result<u64, Halt> {
        let route = || Route::Object(format!("graph {index}"));
        let name = self.flat.text(table, 4, "name of a graph", NAME);
        let name = keep(name, self.reading, route)?.filter(|name| !name.is_empty());
        let name = name.unwrap_or_else(|| format!("graph {index}"));
        let mut graph = Graph { index, name, tensors: vec![] };
        let tensors = self.flat.vector(table, 0, 4, "list of tensors");
        let tensors = keep(tensors, self.reading, route)?.flatten().unwrap_or_default();
        for at in 0..self.bounded(tensors) {
            let tensor = self.tensor(tensors, at, &graph)?;
            graph.tensors.push(tensor);
        }
        self.follow_tensors(&graph.name, &graph.tensors)?;
        let (mut ends, mut lists) = ([0, 0], [Vector::default(), Vector::default()]);
        for (field, (end, all)) in [1, 2].into_iter().zip(ends.iter_mut().zip(&mut lists)) {
            let list = self.flat.vector(table, field, 4, "ends of a graph");
            let list = keep(list, self.reading, route)?.flatten().unwrap_or_default();
            (*end, *all) = (list.count, list);
            self.check_indices(list, &graph, &route(), false)?;
            let way = if field == 1 { "inputs" } else { "outputs" };
            self.tell_ends((list, tensors), &graph, way)?;
        }
        let [inputs, outputs] = lists;
        let (inputs, outputs) = (self.indices(inputs)?, self.indices(outputs)?);
        self.flow.ends(&inputs, &outputs);
        for input in &inputs {
            let slot = usize::try_from(*input).ok();
            if let Some(slot) = slot.and_then(|index| graph.tensors.get_mut(index)) {
                slot.is_made = true;
            }
        }
        let operators = self.flat.vector(table, 3, 4, "list of operators");
        let operators = keep(operators, self.reading, route)?.flatten().unwrap_or_default();
        for at in 0..self.bounded(operators) {
            self.operator(operators, at, &mut graph, (graphs, calls))?;
        }
        let detail = format!(
            "{} tensors, {} operators, {} inputs, {} outputs",
            tensors.count, operators.count, ends[0], ends[1]
        );
        let site = Site { span: Span::new(table.at, 4), route: Route::None };
        self.reading.fact(Fact::Object { path: graph.name, kind: "graph", detail, site });
        Ok(operators.count)
    }

    /// Tells of the tensors that a graph works on, or that it makes.
    fn tell_ends(
        &mut self,
        (ends, tensors): (Vector, Vector),
        graph: &Graph,
        way: &str,
    ) -> Result<(), Halt> {
        let owner = match graph.index {
            0 => format!("graph {way}"),
            index => format!("graph {index} {way}"),
        };
        for at in 0..ends.count.min(INPUTS) {
            let index = self.flat.i32_element(ends, at)?;
            let Ok(index) = u64::try_from(index) else { continue };
            let Some(slot) = graph.tensors.get(to_usize(index)).copied() else { continue };
            let Ok(table) = self.flat.element(tensors, index, "tensor") else { continue };
            let name = self.flat.text(table, 3, "name of a tensor", NAME).unwrap_or_default();
            let shape = self.flat.vector(table, 0, 4, "shape").ok().flatten().unwrap_or_default();
            let mut dims = Vec::new();
            for at in 0..shape.count.min(DIMENSIONS) {
                dims.push(i64::from(self.flat.i32_element(shape, at)?));
            }
            let text = format!("{}{dims:?}", type_name(slot.dtype));
            let value = Value::Text(Excerpt::whole(text));
            self.attribute(&owner, &name, value, Span::new(table.at, 4));
        }
        Ok(())
    }

    /// How many elements of a list are read; the rest is a gap.
    fn bounded(&mut self, list: Vector) -> u64 {
        let left = list.count.saturating_sub(MOST);
        if left > 0 {
            let what = format!("{left} of the {} elements of a list", list.count);
            self.reading.gap(list.span, Why::Halted(Blame::Exhausted), &what);
        }
        list.count.min(MOST)
    }

    fn tensor(&mut self, list: Vector, at: u64, graph: &Graph) -> Result<Slot, Halt> {
        let unread = Slot {
            dtype: 0,
            data: None,
            elements: 0,
            is_column: false,
            shape: Vector::default(),
            is_made: true,
        };
        let route = || graph.route("tensor", at);
        let read = self.read_tensor(list, at, graph);
        Ok(keep(read, self.reading, route)?.unwrap_or(unread))
    }

    fn read_tensor(&mut self, list: Vector, at: u64, graph: &Graph) -> Result<Slot, Halt> {
        let table = self.flat.element(list, at, "tensor")?;
        let dtype = self.flat.u8(table, 1, 0)?;
        let buffer = u64::from(self.flat.u32(table, 2, 0)?);
        let name = self.flat.text(table, 3, "name of a tensor", NAME)?;
        let shape = self.flat.vector(table, 0, 4, "shape")?.unwrap_or_default();
        let mut size = Vec::new();
        for index in 0..shape.count.min(DIMENSIONS) {
            size.push(i64::from(self.flat.i32_element(shape, index)?));
        }
        self.flat.vector(table, 7, 4, "shape signature")?;
        self.quantization(table)?;
        let sparse = self.sparsity(table)?;
        let span = Span::new(table.at, 4);
        let data = self.buffer(buffer, span, &graph.route("tensor", at));
        let elements = elements(&size).unwrap_or_default();
        let is_variable = self.flat.u8(table, 5, 0)? != 0;
        // What has no elements needs no bytes, and handles have none in the file.
        let is_made =
            data.is_some() || is_variable || size.contains(&0) || table::bits(dtype).is_none();
        let slot = Slot { dtype, data, elements, is_column: makes_one(&size), shape, is_made };
        let route = Route::Tensor(format!("{}/{name}", graph.name));
        if shape.count > DIMENSIONS {
            let what = format!("{} dimensions", shape.count);
            self.reading.deviation(Quirk::OutOfRange, span, route.clone(), &what);
        } else if !sparse {
            self.check_size(slot, &size, span, &route);
            if let Some(data) = data.filter(|_| dtype == table::STRING) {
                let count = self.check_texts(data, &route)?;
                if count.zip(super::elements(&size)).is_some_and(|(has, says)| has != says) {
                    let what = format!("{} texts for dimensions {size:?}", count.unwrap_or(0));
                    self.reading.deviation(Quirk::SizeMismatch, span, route.clone(), &what);
                }
            }
        }
        if self.told(at, graph) {
            let dtype = type_name(dtype);
            let tensor = Tensor { storage: name, dtype, elements, offset: 0, size, stride: vec![] };
            self.reading
                .fact(Fact::Tensor { tensor, site: Site { span: data.unwrap_or(span), route } });
        }
        Ok(slot)
    }

    /// Whether there is room to tell of a tensor by itself.
    fn told(&mut self, at: u64, graph: &Graph) -> bool {
        at < TOLD && graph.index < TOLD && count(self.reading.facts.len()) < TOLD
    }

    /// Compares shape and type of a constant with the bytes that it has. What the runtime computes
    /// with has no bytes; texts and resources have no fixed size.
    fn check_size(&mut self, slot: Slot, size: &[i64], span: Span, route: &Route) {
        let wrong = |quirk, what: &str, model: &mut Self| {
            model.reading.deviation(quirk, span, route.clone(), what);
        };
        let shown = format!("{size:?}");
        if table::element_type(slot.dtype).is_none() {
            let what = format!("element type {}", slot.dtype);
            return wrong(Quirk::OutOfRange, &what, self);
        }
        // -1 stands for what is known only when the model runs.
        if size.iter().any(|dim| *dim < -1) {
            return wrong(Quirk::OutOfRange, &format!("dimensions {shown}"), self);
        }
        let known = size.iter().copied().filter(|dim| *dim >= 0).collect::<Vec<_>>();
        if elements(&known).is_none_or(|elements| elements > COUNTED) {
            let what = format!("dimensions {shown} have more elements than can be counted");
            return wrong(Quirk::OutOfRange, &what, self);
        }
        let (Some(data), Some(bits), Some(elements)) =
            (slot.data, table::bits(slot.dtype), elements(size))
        else {
            return;
        };
        let needed = elements.checked_mul(bits).map(|bits| bits.div_ceil(8));
        if needed != Some(data.len) {
            let kind = type_name(slot.dtype);
            let what = format!("{kind} {shown} in a buffer of {} bytes", data.len);
            wrong(Quirk::SizeMismatch, &what, self);
        }
    }

    /// Goes over the parameters of quantization, of which nothing is told.
    fn quantization(&mut self, tensor: Table) -> Result<(), Halt> {
        let Some(table) = self.flat.child(tensor, 4, "quantization")? else { return Ok(()) };
        for (field, width) in [(0, 4), (1, 4), (2, 4), (3, 8)] {
            self.flat.vector(table, field, width, "quantization parameter")?;
        }
        if self.flat.u8(table, 4, 0)? == 1
            && let Some(details) = self.flat.child(table, 5, "quantization details")?
        {
            self.flat.vector(details, 0, 1, "quantization details")?;
        }
        Ok(())
    }

    /// Goes over the parameters of a sparse tensor; whether there are any.
    fn sparsity(&mut self, tensor: Table) -> Result<bool, Halt> {
        let Some(table) = self.flat.child(tensor, 6, "sparsity")? else { return Ok(false) };
        self.flat.vector(table, 0, 4, "order of dimensions")?;
        self.flat.vector(table, 1, 4, "block map")?;
        let list = self.flat.vector(table, 2, 4, "dimensions of a sparse tensor")?;
        let list = list.unwrap_or_default();
        for index in 0..list.count.min(DIMENSIONS) {
            let dimension = self.flat.element(list, index, "dimension of a sparse tensor")?;
            for field in [2, 4] {
                let width = match self.flat.u8(dimension, field, 0)? {
                    1 => 4,
                    2 => 2,
                    3 => 1,
                    _ => continue,
                };
                let union = self.flat.child(dimension, field.saturating_add(1), "indices")?;
                if let Some(union) = union {
                    self.flat.vector(union, 0, width, "indices")?;
                }
            }
        }
        Ok(true)
    }

    /// Records indices of tensors that are not there; where `optional`, -1 stands for none.
    fn check_indices(
        &mut self,
        list: Vector,
        graph: &Graph,
        route: &Route,
        optional: bool,
    ) -> Result<(), Halt> {
        let tensors = i64::try_from(graph.tensors.len()).unwrap_or(i64::MAX);
        for at in 0..list.count {
            let index = i64::from(self.flat.i32_element(list, at)?);
            if index >= tensors || index < -1 || (index == -1 && !optional) {
                let what = format!("tensor {index} of {tensors}");
                self.reading.deviation(Quirk::OutOfRange, list.span, route.clone(), &what);
                return Ok(());
            }
        }
        Ok(())
    }

    fn operator(
        &mut self,
        list: Vector,
        at: u64,
        graph: &mut Graph,
        (graphs, calls): (u64, &mut Calls),
    ) -> Result<(), Halt> {
        let read = self.read_operator((list, at), graph);
        let route = || graph.route("operator", at);
        let Some((table, called)) = keep(read, self.reading, route)? else { return Ok(()) };
        for callee in called {
            match u64::try_from(callee).ok().filter(|callee| *callee < graphs) {
                Some(callee) => calls.add(graph.index, callee),
                None => {
                    let what = format!("graph {callee} of {graphs}");
                    let span = Span::new(table.at, 4);
                    self.reading.deviation(Quirk::OutOfRange, span, route(), &what);
                }
            }
        }
        Ok(())
    }

    fn read_operator(
        &mut self,
        (list, at): (Vector, u64),
        graph: &mut Graph,
    ) -> Result<(Table, Vec<i64>), Halt> {
        let table = self.flat.element(list, at, "operator")?;
        let route = graph.route("operator", at);
        let span = Span::new(table.at, 4);
        let index = self.flat.u32(table, 0, 0)?;
        let inputs = self.flat.vector(table, 1, 4, "inputs")?.unwrap_or_default();
        let outputs = self.flat.vector(table, 2, 4, "outputs")?.unwrap_or_default();
        self.check_indices(inputs, graph, &route, true)?;
        self.check_indices(outputs, graph, &route, true)?;
        self.check_aliases(inputs, outputs, &route)?;
        self.flat.vector(table, 7, 1, "mutated inputs")?;
        self.flat.vector(table, 8, 4, "intermediates")?;
        let codes = self.codes.len();
        let Some(code) = self.codes.get(to_usize(u64::from(index))).cloned() else {
            let what = format!("operator code {index} of {codes}");
            self.reading.deviation(Quirk::OutOfRange, span, route, &what);
            return Ok((table, vec![]));
        };
        let callees = self.callees(table)?;
        let activation = self.activation(table)?;
        let (taken, made) = (self.indices(inputs)?, self.indices(outputs)?);
        let slot = |it: &i32| graph.tensors.get(usize::try_from(*it).ok()?);
        let (first, result) = (taken.first().and_then(slot), made.first().and_then(slot));
        self.flow.operator(&Step {
            at,
            span,
            code: index,
            name: table::operator(code.builtin).unwrap_or_default(),
            custom: &code.custom,
            inputs: &taken,
            outputs: &made,
            activation,
            is_same: first
                .zip(result)
                .is_some_and(|(a, b)| a.elements > 0 && a.elements == b.elements),
            is_whole: result.is_some_and(|it| table::is_whole(it.dtype)),
            callees: &callees,
        });
        let name = table::operator(code.builtin).unwrap_or_default();
        let checked = Checked { name, table, inputs: &taken, outputs: &made, route: &route };
        let fit = self.check_operator(&checked, graph);
        keep(fit, self.reading, || route.clone())?;
        let site = Site { span, route: route.clone() };
        match table::operator(code.builtin) {
            Some("CUSTOM" | "DELEGATE") => {
                self.custom(table, &code.custom, (inputs, graph), site)?
            }
            Some("STABLEHLO_CUSTOM_CALL") => {
                let target = Value::Text(Excerpt::whole(self.call_target(table)?));
                let attributes = vec![("call_target_name".to_owned(), target)];
                let name = "STABLEHLO_CUSTOM_CALL".to_owned();
                let domain = String::new();
                self.tally.tell(Operator { domain, name, inputs: vec![], attributes }, site);
            }
            Some(name) => self.tally.count("", name, || site),
            None => {
                let what = format!("builtin operator {} (version {})", code.builtin, code.version);
                self.reading.deviation(Quirk::OutOfRange, span, route, &what);
                self.tally.count("", &format!("builtin {}", code.builtin), || site);
            }
        }
        Ok((table, callees))
    }

    /// The numbers of a list.
    fn indices(&mut self, list: Vector) -> Result<Vec<i32>, Halt> {
        let mut indices = Vec::new();
        for at in 0..list.count.min(MOST) {
            indices.push(self.flat.i32_element(list, at)?);
        }
        Ok(indices)
    }

    /// Records an operator that has one tensor as input and output, which kernels that write while
    /// they read do not expect (CVE-2020-15210).
    fn check_aliases(
        &mut self,
        inputs: Vector,
        outputs: Vector,
        route: &Route,
    ) -> Result<(), Halt> {
        let mut taken = self.indices(inputs)?;
        taken.sort_unstable();
        for at in 0..outputs.count {
            let output = self.flat.i32_element(outputs, at)?;
            if output >= 0 && taken.binary_search(&output).is_ok() {
                let what = format!("tensor {output} is input and output of one operator");
                self.reading.deviation(Quirk::Cycle, outputs.span, route.clone(), &what);
                return Ok(());
            }
        }
        Ok(())
    }

    /// Tells of an operator that is not the format's own, with its options and constant inputs.
    fn custom(
        &mut self,
        table: Table,
        name: &str,
        (inputs, graph): (Vector, &Graph),
        site: Site,
    ) -> Result<(), Halt> {
        let mut values = Vec::new();
        for at in 0..inputs.count.min(INPUTS) {
            let index = self.flat.i32_element(inputs, at)?;
            let slot = usize::try_from(index).ok().and_then(|index| graph.tensors.get(index));
            values.push(match slot {
                Some(Slot { dtype, data: Some(data), .. }) => {
                    constant::value(self.flat.bytes(), *data, *dtype)?
                }
                Some(_) => Value::Unknown("computed"),
                None => Value::None,
            });
        }
        let attributes = self.custom_options(table, &site.route)?;
        // Operators of TensorFlow itself, which the delegate `Flex` runs.
        let (domain, name) = match name.strip_prefix("Flex") {
            Some(name) => ("flex", name),
            None => ("custom", name),
        };
        let (domain, name) = (domain.to_owned(), name.to_owned());
        self.tally.tell(Operator { domain, name, inputs: values, attributes }, site);
        Ok(())
    }
}

fn type_name(dtype: u8) -> String {
    table::element_type(dtype).map_or_else(|| format!("type {dtype}"), str::to_owned)
}
