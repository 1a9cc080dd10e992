//! Model providers, one file each, and the offline planner.
