"""TypeIDs: a prefix that says the kind, an underscore, 26 characters of base32 UUIDv7.

See https://github.com/jetify-com/typeid/tree/main/spec. Making one reads the clock and the
system's randomness: the one impure function of this package, as every id needs both.
"""

import uuid

from typeid import TypeID
from typeid.core.errors import TypeIDException

from sp1tee.errors import IdError

_SUFFIX_LENGTH = 26


def new_id(prefix: str) -> str:
    """Make an id of a kind, such as ``artifact``, ``req`` or ``lease``; ids sort by age."""
    return str(TypeID(prefix=prefix))


def parse_id(text: str, prefix: str) -> uuid.UUID:
    """Read an id of the kind `prefix`.

    Raises:
        IdError: it is of another kind or not a TypeID. The message never repeats the text,
            which comes from outside.
    """
    kind, _, suffix = text.rpartition("_")
    if kind != prefix or len(suffix) != _SUFFIX_LENGTH:
        raise IdError(f"This is not an identifier that starts with {prefix}_.")
    try:
        return uuid.UUID(bytes=TypeID.from_string(text).uuid_bytes)
    except TypeIDException:
        raise IdError(
            f"This {prefix} identifier is mistyped: its second part is no TypeID."
        ) from None
