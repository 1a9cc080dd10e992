//! What needs a moved clock or a prepared store; the rest of the server is tested by its clients.

#[path = "it/expiry.rs"]
mod expiry;
#[path = "it/knowledge_bases.rs"]
mod knowledge_bases;
#[path = "it/memory.rs"]
mod memory;
#[path = "it/stage.rs"]
mod stage;
