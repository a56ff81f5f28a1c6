//! Rules about what a model's folder asks of whoever loads it from a hub.

pub(crate) mod remote_code;
