//! AWS protocols by hand: event-stream frames, signatures, and the scalar forms of rest-json. No runtime, no IO.

pub mod blob;
pub mod event_stream;
pub mod sigv4;
pub mod timestamp;

pub use blob::Blob;
pub use timestamp::Timestamp;
