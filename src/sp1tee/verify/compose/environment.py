"""What comes into the containers from outside the measurement: variables."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from sp1tee.verify.checks import Check
from sp1tee.verify.compose import rules
from sp1tee.verify.compose.acceptance import Places
from sp1tee.verify.compose.compose_file import ComposeFile
from sp1tee.verify.compose.interpolation import Use, uses
from sp1tee.verify.compose.risks import Hit
from sp1tee.verify.compose.yaml_tree import Listing, Node, Scalar, Table
from sp1tee.verify.policy import ComposePolicy

VARIABLES: Final = 100
"""How many variables are judged one by one."""

PLACES: Final = 20
"""How many uses of a variable are listed."""

_ENVIRONMENT: Final = "environment"
# Names of variables that say whom to talk to, as words between underscores.
_ADDRESS: Final = re.compile(
    r"(?:^|_)(?:UR[LI]S?|ENDPOINTS?|HOST(?:NAME)?S?|ADDR(?:ESS)?(?:ES)?|DOMAINS?|SERVERS?|"
    r"GATEWAY|RPC|PROXY|PEERS?|REGISTRY)(?:_|$)",
    re.IGNORECASE,
)


def uses_of_variables(
    file: ComposeFile, allowed: tuple[str, ...] | None
) -> Iterator[tuple[str, Use]]:
    """Yield every use of a variable that the deployer may set, with its service or nothing.

    In a dstack guest those are the allowed ones: others stay unset, unless a script inside the
    measurement sets them. Elsewhere (None) they are all.
    """
    wanted = None if allowed is None else frozenset(allowed)
    yield from ((name, use) for name, use in _uses(file) if wanted is None or use.name in wanted)


def _uses(file: ComposeFile) -> Iterator[tuple[str, Use]]:
    for service in file.services:
        for key, entry in service.settings.entries.items():
            found = _environment(entry.value) if key == _ENVIRONMENT else uses(entry.value, key)
            yield from ((service.name, use) for use in found)
    for key, entry in file.tree.entries.items():
        if key != "services":
            yield from (("", use) for use in uses(entry.value, key))


def _environment(node: Node) -> Iterator[Use]:
    """Yield uses in a list of ``NAME=value`` or a mapping.

    A name without a value takes the variable of that name.
    """
    pairs: list[tuple[str, Node | None, int]] = []
    if isinstance(node, Listing):
        for item in node.items:
            if isinstance(item, Scalar):
                name, given, text = item.text.partition("=")
                pairs.append((name, replace(item, text=text) if given else None, item.line))
    elif isinstance(node, Table):
        pairs = [(name, node.get(name), entry.line) for name, entry in node.entries.items()]
    for name, value, line in pairs:
        path = f"{_ENVIRONMENT}.{name[:80]}"
        if value is None:
            yield Use(name, path, line, "")
        else:
            yield from uses(value, path)


def judge_variables(
    allowed: tuple[str, ...],
    used: Sequence[tuple[str, Use]],
    policy: ComposePolicy,
    places: Places,
) -> Iterator[Check]:
    """Judge every variable that may be set from outside."""
    rule, accepted = rules.ALLOWED_ENVS, policy.allowed_envs or ()
    goes: dict[str, list[tuple[str, Use]]] = {name: [] for name in allowed[:VARIABLES]}
    for service, use in used:
        if use.name in goes:
            goes[use.name].append((service, use))
    if not allowed:
        yield rule.passes("No variable comes from outside.")
    for name, where in goes.items():
        yield _judge_variable(name, where, accepted, places)
    if len(allowed) > VARIABLES:
        yield rule.refuses(f"{len(allowed) - VARIABLES} more variables come from outside.")


def _judge_variable(
    name: str, where: Sequence[tuple[str, Use]], accepted: tuple[str, ...], places: Places
) -> Check:
    rule, subject = rules.ALLOWED_ENVS, name[:80]
    details = tuple(f"line {use.line}: {service} {use.path}" for service, use in where[:PLACES])
    if name in accepted:
        return rule.passes("The policy accepts it.", subject=subject, details=details)
    return rule.refuses(
        f"Its value may be anything; it goes to {len(where)} places of the docker-compose file.",
        subject=subject,
        details=details,
        remedy=f'If that is acceptable: [compose] allowed_envs = ["{subject}"]',
        location=places.location(where[0][1].line) if where else None,
    )


def decides_what_runs(service: str, use: Use) -> Hit | None:
    """Return what a variable decides outside the containers' environment."""
    if use.path.startswith(_ENVIRONMENT + "."):
        return None
    return Hit(service, use.line, f"takes {use.path[:80]} from ${{{use.name}}}")


def decides_whom_to_talk_to(service: str, use: Use) -> Hit | None:
    """Return which address a variable goes into."""
    key = use.path.removeprefix(_ENVIRONMENT + ".")
    if key == use.path or not ("://" in use.text or _ADDRESS.search(key)):
        return None
    return Hit(service, use.line, f"takes the address {key} from ${{{use.name}}}")
