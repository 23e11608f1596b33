//! Frames of fixed states.
