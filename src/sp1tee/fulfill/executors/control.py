"""What the executor and its fork server say to each other over a socket of whole messages.

The executor asks and the server answers, one message each, i64 little-endian:

- ``0`` with two descriptors, the child's standard input and output: fork. The answer is the child's
  process id, with a pidfd of it, or an error number made negative.
- a process id: collect what is left of this child, which must have ended. The answer is its exit
  code, or the number of the signal that ended it made negative.

Before all that, the server says once that it is ready, with ``0``. Nothing of a guest, its input or
its result passes here. A child's process id stays its own until the executor asks to collect it.
"""

from struct import Struct
from typing import Final

_NUMBER: Final = Struct("<q")

FORK: Final = 0
READY: Final = 0
SIZE: Final = _NUMBER.size
CHILD_DESCRIPTORS: Final = 2


def encode(number: int) -> bytes:
    """Encode one message."""
    return _NUMBER.pack(number)


def decode(message: bytes) -> int:
    """Decode one message.

    Raises:
        EOFError: it is not whole; the other side has gone.
    """
    if len(message) != SIZE:
        raise EOFError
    number: int = _NUMBER.unpack(message)[0]
    return number
