//! One file a policy.

pub(crate) mod content;
pub(crate) mod grounding;
pub(crate) mod sensitive;
pub(crate) mod topics;
pub(crate) mod words;
