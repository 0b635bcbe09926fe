"""Settings that are missing from services, or better not there (Compose Specification)."""

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from typing import Final, TypeAlias

from sp1tee.verify.checks import Check, Location, Rule
from sp1tee.verify.compose import ComposeFile, Listing, Node, Scalar, Service, Table
from sp1tee.verify.compose.risks import Hit
from sp1tee.verify.compose.yaml_tree import text_of
from sp1tee.verify.lint import rules

_Finder: TypeAlias = Callable[[Service], Iterator[Hit]]

_SHOWN: Final = 20
_SECRET: Final = re.compile(
    r"(?:^|_)(?:TOKEN|SECRET|PASSWORD|PASSWD|PASSPHRASE|CREDENTIALS?|KEY)$", re.IGNORECASE
)
_TRUE: Final = ("true", "yes", "on", "y")
_UNLIMITED: Final = ("", "0", "-1")
_NO_TIME: Final = re.compile(r"(?:0+(?:\.0*)?(?:h|m|s|ms|us)?)*")


def judge(file: ComposeFile, place: Callable[[int], Location | None]) -> Iterator[Check]:
    """Judge every service: one check for each that is wrong, or one that passes.

    Args:
        file: the docker-compose file.
        place: where a line of it is for a person.
    """
    for rule, find, remedy in _FINDERS:
        hits = [hit for service in file.services for hit in find(service)]
        if not hits:
            yield rule.passes("So it is in every service.")
        for subject, found in groupby(hits, key=lambda hit: hit.subject):
            yield _refused(rule, subject, list(found), remedy, place)


def _refused(
    rule: Rule,
    subject: str,
    hits: Sequence[Hit],
    remedy: str,
    place: Callable[[int], Location | None],
) -> Check:
    told = tuple(f"line {hit.line}: {hit.text}" for hit in hits[:_SHOWN])
    more = f", and {len(hits) - 1} more" if hits[1:] else ""
    return rule.refuses(
        f"{subject} {hits[0].text}{more}.",
        subject=subject,
        details=told,
        remedy=remedy,
        location=place(hits[0].line),
    )


def _secret_environment(service: Service) -> Iterator[Hit]:
    for name, value, line in _environment(service.settings.get("environment")):
        if _SECRET.search(name) and value != "":
            yield Hit(service.name, line, f"has {name[:80]} in its environment")


def _environment(node: Node | None) -> Iterator[tuple[str, str | None, int]]:
    """Yield names, values (None: taken from outside) and lines, of a mapping or of a list."""
    if isinstance(node, Table):
        for name, entry in node.entries.items():
            yield name, None if node.get(name) is None else text_of(entry.value), entry.line
    elif isinstance(node, Listing):
        for item in node.items:
            if isinstance(item, Scalar):
                name, given, value = item.text.partition("=")
                yield name, value if given else None, item.line


def _writable_root(service: Service) -> Iterator[Hit]:
    if text_of(service.settings.get("read_only")).lower() not in _TRUE:
        yield Hit(service.name, service.line, "can write to its root file system")


def _limits(service: Service) -> Iterator[Hit]:
    limits = _inside(service.settings, "deploy", "resources", "limits")
    for what, own, common in (
        ("memory", service.settings.get("mem_limit"), limits.get("memory")),
        ("processes", service.settings.get("pids_limit"), limits.get("pids")),
    ):
        if text_of(own) in _UNLIMITED and text_of(common) in _UNLIMITED:
            yield Hit(service.name, service.line, f"has no limit of {what}")


def _stop_grace(service: Service) -> Iterator[Hit]:
    if _NO_TIME.fullmatch(text_of(service.settings.get("stop_grace_period"))):
        yield Hit(service.name, service.line, "does not say how long it may take to stop")


def _inside(table: Table, *keys: str) -> Table:
    for key in keys:
        found = table.get(key)
        if not isinstance(found, Table):
            return Table(table.line, {})
        table = found
    return table


_FINDERS: Final[tuple[tuple[Rule, _Finder, str], ...]] = (
    (
        rules.SECRET_ENVIRONMENT,
        _secret_environment,
        "Give it as one of `secrets:`, and the name of its file in a variable that ends in _FILE.",
    ),
    (
        rules.WRITABLE_ROOT,
        _writable_root,
        "Write `read_only: true`, and `tmpfs:` or a volume for what the service must write.",
    ),
    (
        rules.LIMITS,
        _limits,
        "Write `mem_limit:` and `pids_limit:`, or both under `deploy: resources: limits:`.",
    ),
    (
        rules.STOP_GRACE,
        _stop_grace,
        "Write `stop_grace_period:`, longer than what the service may take to finish its work.",
    ),
)
