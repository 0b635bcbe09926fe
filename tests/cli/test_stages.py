"""How the stages of a run look: a table that moves on a terminal, lines elsewhere."""

import io

import pytest
from rich.console import Console

from sp1tee.cli.stages import StageLines, StageTable, duration, showing


class Clock:
    """Stands still unless it is told to go on."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 ms"),
        (0.0834, "83 ms"),
        (1, "1.0 s"),
        (59.94, "59.9 s"),
        (60, "1 min 00 s"),
        (425.3, "7 min 05 s"),
        (7205, "120 min 05 s"),
    ],
)
def test_a_time_is_written_as_people_say_it(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def shown(table: StageTable) -> list[str]:
    console = Console(file=io.StringIO(), width=100)
    with console.capture() as capture:
        console.print(table)
    return [line.rstrip() for line in capture.get().splitlines()]


def test_the_time_of_the_running_stage_goes_on() -> None:
    clock = Clock()
    table = StageTable(clock)
    table.begin("proving")
    clock.now += 12
    [first] = shown(table)
    clock.now += 60
    [second] = shown(table)
    assert (first.split()[-2:], second.split()[-4:]) == (["12.0", "s"], ["1", "min", "12", "s"])


def test_a_stage_that_has_ended_keeps_its_time_and_note() -> None:
    clock = Clock()
    table = StageTable(clock)
    table.begin("executing [it]")
    table.note("soon done")
    table.note("[5] cycles")
    clock.now += 2
    table.begin("proving")
    clock.now += 3
    assert shown(table)[0].split() == ["✓", "executing", "[it]", "2.0", "s", "[5]", "cycles"]
    table.end()
    clock.now += 4
    table.end()
    assert shown(table)[1].split() == ["✓", "proving", "3.0", "s"]


def test_where_no_terminal_is_each_beginning_and_each_end_is_a_line() -> None:
    clock, out = Clock(), io.StringIO()
    lines = StageLines(Console(file=out, width=20), clock)
    lines.begin("starting the server, wherever")
    assert out.getvalue() == "starting the server, wherever …\n"
    lines.note("http://127.0.0.1:46875")
    clock.now += 1.5
    lines.begin("proving [it]")
    clock.now += 90
    lines.end()
    lines.end()
    assert out.getvalue().splitlines()[1:] == [
        "  1.5 s  http://127.0.0.1:46875",
        "proving [it] …",
        "  1 min 30 s",
    ]


@pytest.mark.parametrize(("terminal", "moves"), [(True, True), (False, False)])
def test_only_a_terminal_gets_a_table_that_moves(terminal: bool, moves: bool) -> None:
    out = io.StringIO()
    with showing(Console(file=out, force_terminal=terminal, width=80)) as stages:
        stages.begin("one")
        stages.begin("two")
    assert ("\x1b[2K" in out.getvalue()) is moves
    assert all(text in out.getvalue() for text in ("one", "two"))


def test_a_run_that_fails_leaves_the_terminal_in_order() -> None:
    out = io.StringIO()
    console = Console(file=out, force_terminal=True, width=80)

    def fail() -> None:
        with showing(console) as stages:
            stages.begin("one")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    hidden, visible = (out.getvalue().rfind(f"\x1b[?25{mark}") for mark in "lh")
    assert visible > hidden >= 0
