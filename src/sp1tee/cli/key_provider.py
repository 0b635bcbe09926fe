"""A key provider, as it is typed."""

from pathlib import Path
from typing import TYPE_CHECKING, Final

from sp1tee.errors import ConfigError, EvidenceMalformed, EvidenceTooLarge

if TYPE_CHECKING:
    from sp1tee.verify.rtmr3 import Provider

HELP: Final = 'NAME:ID, e.g. kms:3059…; none; or JSON as dstack writes it: {"name": …, "id": …}.'
_LIMIT: Final = 4096


def key_provider(text: str) -> "Provider":
    """Read a key provider from ``NAME``, ``NAME:ID``, JSON, or a file that holds JSON.

    Raises:
        ConfigError: it is none.
        EvidenceFileError: the file cannot be read.
    """
    from sp1tee.verify.rtmr3 import read_provider

    try:
        return read_provider(_json(text))
    except (EvidenceMalformed, EvidenceTooLarge) as error:
        raise ConfigError(f"--key-provider: {error}", advice=f"Write {HELP}") from None


def _json(text: str) -> bytes:
    import json

    from sp1tee.verify.reading import read_file
    from sp1tee.verify.rtmr3.payloads import PROVIDERS

    name, _, identity = text.partition(":")
    if name in PROVIDERS:
        return json.dumps({"name": name, "id": identity}).encode()
    if text.lstrip().startswith("{"):
        return text.encode("utf-8", "replace")
    return read_file(Path(text), _LIMIT)
