"""What `sp1tee top` makes of what a server says."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from sp1tee.cli.top_view import duration, frame, waiting
from sp1tee.errors import ServerAway
from sp1tee.monitoring.look import Figures, Health, Look, Rates

URL = "http://127.0.0.1:8081"
WORKER: dict[str, Any] = {
    "name": "gpu-1",
    "seen_s_ago": 2.4,
    "proves": [{"version": "sp1-v6.1.0", "modes": [1], "mock": True}],
}


def figures(*lines: str) -> Figures:
    return Figures.read("\n".join((*lines, "")).encode())


def health(workers: object = (), **why_not: str) -> Health:
    return Health.read(json.dumps({"why_not": why_not, "workers": workers}).encode())


def look(*lines: str, at: float = 1000.0, **facts: Any) -> Look:
    started = "process_start_time_seconds 400"
    return Look(at, health(**facts), figures(started, *lines))


def drawn(now: Look, before: Look | None = None, trouble: str = "") -> str:
    console = Console(width=120, record=True, file=open("/dev/null", "w"))  # noqa: PTH123, SIM115
    with console.file:
        console.print(frame(URL, Rates(before, now), trouble))
        return console.export_text()


def test_the_head_says_what_where_how_long_and_whether_it_is_ready() -> None:
    text = drawn(look('sp1tee_build_info{version="0.1.0"} 1'))
    assert text.startswith(f"sp1tee 0.1.0 at {URL} · ready · up 10 min · 00:16:40 UTC")


def test_why_a_server_is_not_ready_stands_in_its_head() -> None:
    text = drawn(look(disk="3 bytes are free, 9 are wanted", store="SP1TEE-S001"))
    assert "not ready (disk: 3 bytes are free, 9 are wanted; store: SP1TEE-S001)" in text


def test_open_requests_have_their_numbers_and_ages() -> None:
    text = drawn(
        look(
            'sp1tee_requests{state="queued"} 3',
            'sp1tee_requests{state="proved"} 0',
            'sp1tee_requests{state="settled"} 99',
            'sp1tee_oldest_request_seconds{state="queued"} 125.9',
        )
    )
    rows = {line.split()[0]: line.split()[1:] for line in text.splitlines() if line.split()}
    assert rows["queued"] == ["3", "2", "min", "5", "s"]
    assert rows["proved"] == ["0", "-"]
    assert "settled" not in rows


def test_workers_are_listed_with_what_they_prove() -> None:
    text = drawn(look(workers=[WORKER, WORKER | {"name": "gpu-2", "state": "draining"}]))
    assert ["gpu-1", "active", "2", "s", "ago", "sp1-v6.1.0", "(mock)"] in map(
        str.split, text.splitlines()
    )
    assert "draining" in text


def test_of_many_workers_some_are_shown_and_the_others_counted() -> None:
    assert "and 5 more" in drawn(look(workers=[WORKER] * 25))
    assert "none has asked for work lately" in drawn(look())


def test_rates_are_those_between_two_looks() -> None:
    ended = 'sp1tee_request_seconds_count{outcome="settled"}'
    text = drawn(look(f"{ended} 16", at=1060.0), look(f"{ended} 10"))
    assert "per minute, last 1 min" in text
    assert "6.0 settled" in text


def test_the_first_look_shows_averages_since_the_servers_start() -> None:
    text = drawn(look('sp1tee_request_seconds_count{outcome="failed"} 20'))
    assert "per minute, since its start" in text
    assert "2.0 failed" in text


def test_a_counter_that_began_anew_grew_from_nothing() -> None:
    lost = "sp1tee_leases_lost_total"
    assert "3.0 lost" in drawn(look(f"{lost} 3", at=1060.0), look(f"{lost} 50"))


def test_refusals_are_listed_most_frequent_first() -> None:
    name = "sp1tee_refusals_total"
    text = drawn(
        look(
            f'{name}{{listener="public",code="SP1TEE-R001"}} 2',
            f'{name}{{listener="public",code="SP1TEE-R033"}} 4',
            f'{name}{{listener="worker",code="SP1TEE-R033"}} 5',
        )
    )
    lines = [line.split() for line in text.splitlines()]
    assert lines.index(["SP1TEE-R033", "9"]) + 1 == lines.index(["SP1TEE-R001", "2"])


def test_what_workers_call_themselves_moves_no_cursor_and_is_no_markup() -> None:
    text = drawn(look(workers=[WORKER | {"name": "\x1b[2J[red]x\u202e"}]))
    assert "\x1b" not in text
    assert r"\x1b[2J[red]x\u202e" in text


def test_a_server_that_does_not_answer_any_more_keeps_its_last_frame() -> None:
    text = drawn(look(workers=[WORKER]), trouble="It does not answer.")
    assert "It does not answer." in text
    assert "gpu-1" in text
    console = Console(width=120)
    with console.capture() as captured:
        console.print(waiting(URL, "It does not answer."))
    assert captured.get().splitlines() == [f"sp1tee at {URL}", "It does not answer."]


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0 s"), (0.9, "0 s"), (61, "1 min 1 s"), (3600, "1 h"), (90_061, "1 d 1 h")],
)
def test_times_are_written_as_people_say_them(seconds: float, words: str) -> None:
    assert duration(seconds) == words


@given(st.binary() | st.text().map(str.encode))
def test_whatever_a_server_says_is_read_or_is_a_server_that_is_away(body: bytes) -> None:
    for read in (Health.read, Figures.read):
        try:
            read(body)
        except ServerAway:
            continue


_JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["why_not", "workers", "name", "seen_s_ago", "proves", "version", "mock"]
            ),
            inner,
            max_size=7,
        )
    ),
    max_leaves=20,
)


@given(_JSON)
def test_json_of_any_shape_is_read_or_is_a_server_that_is_away(content: object) -> None:
    try:
        Health.read(json.dumps(content).encode())
    except ServerAway:
        return


@given(st.text(alphabet='ab_{}="\\,# TYPEHELP0123.eE+-\nNaNInf', max_size=80))
def test_text_that_resembles_metrics_is_read_or_is_a_server_that_is_away(text: str) -> None:
    try:
        Figures.read(text.encode())
    except ServerAway:
        return
