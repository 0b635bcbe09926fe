"""JSON read in the one way that leaves no two readers of the same bytes disagreeing.

Objects with a key twice, NaN and infinities, text that is no UTF-8, unpaired surrogates and what
nests too deep are refused: each means one thing here and another thing elsewhere (RFC 8259 §4, §8).
"""

import json
import math
from typing import Any, Final, NoReturn

from sp1tee.errors import EvidenceMalformed, EvidenceTooLarge
from sp1tee.verify.facts import Json

DEPTH: Final = 64
"""How deep arrays and objects may nest."""


class _Refused(Exception):  # noqa: N818 - never leaves this module
    pass


def read_json(data: bytes, what: str, *, limit: int) -> Json:
    """Read one JSON value.

    Args:
        data: the whole text, UTF-8.
        what: its name in an error.
        limit: how many bytes it may have.

    Raises:
        EvidenceTooLarge: it has more than `limit` bytes.
        EvidenceMalformed: it is empty, no JSON, or ambiguous JSON.
    """
    if len(data) > limit:
        raise EvidenceTooLarge(f"{what} has more than {limit} bytes.")
    if not data.strip():
        raise EvidenceMalformed(f"{what} is empty.")
    try:
        text = data.decode("utf-8")
        _measure(text)
        value: Json = _DECODER.decode(text)
        if "\\u" in text:
            json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeDecodeError:
        raise EvidenceMalformed(f"{what} is not UTF-8.") from None
    except UnicodeEncodeError:
        raise EvidenceMalformed(f"{what} holds half of a surrogate pair.") from None
    except _Refused as error:
        raise EvidenceMalformed(f"{what} {error}.") from None
    except json.JSONDecodeError as error:
        raise EvidenceMalformed(f"{what} is not JSON (line {error.lineno}).") from None
    except (ValueError, RecursionError):
        raise EvidenceMalformed(f"{what} is not JSON that can be read.") from None
    return value


def read_object(data: bytes, what: str, *, limit: int) -> dict[str, Json]:
    """Read one JSON object; see `read_json`."""
    value = read_json(data, what, limit=limit)
    if not isinstance(value, dict):
        raise EvidenceMalformed(f"{what} is JSON, but no object.")
    return value


def _measure(text: str) -> None:
    """Count nesting before the recursive decoder sees it."""
    depth, quoted, escaped = 0, False, False
    for character in text if text.count("[") + text.count("{") > DEPTH else "":
        if quoted:
            quoted = escaped or character != '"'
            escaped = character == "\\" and not escaped
        elif character == '"':
            quoted = True
        elif character in "[{":
            depth += 1
            if depth > DEPTH:
                raise _Refused(f"nests deeper than {DEPTH}")
        elif character in "]}":
            depth -= 1


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise _Refused(f"has the key {twice[:40]!r} twice")
    return made


def _constant(word: str) -> NoReturn:
    raise _Refused(f"holds {word}, which is not JSON")


def _float(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise _Refused("holds a number that is too large")
    return value


_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=_object, parse_constant=_constant, parse_float=_float
)
