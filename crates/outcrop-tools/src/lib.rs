//! Tool executors: Lambda, local and remote.
