//! Rules about what loading calls, imports and changes.

pub(crate) mod computed_callable;
pub(crate) mod embedded_code;
pub(crate) mod extension_code;
pub(crate) mod injected_hook;
pub(crate) mod mutated_module;
pub(crate) mod scanner_deactivation;
pub(crate) mod unknown_import;
pub(crate) mod unreviewed_constructor;
pub(crate) mod unsafe_call;
pub(crate) mod unsafe_callable_argument;
pub(crate) mod unsafe_code;
pub(crate) mod unsafe_import;
