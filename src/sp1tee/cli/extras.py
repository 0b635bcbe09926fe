"""Packages that the plain install leaves out."""

from collections.abc import Iterator
from contextlib import contextmanager

from sp1tee.errors import MissingExtraError


@contextmanager
def extra(name: str, command: str) -> Iterator[None]:
    """Import inside of this what only comes with ``sp1tee[name]``.

    Raises:
        MissingExtraError: it is not installed.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] == "sp1tee":
            raise
        raise MissingExtraError(
            f"`sp1tee {command}` needs packages that are not installed ({error.name}).",
            advice=f"Install them with: pip install 'sp1tee[{name}]'",
        ) from None
