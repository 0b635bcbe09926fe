"""Files that only their owner may see: keys and tokens."""

import os
import stat
from pathlib import Path
from typing import Final

from sp1tee.errors import ConfigError, ExposedSecretError

_PRIVATE: Final = 0o600
_PUBLIC: Final = 0o644
_GROUP_AND_OTHERS: Final = 0o077
_MOUNTED: Final = Path("/run/secrets")
"""Where containers' runtimes mount secrets, for all who are in the container to read."""
_CREDENTIALS: Final = "CREDENTIALS_DIRECTORY"
"""Where systemd does, for one unit; whose list of who may read shows as rights of the group."""
_MARKS: Final = (Path("/.dockerenv"), Path("/run/.containerenv"))
_VARIABLES: Final = ("container", "KUBERNETES_SERVICE_HOST")


def write_new(path: Path, content: bytes, *, public: bool = False) -> None:
    """Write a file that is not there yet, readable by its owner alone unless it is public.

    Raises:
        ConfigError: there is one already, or it cannot be written.
    """
    try:
        mode = _PUBLIC if public else _PRIVATE
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
    except FileExistsError:
        raise ConfigError(
            f"{path} exists already.", advice="Give another name: a key is never overwritten."
        ) from None
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror}.") from None


def check_private(path: Path, status: os.stat_result | None = None) -> None:
    """See that a file with a secret is its owner's alone; what is no file has no readers to tell.

    Whoever made it readable to others may not know that it was read. A file that cannot be looked
    at is left to whoever reads it.

    Args:
        path: the file.
        status: of the open file, where it is open.

    Raises:
        ExposedSecretError: its group or others may read or change it.
    """
    try:
        status = status or path.stat()
    except OSError:
        return
    exposed = stat.S_ISREG(status.st_mode) and status.st_mode & _GROUP_AND_OTHERS
    if exposed and not _is_handed_over(path):
        raise ExposedSecretError(
            f"Others than its owner may read or change {path}, which holds a secret.",
            advice=f"chmod 600 {path}; and if others had access, change the secret.",
        )


def in_container() -> bool:
    """Tell whether this process runs in a container, by the marks that runtimes leave."""
    return any(mark.exists() for mark in _MARKS) or any(name in os.environ for name in _VARIABLES)


def _is_handed_over(path: Path) -> bool:
    """Tell whether a file is where container or systemd hand secrets to this process alone."""
    places = [_MOUNTED] if in_container() else []
    if directory := os.environ.get(_CREDENTIALS):
        places.append(Path(directory))
    return any(path.absolute().is_relative_to(place) for place in places)
