//! Agents as the operations share them: stored forms, names, prepared forms.

pub mod documents;
pub mod names;
pub mod prepared;
pub mod tags;
pub mod tokens;
