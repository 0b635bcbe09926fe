"""One frame of `sp1tee top`. Whatever a server says is text, never markup or a control code."""

import time
from collections.abc import Iterable, Sequence
from typing import Final

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from sp1tee.cli.render import harmless
from sp1tee.monitoring.look import Look, Rates, WorkerSeen

_MOST_WORKERS: Final = 20
_MOST_REFUSALS: Final = 5
_OPEN: Final = ("accepted", "queued", "leased", "held", "proved")
_STEPS: Final = ((86_400, "d"), (3600, "h"), (60, "min"), (1, "s"))


def frame(url: str, rates: Rates, trouble: str = "") -> RenderableType:
    """Draw a server.

    Args:
        url: of its worker listener.
        rates: the newest look, and what to compare it with.
        trouble: why there is no newer look, if there is none.
    """
    look = rates.now
    return Group(
        _headline(url, look, trouble),
        Text(),
        _requests(look),
        Text(),
        _flow(rates),
        Text(),
        _workers(look.health.workers),
        *_refusals(look),
    )


def waiting(url: str, trouble: str) -> RenderableType:
    """Draw a server that was never seen."""
    return Group(Text.assemble(("sp1tee", "bold"), f" at {url}"), Text(harmless(trouble), "red"))


def duration(seconds: float) -> str:
    """Write a time as people say it: its two largest units."""
    left, parts = int(seconds), list[str]()
    for size, unit in _STEPS:
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count} {unit}")
    return " ".join(parts[:2]) or "0 s"


def _headline(url: str, look: Look, trouble: str) -> Text:
    clock = time.strftime("%H:%M:%S UTC", time.gmtime(look.at))
    versions = ", ".join(look.figures.by("sp1tee_build_info", "version"))
    line = Text.assemble(("sp1tee", "bold"), f" {harmless(versions)} at {url} · ")
    why_not = [f"{part}: {word}" for part, word in look.health.why_not.items()]
    if why_not:
        line.append(f"not ready ({harmless('; '.join(why_not))})", "bold red")
    else:
        line.append("ready", "green")
    line.append(f" · up {duration(look.uptime)} · {clock}")
    if trouble:
        line.append(f"\n{harmless(trouble)}", "red")
    return line


def _requests(look: Look) -> Table:
    now = look.figures.by("sp1tee_requests", "state")
    oldest = look.figures.by("sp1tee_oldest_request_seconds", "state")
    table = _table("requests", "now>", "oldest>")
    for state in _OPEN:
        if state in now:
            age = duration(oldest.get(state, 0.0)) if now[state] else "-"
            _row(table, state, f"{now[state]:.0f}", age)
    return table


def _flow(rates: Rates) -> Table:
    def minutely(name: str, word: str, **labels: str) -> str:
        return f"{rates.per_second(name, **labels) * 60:.1f} {word}"

    since = "since its start" if rates.before is None else f"last {duration(rates.seconds)}"
    ended, leases = "sp1tee_request_seconds_count", "sp1tee_leases_total"
    table = _table(f"per minute, {since}", "requests>", "leases>", "calls>", "uploads>")
    _row(
        table,
        "",
        minutely(ended, "settled", outcome="settled"),
        minutely(leases, "finished", outcome="finished"),
        minutely("sp1tee_rpc_total", "answered"),
        minutely("sp1tee_uploads_total", "done"),
    )
    _row(
        table,
        "",
        minutely(ended, "failed", outcome="failed"),
        minutely(leases, "broken off", outcome="broken_off"),
        minutely("sp1tee_refusals_total", "refused"),
        f"{rates.per_second('sp1tee_upload_bytes_total') / (1 << 20):.1f} MiB/s",
    )
    _row(
        table,
        "",
        minutely(ended, "expired", outcome="expired"),
        minutely("sp1tee_leases_lost_total", "lost"),
    )
    return table


def _workers(workers: Sequence[WorkerSeen]) -> Table:
    table = _table("workers", "state", "heard>", "proves")
    for seen in workers[:_MOST_WORKERS]:
        proves = ", ".join(seen.versions) + (" (mock)" if seen.mock else "")
        heard = f"{duration(seen.seconds)} ago"
        _row(table, seen.name, seen.state, heard, proves)
    if not workers:
        _row(table, "none has asked for work lately")
    if more := len(workers[_MOST_WORKERS:]):
        _row(table, f"and {more} more")
    return table


def _refusals(look: Look) -> Iterable[RenderableType]:
    codes = look.figures.by("sp1tee_refusals_total", "code")
    if not codes:
        return
    table = _table("refusals since its start", "times>")
    for code in sorted(codes, key=lambda code: -codes[code])[:_MOST_REFUSALS]:
        _row(table, code, f"{codes[code]:.0f}")
    yield Text()
    yield table


def _row(table: Table, *cells: str) -> None:
    """Add a row, of texts that may be anything."""
    table.add_row(*(Text(harmless(cell)) for cell in cells))


def _table(*titles: str) -> Table:
    """Make a table without lines; a title that ends with ``>`` is of numbers."""
    table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0), header_style="dim")
    for title in titles:
        table.add_column(title.removesuffix(">"), justify="right" if title[-1] == ">" else "left")
    return table
