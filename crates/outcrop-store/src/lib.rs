//! Remembers: resources, sessions, turn journals; the only crate with SQL.
