//! Outgoing HTTP: one pooled client with TLS, time-outs and size limits (a crate of its own because TLS weighs on the build).
