//! This process as others know it: the name under which it holds sessions.

/// The name of a process, and for how long what it holds is its own.
#[derive(Debug)]
pub struct Lease {
    owner: String,
}

impl Lease {
    /// A process of this name, which no other has or had.
    pub fn new(owner: String) -> Self {
        Self { owner }
    }

    /// The name.
    pub fn owner(&self) -> &str {
        &self.owner
    }
}
