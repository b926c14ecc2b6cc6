"""Classifications of diseases: import, a read-only index on disk, look-up, search."""
