"""The network's bytes: messages, signatures, encodings, ids, keys. Pure: no I/O, no clock."""
