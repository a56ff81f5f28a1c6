//! Names in configurations, and the globals that loaders find under them.
//!
//! Keras exports its objects under public names and keeps them in modules of other names, which
//! changed between versions; `keras.src.`, `keras_core.`, `tf_keras.` and `tensorflow.keras.` lead to
//! the same objects (as an attacker knows who hides from a check for `keras.`). What is known to be
//! exported is named by its public name, whatever way the file takes to it.

use crate::python::builtins;
use davy_artifact::Name;
use std::collections::{HashMap, HashSet};
use std::sync::OnceLock;

/// Everything that Keras exports.
const TABLE: &str = include_str!("names.tsv");

/// Where a loader of older configurations, which name no modules, looks a name up.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(super) enum Registry {
    Activations,
    /// The place does not tell.
    Any,
    Constraints,
    DtypePolicies,
    Initializers,
    Layers,
    Losses,
    Metrics,
    Optimizers,
    Regularizers,
    Schedules,
}

impl Registry {
    /// The modules that it lists, in the order in which they are looked through.
    const fn modules(self) -> &'static [&'static str] {
        match self {
            Self::Activations => &["activations", "layers"],
            Self::Any => &[
                "layers",
                "",
                "models",
                "initializers",
                "regularizers",
                "constraints",
                "optimizers",
                "optimizers.schedules",
                "losses",
                "metrics",
                "activations",
                "dtype_policies",
                "mixed_precision",
                "quantizers",
                "callbacks",
            ],
            Self::Constraints => &["constraints"],
            Self::DtypePolicies => &["dtype_policies", "mixed_precision", "quantizers", ""],
            Self::Initializers => &["initializers"],
            Self::Layers => &["layers", "", "models"],
            Self::Losses => &["losses", "metrics"],
            Self::Metrics => &["metrics", "losses"],
            Self::Optimizers => &["optimizers"],
            Self::Regularizers => &["regularizers"],
            Self::Schedules => &["optimizers.schedules", "optimizers"],
        }
    }

    /// The registry that is asked for what stands under `key`.
    pub(super) fn of_key(key: &str) -> Option<Self> {
        Some(match key {
            "cell" | "cells" | "backward_layer" | "forward_layer" | "layer" | "layers"
            | "model" => Self::Layers,
            "optimizer" | "optimizer_config" | "inner_optimizer" => Self::Optimizers,
            "loss" | "losses" => Self::Losses,
            "metrics" | "weighted_metrics" => Self::Metrics,
            "learning_rate" => Self::Schedules,
            "dtype" | "dtype_policy" | "policy" => Self::DtypePolicies,
            _ if key.ends_with("activation") => Self::Activations,
            _ if key.ends_with("initializer") => Self::Initializers,
            _ if key.ends_with("regularizer") => Self::Regularizers,
            _ if key.ends_with("constraint") => Self::Constraints,
            _ => return None,
        })
    }

    /// Whether plain text in this place is the name of something, rather than a setting.
    pub(super) const fn takes_text(self) -> bool {
        !matches!(self, Self::Any | Self::DtypePolicies | Self::Layers | Self::Schedules)
    }
}

/// What a name stands for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Resolved {
    /// The global that is found.
    pub(super) name: Name,
    /// What it is.
    pub(super) what: What,
}

/// What is known of a global.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum What {
    /// A class of Keras: constructed from its configuration.
    Class,
    /// A name that the user of the model has to have defined.
    Custom,
    /// Anything else.
    Foreign,
    /// A function that Keras exports.
    Function,
}

struct Table {
    /// Public names, and whether they are classes.
    public: HashMap<&'static str, bool>,
    /// Other names in registries, as `keras.losses.mse`, and the public ones.
    aliases: HashMap<String, &'static str>,
    /// Public names by their module's first part and the name itself.
    simple: HashMap<(&'static str, &'static str), &'static str>,
    /// Modules of public names.
    modules: HashSet<&'static str>,
}

static PARSED: OnceLock<Table> = OnceLock::new();

fn table() -> &'static Table {
    PARSED.get_or_init(|| {
        let mut table = Table {
            public: HashMap::new(),
            aliases: HashMap::new(),
            simple: HashMap::new(),
            modules: HashSet::new(),
        };
        for row in TABLE.lines().filter(|row| !row.starts_with('#')) {
            let mut columns = row.split('\t');
            let (Some(public), Some(kind)) = (columns.next(), columns.next()) else { continue };
            let Some((module, name)) = public.rsplit_once('.') else { continue };
            table.public.insert(public, kind == "c");
            table.modules.insert(module);
            for alias in columns.next().into_iter().flat_map(|aliases| aliases.split(',')) {
                table.aliases.insert(format!("{module}.{alias}"), public);
            }
            let package = module.split('.').nth(1).unwrap_or_default();
            // The shorter name comes first in the table and is the usual one.
            table.simple.entry((package, name)).or_insert(public);
        }
        table
    })
}

/// The public name and whether it is a class, for `keras.MODULE.NAME` in any spelling of a registry.
fn listed(module: &str, name: &str) -> Option<(&'static str, bool)> {
    let dot = if module.is_empty() { "" } else { "." };
    let dotted = format!("keras{dot}{module}.{name}");
    let table = table();
    let direct = table.public.get_key_value(dotted.as_str());
    let found = direct.or_else(|| {
        let public = table.aliases.get(&dotted)?;
        table.public.get_key_value(*public)
    });
    found.map(|(public, class)| (*public, *class))
}

fn split(public: &str) -> Name {
    let (module, name) = public.rsplit_once('.').unwrap_or(("", public));
    Name::new(module, name)
}

fn known((public, class): (&'static str, bool)) -> Resolved {
    let what = if class { What::Class } else { What::Function };
    Resolved { name: split(public), what }
}

/// What a loader finds that looks `name` up without a module (`class_and_config_for_serialized_keras_object`).
pub(super) fn in_registry(registry: Registry, name: &str) -> Resolved {
    let found = registry.modules().iter().find_map(|module| listed(module, name));
    // Optimizers are found in any case of letters, and Keras 2.11 and 2.12 register their own as the
    // user's.
    let optimizers = matches!(registry, Registry::Any | Registry::Optimizers);
    let lower = || {
        let plain = name.strip_prefix("Custom>").unwrap_or(name);
        listed("optimizers", plain)
            .or_else(|| listed("optimizers", &plain.to_lowercase()))
            .filter(|_| optimizers)
    };
    match found.or_else(lower) {
        Some(found) => known(found),
        None => Resolved { name: Name::new("__main__", custom(name)), what: What::Custom },
    }
}

/// The class behind a registered name, `Package>Name`.
fn custom(name: &str) -> &str {
    name.rsplit('>').next().unwrap_or(name)
}

/// What is found under `name` in `module` (`_retrieve_class_or_fn`).
pub(super) fn in_module(module: &str, name: &str) -> Resolved {
    if matches!(module, "" | "__main__") {
        return Resolved { name: Name::new("__main__", custom(name)), what: What::Custom };
    }
    let Some(rest) = inside_keras(module) else {
        return Resolved { name: Name::new(module, name), what: What::Foreign };
    };
    if let Some(found) = listed(rest, name) {
        return known(found);
    }
    let package = match rest.split('.').next().unwrap_or_default() {
        "engine" | "models" => "models",
        "legacy_tf_layers" => "layers",
        package => package,
    };
    let table = table();
    let simple = table.simple.get(&(package, name)).or_else(|| table.simple.get(&("", name)));
    let inside = is_internal(module, rest);
    if let Some(public) = simple.filter(|_| inside) {
        let class = table.public.get(public).copied().unwrap_or_default();
        return known((*public, class));
    }
    let dot = if rest.is_empty() { "" } else { "." };
    let source = if inside { ".src" } else { "" };
    // Operations of `keras.src.ops` and the like are not exported, and are classes all the same.
    let class = name.starts_with(|c: char| c.is_ascii_uppercase());
    let what = if class { What::Class } else { What::Foreign };
    Resolved { name: Name::new(format!("keras{source}{dot}{rest}"), name), what }
}

/// What a function's name stands for that says only that it is built in: the modules that hold
/// functions which models use are searched for it. Keras writes `builtins`, the module of the type of
/// all functions, beside functions of the user's as well, under the names that they are registered by:
/// what Python's own module does not have can be nothing else (`serialization_lib`,
/// `_retrieve_class_or_fn`, which looks into `vars` of the module).
pub(super) fn builtin(name: &str) -> Resolved {
    let modules = [
        "activations",
        "constraints",
        "initializers",
        "losses",
        "metrics",
        "optimizers",
        "regularizers",
    ];
    let found = modules.iter().find_map(|module| listed(module, name));
    match found {
        Some(found) => known(found),
        None if is_builtin(name) => {
            Resolved { name: Name::new("builtins", name), what: What::Foreign }
        }
        None => Resolved { name: Name::new("__main__", custom(name)), what: What::Custom },
    }
}

/// Whether Python's own module has something under a name, or under its first part.
fn is_builtin(name: &str) -> bool {
    let first = name.split('.').next().unwrap_or(name);
    let dunder = first.starts_with("__") && !name.contains('>');
    dunder || builtins::is(first) || first.ends_with("Error") || first.ends_with("Exception")
}

/// The path below Keras's own root, without `src`, for modules of Keras under any of its names.
fn inside_keras(module: &str) -> Option<&str> {
    const ROOTS: &[&str] = &[
        "tensorflow.python.keras",
        "tensorflow.compat.v1.keras",
        "tensorflow.compat.v2.keras",
        "tensorflow.keras",
        "keras._tf_keras.keras",
        "keras.api._v1.keras",
        "keras.api._v2.keras",
        "tf_keras.api._v1.keras",
        "tf_keras.api._v2.keras",
        "keras.api",
        "keras.src",
        "keras_core.src",
        "keras_core",
        "tf_keras.src",
        "tf_keras",
        "keras",
    ];
    ROOTS.iter().find_map(|root| {
        let rest = module.strip_prefix(root)?;
        if rest.is_empty() { Some(rest) } else { rest.strip_prefix('.') }
    })
}

/// Whether a module of Keras is one of those that its public names do not show.
fn is_internal(module: &str, rest: &str) -> bool {
    let source = module.contains(".src.") || module.ends_with(".src");
    let python = module.starts_with("tensorflow.python.");
    let public = rest.is_empty() || table().modules.contains(format!("keras.{rest}").as_str());
    source || python || !public
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dotted(resolved: &Resolved) -> (String, What) {
        (resolved.name.dotted(), resolved.what)
    }

    #[test]
    fn every_way_to_an_exported_object_gives_its_public_name() {
        for module in [
            "keras.layers",
            "keras.src.layers.core.dense",
            "keras_core.layers",
            "tf_keras.src.layers.core.dense",
            "tensorflow.keras.layers",
            "tensorflow.python.keras.layers.core",
            "keras.layers.core.dense",
        ] {
            let expected = ("keras.layers.Dense".to_owned(), What::Class);
            assert_eq!(dotted(&in_module(module, "Dense")), expected, "{module}");
        }
        let get_file = ("keras.utils.get_file".to_owned(), What::Function);
        assert_eq!(dotted(&in_module("keras_core.src.utils.file_utils", "get_file")), get_file);
        let functional = ("keras.models.Functional".to_owned(), What::Class);
        assert_eq!(dotted(&in_module("keras.src.engine.functional", "Functional")), functional);
        assert_eq!(dotted(&in_module("keras.src.models.functional", "Functional")), functional);
    }

    #[test]
    fn what_is_not_exported_keeps_the_module_that_is_imported() {
        let add = dotted(&in_module("keras.src.ops.numpy", "Add"));
        assert_eq!(add, ("keras.src.ops.numpy.Add".to_owned(), What::Class));
        assert_eq!(dotted(&in_module("os", "system")), ("os.system".to_owned(), What::Foreign));
        let lookalike = dotted(&in_module("keras_evil.layers", "Dense"));
        assert_eq!(lookalike, ("keras_evil.layers.Dense".to_owned(), What::Foreign));
        let deep = dotted(&in_module("tf_keras.src.saving.x", "attack"));
        assert_eq!(deep, ("keras.src.saving.x.attack".to_owned(), What::Foreign));
    }

    #[test]
    fn registries_know_other_names_and_the_rest_is_the_users() {
        let name = |registry, name| dotted(&in_registry(registry, name)).0;
        assert_eq!(name(Registry::Losses, "mse"), "keras.losses.mean_squared_error");
        assert_eq!(name(Registry::Metrics, "mse"), "keras.metrics.MeanSquaredError");
        assert_eq!(name(Registry::Initializers, "zero"), "keras.initializers.Zeros");
        assert_eq!(name(Registry::Layers, "Sequential"), "keras.Sequential");
        assert_eq!(name(Registry::Layers, "AvgPool2D"), "keras.layers.AvgPool2D");
        assert_eq!(name(Registry::Optimizers, "adam"), "keras.optimizers.Adam");
        assert_eq!(name(Registry::Optimizers, "AdAm"), "keras.optimizers.Adam");
        assert_eq!(
            name(Registry::Any, "ExponentialDecay"),
            "keras.optimizers.schedules.ExponentialDecay"
        );
        let custom = dotted(&in_registry(Registry::Layers, "mine>MyDense"));
        assert_eq!(custom, ("__main__.MyDense".to_owned(), What::Custom));
    }

    #[test]
    fn builtin_functions_are_searched_for_before_python_has_them() {
        assert_eq!(dotted(&builtin("relu")).0, "keras.activations.relu");
        assert_eq!(dotted(&builtin("mse")).0, "keras.losses.mean_squared_error");
        assert_eq!(dotted(&builtin("eval")), ("builtins.eval".to_owned(), What::Foreign));
        // What is registered, under its full name, and what Keras up to 3.6 named without its package.
        for registered in ["mine>act", "Custom>eval", "act"] {
            assert_eq!(builtin(registered).what, What::Custom, "{registered}");
        }
        for own in ["exec", "__import__", "print.__self__", "__loader__"] {
            assert_eq!(builtin(own).what, What::Foreign, "{own}");
        }
    }
}
