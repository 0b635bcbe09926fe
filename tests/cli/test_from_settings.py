"""Options made of settings: every setting has one, secrets do not, and values arrive."""

import inspect
from pathlib import Path
from typing import Annotated, Literal

import pytest
import typer
from pydantic import AfterValidator, ByteSize, Field, SecretStr

from sp1tee.cli.from_settings import (
    default_text,
    descriptions,
    flags_of,
    from_settings,
    is_secret,
)
from sp1tee.errors import ConfigError
from sp1tee.fulfill.settings import FulfillSettings
from sp1tee.serve.settings import ServeSettings
from sp1tee.settings import Settings


class Sample(Settings):
    """Settings of every kind.

    Attributes:
        plain: words
            on two lines.
        count: how ``many``.
    """

    plain: str = "x"
    count: int = 3
    ratio: float = 90.0
    size: ByteSize = ByteSize(2 << 30)
    where: Path | None = Field(None, description="A place [in brackets].")
    choice: Literal["a", "b"] = "a"
    many: Annotated[tuple[str, ...], AfterValidator(lambda v: v)] = ()
    switch: bool = False
    token: SecretStr | None = Field(None, description="What workers show.")
    token_file: Path | None = None
    dsn: str | None = Field(None, repr=False)


@pytest.fixture
def options() -> dict[str, typer.models.OptionInfo]:
    parameters = inspect.signature(from_settings(Sample, "serve")).parameters.values()
    return {p.name: p.annotation.__metadata__[0] for p in parameters}


@pytest.mark.parametrize("cls", [ServeSettings, FulfillSettings])
def test_every_setting_says_what_it_is_for(cls: type[Settings]) -> None:
    assert [name for name, text in descriptions(cls).items() if not text] == []


@pytest.mark.parametrize("cls", [ServeSettings, FulfillSettings])
def test_every_setting_but_secrets_has_a_flag(cls: type[Settings]) -> None:
    flags = dict(flags_of(cls))
    for name, field in cls.model_fields.items():
        assert (name in flags) is not is_secret(field)


def test_secrets_have_a_flag_for_their_file_only(options: dict[str, object]) -> None:
    assert "token_file" in options
    assert "token" not in options
    assert "dsn" not in options


def test_the_file_of_a_secret_is_described_by_the_secret() -> None:
    assert descriptions(Sample)["token_file"] == "File that holds the token: what workers show."


def test_a_description_may_stand_in_the_docstring() -> None:
    assert descriptions(Sample)["plain"] == "Words on two lines."
    assert descriptions(Sample)["count"] == "How `many`."


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("plain", "x"),
        ("ratio", "90"),
        ("size", "2GiB"),
        ("where", ""),
        ("many", ""),
        ("switch", "no"),
    ],
)
def test_a_default_is_written_as_people_write_it(name: str, text: str) -> None:
    assert default_text(Sample.model_fields[name]) == text


def test_brackets_are_kept_from_being_markup(options: dict[str, typer.models.OptionInfo]) -> None:
    assert options["where"].help == "A place \\[in brackets]."


def test_flags_win_over_variables_and_variables_over_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "my.toml"
    config.write_text('[serve]\nplain = "file"\ncount = 1\nratio = 1.5\n')
    monkeypatch.setenv("SP1TEE_SERVE_PLAIN", "variable")
    monkeypatch.setenv("SP1TEE_SERVE_COUNT", "2")
    made = from_settings(Sample, "serve")(config=config, plain="flag", count=None, ratio=None)
    assert (made.plain, made.count, made.ratio) == ("flag", 2, 1.5)


def test_the_settings_class_judges_values() -> None:
    with pytest.raises(ConfigError, match=r"serve\.size"):
        from_settings(Sample, "serve")(config=None, size="much")
