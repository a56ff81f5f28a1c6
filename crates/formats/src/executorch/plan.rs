//! Plans: values, operators, and what is handed to delegates.

use super::Program;
use crate::flatbuffers::{Table, Vector};
use crate::tflite::keep;
use davy_artifact::{Excerpt, Fact, Operator, Quirk, Route, Site, Tensor, Value};
use davy_bytes::{Halt, Span};

/// Bytes of a text that is read.
const TEXT: usize = 1024;

/// Tensors that are told one by one.
const TOLD: usize = 50_000;

/// Dimensions of a tensor at most (`kTensorDimensionLimit` is 16).
const DIMENSIONS: u64 = 16;

/// The number of tensors in the union `KernelTypes`.
const TENSOR: u8 = 5;

/// Libraries of operators that the runtime and its exporter bring.
const COMMON: &[&str] =
    &["aten", "dim_order_ops", "executorch_prim", "et_copy", "quantized_decomposed"];

/// Element types, in the order of `ScalarType`, with the bytes of one; nothing where it has none.
const TYPES: &[(&str, u64)] = &[
    ("uint8", 1),
    ("int8", 1),
    ("int16", 2),
    ("int32", 4),
    ("int64", 8),
    ("float16", 2),
    ("float32", 4),
    ("float64", 8),
    ("", 0),
    ("", 0),
    ("", 0),
    ("bool", 1),
    ("qint8", 1),
    ("quint8", 1),
    ("qint32", 4),
    ("bfloat16", 2),
    ("quint4x2", 1),
    ("quint2x4", 1),
];

impl Program<'_> {
    pub(super) fn plan(&mut self, plan: Table) -> Result<(), Halt> {
        let name = self.flat.text(plan, 0, "name of a plan", TEXT)?;
        let operators = self.flat.vector(plan, 6, 4, "operators")?.unwrap_or_default();
        for index in 0..operators.count {
            let read = self.operator(operators, index, &name);
            keep(read, self.reading, || Route::Node(format!("{name}/{index}")))?;
        }
        let values = self.flat.vector(plan, 2, 4, "values")?.unwrap_or_default();
        for index in 0..values.count {
            let route = || Route::Tensor(format!("{name}/{index}"));
            let read = self.value(values, index, route());
            keep(read, self.reading, route)?;
        }
        let delegates = self.flat.vector(plan, 7, 4, "delegates")?.unwrap_or_default();
        for index in 0..delegates.count {
            let read = self.delegate(delegates, index, &name);
            keep(read, self.reading, || Route::Node(format!("{name}/delegate {index}")))?;
        }
        let detail = format!("{} operators, {} values", operators.count, values.count);
        let site = Site { span: Span::new(plan.at, 4), route: Route::None };
        self.reading.fact(Fact::Object { path: name, kind: "plan", detail, site });
        Ok(())
    }

    fn operator(&mut self, list: Vector, index: u64, plan: &str) -> Result<(), Halt> {
        let table = self.flat.element(list, index, "operator")?;
        let full = self.flat.text(table, 0, "name of an operator", TEXT)?;
        let (library, name) = full.split_once("::").unwrap_or(("", &full));
        let route = Route::Node(format!("{plan}/{index}"));
        let site = Site { span: Span::new(table.at, 4), route };
        if COMMON.contains(&library) {
            self.tally.count("", &full, || site);
        } else {
            let (domain, name) = ("custom".to_owned(), name.to_owned());
            let attributes = vec![("library".to_owned(), Value::Text(Excerpt::whole(library)))];
            self.tally.tell(Operator { domain, name, inputs: vec![], attributes }, site);
        }
        Ok(())
    }

    /// A value; only tensors have bytes.
    fn value(&mut self, list: Vector, index: u64, route: Route) -> Result<(), Halt> {
        let value = self.flat.element(list, index, "value")?;
        if self.flat.u8(value, 0, 0)? != TENSOR {
            return Ok(());
        }
        let Some(tensor) = self.flat.child(value, 1, "tensor")? else { return Ok(()) };
        let kind = self.flat.u8(tensor, 0, 0)?;
        let place = Span::new(tensor.at, 4);
        let known = TYPES.get(usize::from(kind)).filter(|(_, width)| *width > 0);
        let Some((dtype, width)) = known.copied() else {
            let what = format!("element type {kind}");
            self.reading.deviation(Quirk::OutOfRange, place, route, &what);
            return Ok(());
        };
        let list = self.flat.vector(tensor, 2, 4, "sizes")?.unwrap_or_default();
        let mut size = Vec::new();
        for index in 0..list.count.min(DIMENSIONS) {
            size.push(i64::from(self.flat.i32_element(list, index)?));
        }
        if list.count > DIMENSIONS {
            let what =
                format!("{} dimensions, where the runtime has room for {DIMENSIONS}", list.count);
            self.reading.deviation(Quirk::OutOfRange, place, route.clone(), &what);
        }
        let elements = crate::tflite::elements(&size);
        let len = elements.and_then(|count| count.checked_mul(width));
        let index = self.flat.u32(tensor, 5, 0)?;
        self.bytes(index, len, &size, place, &route)?;
        if self.reading.facts.len() < TOLD {
            let (storage, dtype) = (route.to_string(), dtype.to_owned());
            let elements = elements.unwrap_or(u64::MAX);
            let tensor = Tensor { storage, dtype, elements, offset: 0, size, stride: vec![] };
            self.reading.fact(Fact::Tensor { tensor, site: Site { span: place, route } });
        }
        Ok(())
    }

    /// Holds the bytes that a tensor needs against the constant that it says it is.
    fn bytes(
        &mut self,
        index: u32,
        len: Option<u64>,
        size: &[i64],
        place: Span,
        route: &Route,
    ) -> Result<(), Halt> {
        let Some(len) = len else {
            let what = format!("sizes {size:?}, whose product is no size");
            self.reading.deviation(Quirk::OutOfRange, place, route.clone(), &what);
            return Ok(());
        };
        // The first one stands for tensors that are computed.
        if index == 0 {
            return Ok(());
        }
        let buffer = usize::try_from(index).ok().and_then(|index| self.buffers.get(index));
        let what = match buffer {
            None => format!("constant {index}, where there are {}", self.buffers.len()),
            Some(Some(span)) if span.len < len => {
                format!("sizes {size:?} in a constant of {} bytes", span.len)
            }
            Some(_) => return Ok(()),
        };
        self.reading.deviation(Quirk::OutOfRange, place, route.clone(), &what);
        Ok(())
    }

    /// What compiles or runs a part of the plan, and the settings that it gets.
    fn delegate(&mut self, list: Vector, index: u64, plan: &str) -> Result<(), Halt> {
        let table = self.flat.element(list, index, "delegate")?;
        let id = self.flat.text(table, 0, "name of a delegate", TEXT)?;
        let route = Route::Node(format!("{plan}/delegate {index}"));
        let site = Site { span: Span::new(table.at, 4), route };
        let path = format!("{plan}/delegate {index}");
        self.reading.fact(Fact::Object { path: path.clone(), kind: "delegate", detail: id, site });
        let specs = self.flat.vector(table, 2, 4, "settings")?.unwrap_or_default();
        for index in 0..specs.count {
            let spec = self.flat.element(specs, index, "setting")?;
            let key = self.flat.text(spec, 0, "name of a setting", TEXT)?;
            let value = self.flat.vector(spec, 1, 1, "value of a setting")?.unwrap_or_default();
            self.child(&format!("{path}/{key}"), value.span);
        }
        Ok(())
    }
}
