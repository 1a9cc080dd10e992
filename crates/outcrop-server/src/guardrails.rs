//! Guardrails: as they are stored and named, compiled, applied to texts, and told on the wire.
//!
//! Whoever has a text to check makes a [`apply::Check`] with [`apply::Guard`]s and reads [`apply::Applied`]: ApplyGuardrail,
//! the turn of an agent, and calls of models alike.

pub mod apply;
pub mod compiled;
mod configuration;
pub mod documents;
pub mod enforced;
mod judge;
pub mod told;
pub mod traced;
pub mod uses;
