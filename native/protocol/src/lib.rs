//! The socket protocol of `sp1-gpu-server`, byte for byte, and the requests sp1tee adds to it.
//!
//! A frame is a little-endian `u32` length and that many bytes, the same in both directions. What
//! it holds is what bincode 1.3 makes of an enum: a `u32` tag, then the fields, integers
//! little-endian, every length a `u64`. SP1 counts its tags up from 0; ours have the highest bit
//! set, so neither side can ever take one for the other (`sp1-cuda-6.10.0/src/api.rs`).
//!
//! SP1's own types (inputs, keys, proofs) pass through as bytes: this crate knows none of them and
//! depends on nothing.

mod frame;
mod reader;
mod request;
mod response;

pub use frame::{FrameError, read_frame, write_frame};
pub use reader::Malformed;
pub use request::{Execute, Key, Mode, Request, Verify};
pub use response::{Executed, Info, Outcome, Response};

/// The bit that tells our tags from SP1's.
const OURS: u32 = 0x8000_0000;
