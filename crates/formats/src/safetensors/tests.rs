//! Tests of the reader of safetensors.
