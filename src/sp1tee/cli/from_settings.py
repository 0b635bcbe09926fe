"""Options made of a settings class: one flag a setting, so that none is forgotten or misnamed.

Secrets have no flag of their own, because command lines are public on their machine: they have the
flag of the file that holds them. Whether a value is valid is for the settings class to say.
"""

import inspect
import re
import types
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal, TypeVar, Union, get_args, get_origin

import typer
from pydantic import ByteSize, SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from sp1tee.settings import Settings, load

S = TypeVar("S", bound=Settings)

_CONFIG: Final = inspect.Parameter(
    "config",
    inspect.Parameter.KEYWORD_ONLY,
    default=None,
    annotation=Annotated[
        Path | None,
        typer.Option(
            "--config",
            metavar="FILE",
            help="Settings file; by default sp1tee.toml in this folder, if there is one.",
        ),
    ],
)
_ANNOTATED: Final[Any] = Annotated  # for a type that is computed
_PLAIN: Final = (bool, int, float, Path)


def from_settings(cls: type[S], section: str) -> Callable[..., S]:
    """Make the part of a command (see `assembled`) that reads a section's settings."""

    def settings(*, config: Path | None, **flags: Any) -> S:
        return load(cls, section, config, **flags)

    texts = descriptions(cls)
    made = [_option(name, field, texts[name]) for name, field in flags_of(cls)]
    settings.__signature__ = inspect.Signature([_CONFIG, *made])  # type: ignore[attr-defined]
    return settings


def flags_of(cls: type[Settings]) -> list[tuple[str, FieldInfo]]:
    """Return the settings that have a flag, in their order: all but secrets."""
    return [(name, field) for name, field in cls.model_fields.items() if not is_secret(field)]


def is_secret(field: FieldInfo) -> bool:
    """Tell whether a setting's value must not show."""
    return not field.repr or SecretStr in _members(field.annotation)


def descriptions(cls: type[Settings]) -> Mapping[str, str]:
    """Return what each setting is for: its description, or its line in the class's docstring."""
    attributes = _attributes(inspect.getdoc(cls) or "")
    texts = {
        name: _sentence((field.description or attributes.get(name, "")).replace("``", "`"))
        for name, field in cls.model_fields.items()
    }
    return {name: _file_text(name, texts) or text for name, text in texts.items()}


def default_text(field: FieldInfo) -> str:
    """Write a setting's default as a person would; empty if there is none to tell."""
    default = field.default
    if default is PydanticUndefined or default is None or default == ():
        return ""
    if isinstance(default, tuple):
        return ",".join(map(str, default))
    if isinstance(default, ByteSize):
        return default.human_readable().replace(".0", "")
    if isinstance(default, bool):
        return "yes" if default else "no"
    if isinstance(default, float):
        return f"{default:g}"
    return str(default)


def _option(name: str, field: FieldInfo, text: str) -> inspect.Parameter:
    flag, default = name.replace("_", "-"), default_text(field)
    kind, metavar = _kind(field)
    option = typer.Option(
        f"--{flag}",
        metavar=metavar,
        help=_plain(f"{text} [default: {default}]" if default else text),
    )
    annotation = _ANNOTATED[kind | None, option]
    return inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation
    )


def _kind(field: FieldInfo) -> tuple[Any, str | None]:
    """Choose what Typer parses a flag as, and what its help calls the value."""
    members = _members(field.annotation)
    choices = next((m for m in members if get_origin(m) is Literal), None)
    if choices is not None:
        return choices, None
    if ByteSize in members:
        return str, "SIZE"
    plain = next((m for m in members if m in _PLAIN), str)
    if plain is str and any(get_origin(m) is tuple for m in members):
        return str, "A,B,…"
    return plain, "PATH" if plain is Path else None


def _members(annotation: Any) -> list[Any]:
    """Take a type apart: unions into their members, annotated types into the bare ones."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return _members(get_args(annotation)[0])
    if origin in (Union, types.UnionType):
        return [member for arg in get_args(annotation) for member in _members(arg)]
    return [annotation]


def _attributes(doc: str) -> dict[str, str]:
    """Read the ``Attributes:`` section of a Google-style docstring."""
    section = doc.partition("Attributes:\n")[2].partition("\n\n")[0]
    entries = re.findall(r"^ {4}(\w+): (.+(?:\n {6,}.+)*)", section, re.MULTILINE)
    return {name: " ".join(text.split()) for name, text in entries}


def _file_text(name: str, texts: Mapping[str, str]) -> str | None:
    """Describe the file of a secret by the secret; None for any other setting."""
    secret = name.removesuffix("_file")
    if secret == name or secret not in texts:
        return None
    held = texts[secret]
    return f"File that holds the {secret.replace('_', ' ')}: {held[:1].lower()}{held[1:]}"


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _plain(text: str) -> str:
    """Keep rich from reading brackets as markup."""
    return text.replace("[", "\\[")
