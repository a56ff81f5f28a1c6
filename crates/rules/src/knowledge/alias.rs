//! What names stand for: modules that are known under several names, variables that code takes for
//! granted, and methods of objects of which nothing else is known.

use super::{Effect, Known, lookup};
use std::borrow::Cow;

/// Variables and the modules that they are bound to by convention, in order.
static GLOBALS: &[(&str, &[&str])] = include!(concat!(env!("OUT_DIR"), "/globals.rs"));

/// Modules and those whose names theirs are, in order.
static MODULES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/modules.rs"));

/// Methods, in order.
static METHODS: &[Known] = include!(concat!(env!("OUT_DIR"), "/methods.rs"));

/// Renaming ends after this many steps: `tensorflow.compat.v1.keras` is two of them away.
const STEPS: usize = 4;

/// The same path under the name that the table of callables knows it by: `tf_keras.utils.get_file`
/// is `keras.utils.get_file`.
pub(crate) fn canonical(path: &str) -> Cow<'_, str> {
    let mut path = Cow::Borrowed(path);
    for _ in 0..STEPS {
        match renamed(&path) {
            Some(other) => path = Cow::Owned(other),
            None => break,
        }
    }
    path
}

/// The path with the longest module at its start renamed.
fn renamed(path: &str) -> Option<String> {
    let mut prefix = path;
    loop {
        if let Ok(at) = MODULES.binary_search_by(|(name, _)| (*name).cmp(prefix)) {
            let (name, to) = MODULES.get(at)?;
            return Some(format!("{to}{}", path.strip_prefix(name)?));
        }
        (prefix, _) = prefix.rsplit_once('.')?;
    }
}

/// What is known about a path that code reaches from its global variables: `tf.nn.relu`. What does
/// harm under any of the modules that the variable may be does harm.
///
/// What was derived and nobody has reviewed is left out: source text says what it hands over only in
/// part, and honest programs call much that could do harm with other arguments.
pub(crate) fn reached(path: &str) -> Option<&'static Known> {
    bound(path).filter(|known| !known.is_derived())
}

fn bound(path: &str) -> Option<&'static Known> {
    let (head, rest) = path.split_once('.').unwrap_or((path, ""));
    let at = GLOBALS.binary_search_by(|(name, _)| (*name).cmp(head)).ok();
    let Some((_, modules)) = at.and_then(|at| GLOBALS.get(at)) else {
        return lookup(head, rest);
    };
    let found = modules.iter().filter_map(|module| lookup(module, rest));
    found.max_by_key(|known| known.is_dangerous())
}

/// What is known about a method of an object of which nothing else is.
pub(crate) fn method(name: &str) -> Option<&'static Known> {
    let at = METHODS.binary_search_by(|known| known.pattern.cmp(name)).ok();
    at.and_then(|at| METHODS.get(at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_sorted_and_renaming_ends() {
        assert!(GLOBALS.is_sorted_by(|a, b| a.0 < b.0));
        assert!(MODULES.is_sorted_by(|a, b| a.0 < b.0));
        assert!(METHODS.is_sorted_by(|a, b| a.pattern < b.pattern));
        for (from, _) in MODULES {
            let end = canonical(from).into_owned();
            assert_eq!(renamed(&end), None, "{from}");
        }
    }

    #[test]
    fn packages_under_other_names_are_themselves() {
        for (path, same) in [
            ("tensorflow.compat.v1.keras.utils.get_file", "keras.utils.get_file"),
            ("tf_keras.layers.Lambda", "keras.layers.Lambda"),
            ("tensorflow.python.ops.math_ops.reduce_sum", "tensorflow.reduce_sum"),
            ("tensorflow.keras", "keras"),
            ("tensorflow.kerasx.y", "tensorflow.kerasx.y"),
            ("os.system", "os.system"),
        ] {
            assert_eq!(canonical(path), same);
        }
    }

    #[test]
    fn variables_are_what_they_are_bound_to_by_convention() {
        let effect = |path| reached(path).map(|known| known.effect);
        for path in
            ["tf.nn.relu", "K.mean", "np.mean", "nn.relu", "math.sqrt", "tf.keras.backend.sum"]
        {
            assert_eq!(effect(path), Some(Effect::Ref), "{path}");
        }
        assert_eq!(effect("os.system"), Some(Effect::Exec));
        assert_eq!(effect("tf.io.read_file"), Some(Effect::FileRead));
        assert_eq!(effect("tf.keras.utils.get_file"), Some(Effect::Network));
        assert_eq!(effect("python_types.FunctionType"), Some(Effect::CodeBuild));
        assert_eq!(effect("nobody.knows"), None);
    }
}
