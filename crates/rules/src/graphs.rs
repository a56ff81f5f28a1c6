//! Rules about graphs that a runtime executes.

pub(crate) mod conditional_override;
pub(crate) mod odd_external_data;
pub(crate) mod onnx_operators;
pub(crate) mod python_operator;
pub(crate) mod tensorflow_custom_operator;
pub(crate) mod tensorflow_operators;
pub(crate) mod tensorflow_unsafe_operator;
