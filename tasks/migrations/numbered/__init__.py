"""One migration a file, by number; ``tasks.migrations`` says how to add one."""
