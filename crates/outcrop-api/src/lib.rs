//! Generated from AWS's service models: shapes, routes, decoding, encoding, constraints and errors.
