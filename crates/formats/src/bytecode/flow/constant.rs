//! Constants of code objects as values that can be computed with.

use crate::bytecode::{CodeTree, Constant, Version};
use crate::python::known::Known;
use davy_artifact::{Name, Value};
use std::rc::Rc;

/// The value of the constant at `index`; `item` gives the values of those in it.
pub(super) fn value(tree: &CodeTree, index: u32, item: &mut dyn FnMut(u32) -> Known) -> Known {
    let Some(constant) = tree.constant(index) else { return Known::Unknown };
    match constant {
        Constant::Bool(set) => Known::Bool(*set),
        // What Python 2 calls `str` is its text.
        Constant::Bytes(bytes) => {
            let text = tree.version == Version::V2_7 && std::str::from_utf8(bytes).is_ok();
            let bytes = Rc::new(bytes.to_vec());
            if text { Known::Text(bytes) } else { Known::Bytes(bytes) }
        }
        Constant::Code(unit) => usize::try_from(*unit).map_or(Known::Unknown, Known::Local),
        Constant::Dict(pairs) => {
            Known::dict(pairs.iter().map(|(key, value)| (item(*key), item(*value))).collect())
        }
        Constant::Ellipsis => builtin("Ellipsis"),
        Constant::Float(number) => Known::Float(*number),
        Constant::Int(number) => Known::Int(*number),
        Constant::FrozenSet(items)
        | Constant::List(items)
        | Constant::Set(items)
        | Constant::Tuple(items) => Known::items(items.iter().map(|at| item(*at)).collect()),
        Constant::Long(digits) => Known::Plain(Rc::new(Value::Long(digits.to_string()))),
        Constant::None => Known::None,
        Constant::StopIteration => builtin("StopIteration"),
        Constant::Text(text) => Known::Text(Rc::new(text.to_vec())),
        Constant::Value(value) => of_value(value),
        Constant::Unknown(why) => super::slot::known(why),
        Constant::Complex(..) => super::slot::known("a complex number"),
        Constant::Slice(_) => super::slot::known("a slice"),
    }
}

/// A value that only the artifact around the code can say.
pub(super) fn of_value(value: &Value) -> Known {
    match value {
        Value::Bool(set) => Known::Bool(*set),
        Value::Int(number) => Known::Int(*number),
        Value::Module(module) => Known::Module(module.as_str().into()),
        Value::Name(name) => Known::Global(Rc::new(name.clone())),
        Value::None => Known::None,
        Value::Text(text) if text.text().is_some() => Known::Text(Rc::new(text.head.clone())),
        other => Known::Plain(Rc::new(other.clone())),
    }
}

/// Something that every module has.
pub(super) fn builtin(name: &str) -> Known {
    Known::Global(Rc::new(Name::new("builtins", name)))
}
