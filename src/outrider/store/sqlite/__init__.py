"""The embedded store: one file, one process, one writer thread."""
