"""The store in a SQLite file: one process, no server, every commit on this machine's disk."""
