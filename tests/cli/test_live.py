"""Progress: one line a step where nobody watches, bars on a terminal."""

import io

import pytest
from rich.console import Console

from sp1tee.cli import live, render
from sp1tee.cli.live import Live
from sp1tee.client import Execution, Fulfillment, Status
from sp1tee.errors import Unreachable

FAR = 4_000_000_000
WAITING = Status(Fulfillment.ASSIGNED, Execution.UNEXECUTED, FAR)


class Screen:
    """A console whose output can be read."""

    def __init__(self, *, terminal: bool) -> None:
        self.file = io.StringIO()
        self.console = Console(file=self.file, force_terminal=terminal, width=100)

    @property
    def text(self) -> str:
        return self.file.getvalue()


@pytest.fixture
def screen(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Screen:
    made = Screen(terminal=getattr(request, "param", False))
    for module in (live, render):
        monkeypatch.setattr(module, "talk", lambda: made.console)
    return made


def test_without_a_terminal_each_step_is_one_line(screen: Screen) -> None:
    with Live() as shown:
        shown.step("looking")
        shown.transfer("uploading", 100)
        shown.moved(50)
        shown.status(WAITING)
        shown.status(WAITING)
    assert screen.text == "looking …\nuploading …\nwaiting for the proof …\n"


def test_a_row_of_the_same_failures_is_told_once(screen: Screen) -> None:
    with Live() as shown:
        shown.trouble(Unreachable("It is away."))
        shown.trouble(Unreachable("It is away."))
        shown.trouble(Unreachable("It is slow."))
    assert screen.text.count("It is away. Trying again") == 1
    assert screen.text.count("It is slow. Trying again") == 1


def test_an_ended_request_is_not_told_as_a_step(screen: Screen) -> None:
    with Live() as shown:
        shown.status(Status(Fulfillment.FULFILLED, Execution.EXECUTED, FAR))
    assert screen.text == ""


@pytest.mark.parametrize("screen", [True], indirect=True)
def test_on_a_terminal_a_transfer_is_a_bar(screen: Screen) -> None:
    with Live() as shown:
        shown.step("looking")
        shown.transfer("uploading", 100)
        shown.moved(50)
        shown.transfer("uploading", 100)
        shown.moved(100)
    assert "looking" in screen.text
    assert "uploading" in screen.text
    assert "0/100 bytes" in screen.text


@pytest.mark.parametrize("screen", [True], indirect=True)
def test_the_terminal_is_left_as_it_was_also_after_an_error(screen: Screen) -> None:
    def interrupted() -> None:
        with Live() as shown:
            shown.transfer("uploading", 100)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    hidden, shown = "\x1b[?25l", "\x1b[?25h"
    assert screen.text.rfind(shown) > screen.text.rfind(hidden)
