//! Time and identity, handed in so that tests can move the one and foresee the other.

use outcrop_wire::Timestamp;

/// Tells the time.
pub trait Clock: Send + Sync {
    /// The time now, with nanoseconds.
    fn now(&self) -> Timestamp;
}

/// Makes identifiers.
pub trait Ids: Send + Sync {
    /// Ten characters of `[A-Z0-9]`: the form of agent, alias and action group ids.
    fn resource_id(&self) -> String;

    /// A random UUID in lower case with hyphens: request ids, invocation ids, session ids of collaborators.
    fn uuid(&self) -> String;
}
