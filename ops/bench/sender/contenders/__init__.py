"""Those that are measured, a process each."""
