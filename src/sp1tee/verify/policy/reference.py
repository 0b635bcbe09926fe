"""The policy file's reference: every key of a section, made of the model."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from sp1tee.verify.policy.schema import policy_schema

_HEX: Final = re.compile(r"\[0-9a-fA-F\]\{(?:2\}\)\*|(\d+)\}\$)")


@dataclass(frozen=True, slots=True)
class Row:
    """One key: what may stand there, what counts if nothing does, and what it is for."""

    key: str
    kind: str
    default: str
    text: str


def sections() -> dict[str, tuple[Row, ...]]:
    """Return every section's keys by its name; a section within another has a dotted name."""
    schema = policy_schema()
    definitions: Mapping[str, Any] = schema["$defs"]
    return dict(_sections(schema, definitions, ""))


def _sections(
    schema: Mapping[str, Any], definitions: Mapping[str, Any], prefix: str
) -> list[tuple[str, tuple[Row, ...]]]:
    found = []
    for name, entry in schema["properties"].items():
        section = _section(entry, definitions)
        if section is not None:
            found += [
                (prefix + name, _rows(section, definitions)),
                *_sections(section, definitions, f"{prefix}{name}."),
            ]
    return found


def _section(entry: Mapping[str, Any], definitions: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return the table that stands at a key, itself or as the items of a list."""
    for option in (entry, entry.get("items", {}), *entry.get("anyOf", ())):
        if "$ref" in option:
            found: Mapping[str, Any] = definitions[option["$ref"].rpartition("/")[2]]
            return found
    return None


def _rows(section: Mapping[str, Any], definitions: Mapping[str, Any]) -> tuple[Row, ...]:
    needed = section.get("required", ())
    return tuple(
        Row(name, _kind(entry), "needed" if name in needed else _default(entry), _text(entry))
        for name, entry in section["properties"].items()
        if _section(entry, definitions) is None
    )


def _text(entry: Mapping[str, Any]) -> str:
    return str(entry.get("description", ""))


def _kind(entry: Mapping[str, Any]) -> str:
    """Say in words what may stand at a key."""
    if "anyOf" in entry:
        return _kind(entry["anyOf"][0])
    if "enum" in entry:
        *others, last = (f"`{value}`" for value in entry["enum"])
        return f"{', '.join(others)} or {last}"
    if entry["type"] == "array":
        return f"list of {_kind(entry['items'])}"
    if entry["type"] == "integer":
        low, high = entry.get("minimum"), entry.get("maximum")
        return f"{low} or more" if high is None else f"{low} to {high}"
    if entry["type"] == "boolean":
        return "`true` or `false`"
    return _text_kind(entry)


def _text_kind(entry: Mapping[str, Any]) -> str:
    if entry.get("format") in ("path", "date"):
        return str(entry["format"])
    if hexadecimal := _HEX.search(entry.get("pattern", "")):
        digits = hexadecimal[1]
        return "bytes in hex" if digits is None else f"{int(digits) // 2} bytes in hex"
    return "text"


def _default(entry: Mapping[str, Any]) -> str:
    value = entry.get("default")
    if value in (None, "", [], ()):
        return ""
    if isinstance(value, bool):
        return "`true`" if value else "`false`"
    if isinstance(value, list | tuple):
        return ", ".join(f"`{item}`" for item in value)
    return f"`{value}`"
