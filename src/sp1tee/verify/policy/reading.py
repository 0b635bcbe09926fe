"""Reading a policy file: strictly, because a demand that is misspelt is a demand not made."""

import hashlib
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from sp1tee.errors import EvidenceTooLarge, PolicyError
from sp1tee.verify.policy.model import SCHEMA, Policy
from sp1tee.verify.policy.problems import Problem, described
from sp1tee.verify.policy.shipped import shipped_file
from sp1tee.verify.reading import is_there, read_file

LIMIT: Final = 256 * 1024
"""Bytes a policy may have; one with a thousand waivers has less."""


@dataclass(frozen=True, slots=True)
class LoadedPolicy:
    """A policy with what identifies it.

    Attributes:
        policy: what it demands; its paths are relative to the folder of its file no more.
        path: its file.
        sha256: the digest of the file's bytes.
    """

    policy: Policy
    path: Path
    sha256: str


def load_policy(path: Path) -> LoadedPolicy:
    """Read a policy by its file, or by its name if it came with the program.

    Raises:
        EvidenceFileError: there is no such file, or it cannot be read.
        PolicyError: it is no policy.
    """
    file = find_policy(path)
    return parse_policy(read_policy(file), file)


def find_policy(path: Path) -> Path:
    """Return the file that is meant: a file that is there goes before a shipped policy's name."""
    return path if is_there(path) else shipped_file(str(path)) or path


def read_policy(path: Path) -> bytes:
    """Read a policy's bytes; raises `EvidenceFileError` and `PolicyError`."""
    try:
        return read_file(path, LIMIT)
    except EvidenceTooLarge as error:
        raise PolicyError(error.message) from None


def parse_policy(data: bytes, path: Path) -> LoadedPolicy:
    """Read a policy's bytes, which `path` has or could have; raises `PolicyError`."""
    found = examine_policy(data, path)
    if isinstance(found, LoadedPolicy):
        return found
    more = f" ({len(found) - 1} more problems)" if len(found) > 1 else ""
    raise PolicyError(f"{path.name}: {found[0]}{more}.")


def examine_policy(data: bytes, path: Path) -> LoadedPolicy | tuple[Problem, ...]:
    """Read a policy's bytes, or say everything that is wrong with them."""
    try:
        table = tomllib.loads(data.decode("utf-8"))
    except UnicodeDecodeError:
        return (Problem("", "it is not UTF-8"),)
    except tomllib.TOMLDecodeError as error:
        return (Problem("", f"it is not TOML: {error}"),)
    except (ValueError, RecursionError):
        # Integers of thousands of digits, arrays within arrays without end.
        return (Problem("", "it is not TOML that can be read"),)
    return _validated(table, data, path)


def _validated(
    table: dict[str, Any], data: bytes, path: Path
) -> LoadedPolicy | tuple[Problem, ...]:
    if "schema" not in table:
        begins = f'a policy begins with `schema = "{SCHEMA}"`'
        empty = "" if table else "it is empty and demands nothing; "
        return (Problem("schema", f"{empty or 'is missing; '}{begins}"),)
    try:
        policy = Policy.model_validate(table)
    except ValidationError as error:
        return described(error, data)
    return LoadedPolicy(_anchored(policy, path.parent), path, hashlib.sha256(data).hexdigest())


def _anchored(policy: Policy, folder: Path) -> Policy:
    """Make paths independent of where the program runs."""
    anchors = {name: folder / path for name, path in policy.anchors if isinstance(path, Path)}
    changes: dict[str, Any] = {"anchors": policy.anchors.model_copy(update=anchors)}
    compose = policy.compose
    if compose is not None and compose.docker_compose is not None:
        file = folder / compose.docker_compose
        changes["compose"] = compose.model_copy(update={"docker_compose": file})
    return policy.model_copy(update=changes)
