//! Checkpoints forged byte by byte, and what must be read from them.
