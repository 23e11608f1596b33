//! Holds what ARCHITECTURE.md says: who may know what, and that each invariant has its test.

mod circles;
mod documents;
mod files;
mod imports;
mod library;
mod logs;
mod owners;
mod purity;
mod reader;
mod sizes;
