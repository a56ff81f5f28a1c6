//! Arrays that joblib writes between the opcodes of a pickle.
//!
//! joblib's unpickler looks at the stack after every BUILD: where a `NumpyArrayWrapper` lies on top,
//! it reads the array's bytes from the file itself, or a nested pickle where the elements are objects
//! (joblib, `numpy_pickle.py`, `NumpyUnpickler.load_build` and `NumpyArrayWrapper.read_array`, 0.10 to
//! 1.5). Plain `pickle.load` takes the same bytes for opcodes, so the machine runs both ways.

use super::heap::{Node, V};
use super::machine::Machine;
use davy_artifact::{Fact, Quirk};
use davy_bytes::Halt;

/// What a `NumpyArrayWrapper` says of its array.
struct Wrapped {
    /// Number of elements, if the shape is plain numbers.
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
        let Some(wrapped) = self.wrapped(target) else { return Ok(()) };
        self.wrapped = true;
        if !self.inline {
            return Ok(());
        }
        self.leave_for_file();
        let Some(item) = wrapped.item else {
            return self.begin_nested();
        };
        if wrapped.padded {
            let padding = u64::from(self.cursor.u8("length of array padding")?);
            self.cursor.skip(padding, "array padding")?;
        }
        let Some(len) = wrapped.count.and_then(|count| count.checked_mul(item)) else {
            return Err(Halt::malformed(self.step.at, "array whose shape is not plain numbers"));
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
        let count = shape.iter().try_fold(1_u64, |count, side| {
            count.checked_mul(u64::try_from(self.integer(*side)?).ok()?)
        });
        let item = self.item_size(self.entry(target, "dtype")?)?;
        let padded =
            self.entry(target, "numpy_array_alignment_bytes").is_some_and(|v| v != V::None);
        Some(Wrapped { count, item, padded })
    }

    /// The size of an element of a pickled `numpy.dtype`: `Some(None)` for objects.
    fn item_size(&self, dtype: V) -> Option<Option<u64>> {
        let Some(Node::Call(at)) = self.heap.node(dtype) else { return None };
        let call = self.heap.call(at)?;
        let spelled = self.heap.string(*self.heap.sequence(call.args)?.first()?, 64)?;
        let mut letters = spelled.trim_start_matches(['<', '>', '=', '|']).chars();
        let kind = letters.next()?;
        // State: version, byte order, subdtype, names, fields, size, alignment, flags; the lowest
        // flag says that there are objects in it (numpy, `descriptor.c`, `arraydescr_reduce`).
        let state = self.heap.sequence(call.state).unwrap_or_default();
        let flags = state.get(7).and_then(|flags| self.integer(*flags)).unwrap_or(0);
        if kind == 'O' || flags & 1 == 1 {
            return Some(None);
        }
        let size: u64 = letters.as_str().parse().ok()?;
        Some(Some(if kind == 'U' { size.checked_mul(4)? } else { size }))
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
