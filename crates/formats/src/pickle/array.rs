//! Arrays that joblib writes between the opcodes of a pickle.
//!
//! joblib's unpickler looks at the stack after every BUILD: where a `NumpyArrayWrapper` lies on top,
//! it reads the array's bytes from the file itself, or a nested pickle where the elements are objects
//! (joblib, `numpy_pickle.py`, `NumpyUnpickler.load_build` and `NumpyArrayWrapper.read_array`, 0.10 to
//! 1.5). Plain `pickle.load` takes the same bytes for opcodes, so the machine runs both ways.

use super::heap::{Node, V};
use super::machine::Machine;
use davy_artifact::{Fact, Quirk, Site, Tensor, Why};
use davy_bytes::{Blame, Halt, Span};

/// What a `NumpyArrayWrapper` says of its array.
struct Wrapped {
    /// The sides of the array, clamped to what facts hold.
    sides: Vec<i64>,
    /// The type of its elements, as the pickle spells it.
    dtype: String,
    /// Number of elements, if no side is negative and 64 bits hold it.
    count: Option<u64>,
    /// Size of an element in bytes, or `None` where elements are Python objects.
    item: Option<u64>,
    /// Whether a length byte and padding stand before the array.
    padded: bool,
}

impl Machine<'_> {
    /// Called after BUILD on `target`: passes over the array that follows a wrapper.
    pub(super) fn read_array(&mut self, target: V) -> Result<(), Halt> {
        let Some(class) = self.class_of(target) else { return Ok(()) };
        match class.as_str() {
            "NumpyArrayWrapper" => {}
            "NDArrayWrapper" | "ZNDArrayWrapper" => {
                self.refer_to_array(target);
                return Ok(());
            }
            _ => return Ok(()),
        }
        // Objects of an array are loaded by `pickle.load`, which knows nothing of wrappers.
        if self.is_nested() {
            return Ok(());
        }
        self.wrapped = true;
        if !self.inline {
            return Ok(());
        }
        let Some(wrapped) = self.wrapped(target) else {
            self.lose_array();
            return Ok(());
        };
        self.tell_array(&wrapped);
        self.leave_for_file();
        let Some(item) = wrapped.item else {
            return self.begin_nested();
        };
        if wrapped.padded {
            let padding = u64::from(self.cursor.u8("length of array padding")?);
            self.cursor.skip(padding, "array padding")?;
        }
        let Some(len) = wrapped.count.and_then(|count| count.checked_mul(item)) else {
            let what = "array whose size is negative, or more than any memory holds";
            self.deviate(Quirk::HugeIndex, what);
            return Err(Halt::malformed(self.step.at, what));
        };
        self.cursor.skip(len, "array")?;
        Ok(())
    }

    /// The class's name, if `target` is an object of a class of joblib's `numpy_pickle`, vendored or
    /// not.
    fn class_of(&self, target: V) -> Option<String> {
        let Some(Node::Call(at)) = self.heap.node(target) else { return None };
        let name = self.heap.name(self.heap.call(at)?.callee)?;
        let module = name.module.rsplit('.').next()?;
        module.starts_with("numpy_pickle").then(|| name.name.clone())
    }

    fn entry(&self, object: V, key: &str) -> Option<V> {
        let Some(Node::Call(at)) = self.heap.node(object) else { return None };
        let (pairs, _) = self.heap.pairs(self.heap.call(at)?.state)?.as_chunks::<2>();
        let named = |name: &V| self.heap.string(*name, 64).is_some_and(|name| name == key);
        pairs.iter().rev().find(|[name, _]| named(name)).map(|[_, value]| *value)
    }

    fn wrapped(&self, target: V) -> Option<Wrapped> {
        let shape = self.heap.sequence(self.entry(target, "shape")?)?;
        let whole = |side: &V| self.integer(*side);
        let sides: Vec<i64> = shape.iter().map(whole).collect::<Option<_>>()?;
        let count = if sides.contains(&0) {
            Some(0)
        } else {
            let times = |count: u64, side: &i64| count.checked_mul(u64::try_from(*side).ok()?);
            sides.iter().try_fold(1, times)
        };
        let (dtype, item) = self.element(self.entry(target, "dtype")?)?;
        let padded =
            self.entry(target, "numpy_array_alignment_bytes").is_some_and(|v| v != V::None);
        Some(Wrapped { sides, dtype, count, item, padded })
    }

    /// The type of an element of a pickled `numpy.dtype`, and its size: `None` for objects.
    fn element(&self, dtype: V) -> Option<(String, Option<u64>)> {
        let Some(Node::Call(at)) = self.heap.node(dtype) else { return None };
        let call = self.heap.call(at)?;
        let spelled = self.heap.string(*self.heap.sequence(call.args)?.first()?, 64)?;
        let named = crate::numpy::dtype::named(&spelled)?;
        // State: version, byte order, subdtype, names, fields, size, alignment, flags; the lowest
        // flag says that there are objects in it (numpy, `descriptor.c`, `arraydescr_reduce`).
        let state = self.heap.sequence(call.state).unwrap_or_default();
        let flags = state.get(7).and_then(|flags| self.integer(*flags)).unwrap_or(0);
        let order = state.get(1).and_then(|order| self.heap.string(*order, 4));
        let spelled = match order {
            Some(order) if !spelled.starts_with(['<', '>', '=', '|']) => {
                format!("{order}{spelled}")
            }
            _ => spelled,
        };
        if named.objects || flags & 1 == 1 {
            return Some((spelled, None));
        }
        // The state may give strings and records another size than their name does.
        let kind = spelled.trim_start_matches(['<', '>', '=', '|']).chars().next();
        let given = state.get(5).and_then(|size| u64::try_from(self.integer(*size)?).ok());
        let size = match kind {
            Some('S' | 'a' | 'U' | 'V') => given.unwrap_or(named.item),
            _ => named.item,
        };
        Some((spelled, Some(size)))
    }

    /// Where an array's size cannot be known, joblib goes on somewhere that is not known either.
    fn lose_array(&mut self) {
        let what = "array whose shape or type is not plain data: where joblib goes on is not known";
        self.deviate(Quirk::WrongType, what);
        if self.asides == 0 {
            let rest = Span::between(self.step.at, self.heap.bytes().len());
            self.reading.gap(rest, Why::Halted(Blame::Unsupported), what);
        }
    }

    fn tell_array(&mut self, wrapped: &Wrapped) {
        if self.asides > 0 {
            return;
        }
        let tensor = Tensor {
            storage: format!("array@{:#x}", self.step.at),
            dtype: wrapped.dtype.clone(),
            elements: wrapped.count.unwrap_or(u64::MAX),
            offset: 0,
            size: wrapped.sides.clone(),
            stride: vec![],
        };
        let site: Site = self.step.site();
        self.reading.fact(Fact::Tensor { tensor, site });
    }

    /// joblib before 0.10 kept arrays in files of their own.
    fn refer_to_array(&mut self, target: V) {
        let Some(name) = self.entry(target, "filename") else { return };
        let Some(name) = self.heap.string(name, 4096) else { return };
        let site = self.step.site();
        self.reading.fact(Fact::Reference { target: name, purpose: "array", site });
    }

    /// joblib reads the file behind the unpickler's back: what is left of a frame stays in its
    /// buffer, and is read as opcodes only afterwards.
    fn leave_for_file(&mut self) {
        if self.frame_end != u64::MAX && self.cursor.position() < self.frame_end {
            self.deviate(
                Quirk::LoadersDisagree,
                "array inside of a frame: joblib reads it from behind the frame, no writer puts it there",
            );
        }
        self.frame_end = u64::MAX;
    }
}
