"""Fetching the guest agent's Info."""

from pathlib import Path
from typing import Final

from sp1tee.errors import FetchError, VerifyError
from sp1tee.verify.evidence.manifest import Download, Trouble
from sp1tee.verify.fetch.http import get
from sp1tee.verify.guest_info import MAX_INFO

_OK: Final = 200


def fetch_info(
    url: str, *, seconds: float = 10.0, roots: Path | None = None
) -> tuple[Download, bytes | None]:
    """Fetch a guest's Info; whatever goes wrong is in the record."""
    try:
        answer = get(url, limit=MAX_INFO, seconds=seconds, roots=roots)
        if answer.status != _OK:
            raise FetchError(f"{url} answers with HTTP {answer.status}.")
    except VerifyError as error:
        return Download(source=url[:4096], trouble=Trouble.of(error)), None
    return Download(source=url), answer.body
