//! The binary: command line, configuration, composition, signals.
fn main() {}
