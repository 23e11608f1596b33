//! What the fuzz targets do; `tests/fuzz.rs` does the same with what they found, and with spoiled input.

pub mod targets;
