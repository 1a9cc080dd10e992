//! Plays the world in tests: scripted model server, movable clock, transcript printer.
