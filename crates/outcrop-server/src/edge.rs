//! From sockets to typed requests and back.

pub mod authenticate;
pub mod dispatch;
pub mod event_stream;
pub mod listen;
mod receive;
pub mod respond;
mod stalled;
