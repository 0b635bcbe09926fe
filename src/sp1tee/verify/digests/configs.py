"""Configurations of images, brought into one form, so that two can be compared.

Builders differ in what they write for nothing at all (null, ``[]``, ``""``, or no key), in the
order of environment variables, and in what has no say in what runs: labels, history, dates.
"""

from collections.abc import Mapping
from typing import Final

from sp1tee.errors import EvidenceMalformed
from sp1tee.verify.digests.documents import ENTRIES, SIZE, Config, digest_of, read_platform
from sp1tee.verify.digests.references import is_digest
from sp1tee.verify.facts import Json
from sp1tee.verify.reading import read_object

SETTINGS: Final = (
    "Entrypoint",
    "Cmd",
    "Env",
    "User",
    "WorkingDir",
    "Volumes",
    "ExposedPorts",
    "Healthcheck",
    "Shell",
    "StopSignal",
)
"""What decides how a container starts, by its key in the configuration (OCI config.md)."""
_STEP: Final = 200


def read_config(data: bytes) -> Config:
    """Read an image's configuration.

    Raises:
        EvidenceTooLarge: it is larger than anything genuine.
        EvidenceMalformed: it is none.
    """
    body = read_object(data, "The image's configuration", limit=SIZE)
    return Config(
        digest_of(data),
        read_platform(body, "The image's configuration"),
        _diff_ids(body.get("rootfs")),
        settings(body.get("config")),
        _made_by(body.get("history")),
    )


def _diff_ids(rootfs: Json) -> tuple[str, ...]:
    listed = rootfs.get("diff_ids") if isinstance(rootfs, dict) else None
    # An image of nothing has null, and a manifest without layers to show for it.
    return () if isinstance(rootfs, dict) and listed is None else diff_ids(listed)


def diff_ids(value: Json) -> tuple[str, ...]:
    """Read a list of digests of uncompressed layers; raises `EvidenceMalformed`."""
    listed = value if isinstance(value, list) else [None]
    found = tuple(each for each in listed if isinstance(each, str) and is_digest(each))
    if len(found) != len(listed) or len(found) > ENTRIES:
        raise EvidenceMalformed("The image's configuration has no digests of its layers.")
    return found


def _made_by(history: Json) -> tuple[str, ...]:
    steps = (
        [step for step in history if isinstance(step, dict)] if isinstance(history, list) else []
    )
    return tuple(
        str(step.get("created_by") or "")[:_STEP] for step in steps if not step.get("empty_layer")
    )[:ENTRIES]


def settings(value: Json) -> dict[str, Json]:
    """Bring the settings that decide what runs into one form; what is empty is left out."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise EvidenceMalformed("The image's configuration has settings that are no object.")
    made = {name: _tidy(name, value.get(name)) for name in SETTINGS}
    return {name: setting for name, setting in made.items() if setting}


def _tidy(name: str, value: Json) -> Json:
    if name == "Env" and isinstance(value, list):
        return sorted(value, key=str)
    if name == "WorkingDir" and value == "/":
        return None
    return value


def differing(here: Mapping[str, Json], there: Mapping[str, Json]) -> tuple[str, ...]:
    """Name the settings in which two configurations differ."""
    return tuple(name for name in SETTINGS if here.get(name) != there.get(name))
