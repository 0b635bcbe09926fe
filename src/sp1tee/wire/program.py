"""A program artifact: the bincode of the ELF's bytes."""

from sp1tee.wire.bincode import Reader, Writer


def encode_program(elf: bytes) -> bytes:
    """Encode an ELF: its length as u64, then its bytes."""
    return Writer().byte_string(elf).done()


def decode_program(data: bytes, limit: int) -> bytes:
    """Return the ELF of at most `limit` bytes inside an unpacked program artifact.

    Raises:
        BincodeError: it is cut, too long or followed by something.
    """
    reader = Reader(data)
    elf = reader.byte_string(limit)
    reader.expect_end()
    return elf
