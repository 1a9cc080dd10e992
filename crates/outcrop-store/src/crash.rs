//! Ends the process in the middle of its work, for those who try what becomes of it: around a commit, as a cut of power
//! or a kill would. Costs a look at a number when nobody wants it.

use std::sync::atomic::{AtomicI64, Ordering};

/// Commits still to come before the end; at 0 nobody wants one.
static BEFORE: AtomicI64 = AtomicI64::new(0);
static AFTER: AtomicI64 = AtomicI64::new(0);

/// Where the process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Crash {
    /// Before the n-th commit from now on, counted from 1: what it would have written is lost.
    BeforeCommit(i64),
    /// After the n-th commit: what it wrote is there, and nobody was told.
    AfterCommit(i64),
}

impl Crash {
    /// Reads `before 3` or `after 3`.
    pub fn parse(text: &str) -> Option<Self> {
        let (place, number) = text.split_once(' ')?;
        let number = number.parse().ok().filter(|number| *number > 0)?;
        match place {
            "before" => Some(Self::BeforeCommit(number)),
            "after" => Some(Self::AfterCommit(number)),
            _ => None,
        }
    }

    /// Has the process end there: at once, without unwinding, flushing or telling anybody.
    pub fn arm(self) {
        match self {
            Self::BeforeCommit(number) => BEFORE.store(number, Ordering::Relaxed),
            Self::AfterCommit(number) => AFTER.store(number, Ordering::Relaxed),
        }
    }
}

pub(crate) fn before_commit() {
    count(&BEFORE);
}

pub(crate) fn after_commit() {
    count(&AFTER);
}

fn count(left: &AtomicI64) {
    // One thread commits, or several that are ended alike.
    if left.load(Ordering::Relaxed) > 0 && left.fetch_sub(1, Ordering::Relaxed) == 1 {
        std::process::abort();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_read() {
        let check = |text: &str, expected| assert_eq!(Crash::parse(text), expected, "{text}");
        check("before 3", Some(Crash::BeforeCommit(3)));
        check("after 1", Some(Crash::AfterCommit(1)));
        check("after 0", None);
        check("after", None);
        check("during 1", None);
    }
}
