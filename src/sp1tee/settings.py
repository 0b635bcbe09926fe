"""Settings from a file, the environment and flags; the later one wins.

A section of ``sp1tee.toml``, such as ``[serve]``, belongs to one class; so do the variables with
its prefix, such as ``SP1TEE_SERVE_LISTEN``. A key that no class knows is refused, because a
mistyped limit that is silently ignored is no limit. Whatever is a secret can also be the path of a
file that holds it: ``worker_token`` and ``worker_token_file``.
"""

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from pydantic import PrivateAttr, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from sp1tee.errors import ConfigError
from sp1tee.private_files import check_private

DEFAULT_FILE = Path("sp1tee.toml")
SECTIONS = frozenset({"serve", "fulfill", "client", "verify"})

S = TypeVar("S", bound="Settings")

_SECRET_LIMIT = 64 * 1024
_FILE = "_file"
_MOST_PROBLEMS = 10


@dataclass(frozen=True, slots=True)
class Original:
    """A variable of the Rust original, and what became of it.

    Attributes:
        variable: its name in the environment.
        setting: the setting that takes its value where nothing else gives one; None if none does.
        advice: what to do instead, for the hint.
        only_urls: take it only if it is a URL; every container has a HOSTNAME.
    """

    variable: str
    setting: str | None
    advice: str
    only_urls: bool = False

    def read(self, environment: Mapping[str, str]) -> str | None:
        """Return its value if it is set and means what the original meant."""
        value = environment.get(self.variable)
        if value and self.only_urls and not value.startswith(("http://", "https://")):
            return None
        return value or None


class Settings(BaseSettings):
    """Base of all settings. An instance made directly is made of its arguments alone.

    A field ``x_file`` beside a field ``x`` of type `SecretStr` is the path of a file that holds it;
    it is read at once, unless it is one of `late_files` and not there yet.
    """

    model_config = SettingsConfigDict(extra="forbid", frozen=True)
    originals: ClassVar[tuple[Original, ...]] = ()
    late_files: ClassVar[frozenset[str]] = frozenset()
    _hints: tuple[str, ...] = PrivateAttr(default=())

    @property
    def hints(self) -> tuple[str, ...]:
        """What the operator should know about where these settings came from."""
        return self._hints

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Leave the environment to `load`, so that a test's settings are what the test says."""
        del settings_cls, env_settings, dotenv_settings, file_secret_settings
        return (init_settings,)

    @model_validator(mode="before")
    @classmethod
    def _read_secret_files(cls, values: dict[str, Any]) -> dict[str, Any]:
        made = dict(values)
        for name in _secret_files(cls):
            if made.get(name) is None:
                continue
            secret = name.removesuffix(_FILE)
            if made.get(secret) is not None:
                raise ConfigError(
                    f"Both {secret} and {name} are given.", advice="Give one of them."
                )
            path = Path(made[name])
            if name not in cls.late_files or os.path.exists(path):  # noqa: PTH110 - it never raises
                made[secret] = read_secret(name, path)
        return made


def listed(value: object) -> object:
    """Accept a comma-separated list, as flags and variables carry it."""
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value


def load(
    cls: type[S],
    section: str,
    file: Path | None = None,
    *,
    environment: Mapping[str, str] | None = None,
    **flags: object,
) -> S:
    """Read the settings of one section.

    Args:
        cls: what to make.
        section: its name, such as ``serve``.
        file: a TOML file; without it ``sp1tee.toml`` in the working directory, if there is one.
        environment: variables, for tests; without it those of the process.
        flags: explicit values; None means not given.

    Raises:
        ConfigError: the file, a key or a value is unusable. Values are never repeated.
    """
    variables = os.environ if environment is None else environment
    merged, hints = _take_originals(cls, variables)
    _overlay(merged, _read_table(section, file))
    _overlay(merged, _read_environment(cls, section, variables))
    _overlay(merged, {name: value for name, value in flags.items() if value is not None})
    try:
        settings = cls(**merged)
    except ValidationError as error:
        raise ConfigError(_explain(section, error), advice=_advice(section)) from None
    settings._hints = hints
    return settings


def prefix(section: str) -> str:
    """Return what a section's variables begin with."""
    return f"SP1TEE_{section.upper()}_"


def _take_originals(
    cls: type[Settings], environment: Mapping[str, str]
) -> tuple[dict[str, Any], tuple[str, ...]]:
    found = [(original, original.read(environment)) for original in cls.originals]
    hints = tuple(f"{o.variable} is set. {o.advice}" for o, value in found if value is not None)
    return {o.setting: value for o, value in found if o.setting and value is not None}, hints


def _overlay(lower: dict[str, Any], upper: Mapping[str, Any]) -> None:
    """Put `upper` over `lower`; a secret and the file that holds it replace each other."""
    for name in upper:
        lower.pop(f"{name}{_FILE}", None)
        lower.pop(name.removesuffix(_FILE), None)
    lower.update(upper)


def _read_table(section: str, file: Path | None) -> Mapping[str, Any]:
    if file is None and not DEFAULT_FILE.exists():
        return {}
    path = DEFAULT_FILE if file is None else file
    try:
        document = tomllib.loads(path.read_text("utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"The settings file {path} is not TOML: {error}.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"The settings file {path} cannot be read: {_reason(error)}.") from None
    if unknown := sorted(set(document) - SECTIONS):
        raise ConfigError(
            f"The settings file {path} has unknown sections: {', '.join(unknown)}.",
            advice=f"Known ones are {', '.join(sorted(SECTIONS))}.",
        )
    table = document.get(section, {})
    if not isinstance(table, dict):
        raise ConfigError(f"In {path}, {section} is no section.", advice=f"Write [{section}].")
    return table


def _read_environment(
    cls: type[Settings], section: str, environment: Mapping[str, str]
) -> dict[str, Any]:
    start = prefix(section)
    given = {name: value for name, value in environment.items() if name.startswith(start)}
    known = {f"{start}{name.upper()}": name for name in cls.model_fields}
    if unknown := sorted(set(given) - set(known)):
        raise ConfigError(f"There is no setting {', '.join(unknown)}.", advice=_advice(section))
    # Empty means not given: compose files pass variables on that are not set.
    return {known[name]: value for name, value in given.items() if value}


def _secret_files(cls: type[Settings]) -> list[str]:
    names = cls.model_fields
    return [name for name in names if name.endswith(_FILE) and name.removesuffix(_FILE) in names]


def read_secret(name: str, path: Path) -> SecretStr:
    """Read the file of a secret, without the white space around it.

    Args:
        name: the setting that names the file, for errors.
        path: the file.

    Raises:
        ConfigError: it is missing, unreadable, empty or too long. What it holds is not repeated.
        ExposedSecretError: others may read it.
    """
    try:
        with path.open(encoding="utf-8") as file:
            check_private(path, os.fstat(file.fileno()))
            text = file.read(_SECRET_LIMIT + 1)
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"The {name} {path} cannot be read: {_reason(error)}.") from None
    if not text.strip() or len(text) > _SECRET_LIMIT:
        raise ConfigError(f"The {name} {path} is empty, or too long to hold a secret.")
    return SecretStr(text.strip())


def _explain(section: str, error: ValidationError) -> str:
    """Say what is wrong with which setting; without the values, which may be secrets."""
    lines = []
    for item in error.errors(include_url=False, include_input=False, include_context=False):
        text = item["msg"].removeprefix("Value error, ")
        if item["type"] == "extra_forbidden":
            text = "There is no such setting"
        where = ".".join(str(part) for part in (section, *item["loc"]))
        lines.append(f"{where}: {text}" if item["loc"] else text)
    if len(lines) > _MOST_PROBLEMS:
        lines[_MOST_PROBLEMS:] = [f"and {len(lines) - _MOST_PROBLEMS} more"]
    return "; ".join(lines) + "."


def _advice(section: str) -> str:
    return (
        f"Settings stand in section [{section}] of sp1tee.toml, in variables that begin with "
        f"{prefix(section)}, or in flags; `sp1tee {section} --help` lists them."
    )


def _reason(error: OSError | UnicodeDecodeError) -> str:
    return (error.strerror or "error") if isinstance(error, OSError) else "it is not UTF-8"
