"""Parts of a command: their options become the command's, in order, and they are made in order."""

import inspect
from typing import Annotated

import pytest

from sp1tee.cli.assembled import assembled

made: list[str] = []


def first(*, a: int, b: int = 2) -> int:
    made.append("first")
    return a + b


def second(*, c: str = "c") -> str:
    made.append("second")
    return c * 2


@pytest.fixture(autouse=True)
def _nothing_made() -> None:
    made.clear()


@assembled
def command(
    one: Annotated[int, first], plain: Annotated[bool, "a flag"], two: Annotated[str, second]
) -> None:
    """Do it."""
    made.append(f"{one} {plain} {two}")


def test_a_commands_options_are_those_of_its_parts() -> None:
    parameters = inspect.signature(command).parameters
    assert list(parameters) == ["a", "b", "plain", "c"]
    assert all(p.kind is inspect.Parameter.KEYWORD_ONLY for p in parameters.values())
    assert command.__doc__ == "Do it."
    assert command.__name__ == "command"


def test_parts_are_made_in_order_and_given_to_the_command() -> None:
    command(a=1, b=2, plain=True, c="x")
    assert made == ["first", "second", "3 True xx"]


def test_a_part_that_refuses_ends_it_before_the_next_one() -> None:
    with pytest.raises(TypeError):
        command(a="no number", b=2, plain=True, c="x")
    assert made == ["first"]
