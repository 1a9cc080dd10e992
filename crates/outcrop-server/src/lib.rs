//! Listens: the edge, one file per operation, the turn driver.
