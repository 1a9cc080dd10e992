//! Agents as the operations share them: stored forms, names, prepared forms.

pub mod collaboration;
pub mod controls;
pub mod documents;
pub mod inline;
pub mod names;
pub mod prepared;
pub mod prompts;
pub mod tags;
pub mod tokens;
pub mod versions;
