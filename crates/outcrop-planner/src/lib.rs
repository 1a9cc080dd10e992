//! Decides: prepared agent, tool specs, prompts, trace parts, limits; pure, synchronous, serialisable.
