"""Applications' configurations: real ones, made ones, and what the room says to them."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sp1tee.verify.checks import Check, Findings, Status
from sp1tee.verify.compose import Identity, examine, judge
from sp1tee.verify.policy import ComposePolicy

DATA = Path(__file__).parents[1] / "data"
SP1 = (DATA / "compose" / "sp1-private-proving.yml").read_bytes()
REAL = ("dstack-near-mpc-2025-10", "dstack-near-mpc-2026-08", "dstack-phala-prod8-2025-10")


def real(name: str) -> bytes:
    """A real, measured app-compose.json."""
    return (DATA / "attestation" / name / "app_compose.raw.json").read_bytes()


def app_compose(docker_compose: bytes = SP1, **fields: Any) -> bytes:
    """An app-compose.json of ours, with nothing risky in its own fields."""
    content = {
        "manifest_version": 2,
        "name": "sp1",
        "runner": "docker-compose",
        "docker_compose_file": docker_compose.decode(),
        "kms_enabled": True,
        "gateway_enabled": True,
        "public_tcbinfo": True,
    }
    return json.dumps({**content, **fields}).encode()


def service(settings: str, tail: str = "") -> bytes:
    """A docker-compose file with one service `a`, whose settings begin at line 4."""
    return f"services:\n  a:\n    image: x\n{settings}{tail}".encode()


def judged(
    raw: bytes,
    policy: ComposePolicy | None = None,
    *,
    compose_hash: bytes | None = None,
    published: bytes | None = None,
    mr_config_id: bytes | None = bytes(48),
    genuine: bool = True,
    required: bool = True,
    identity: Identity | None = None,
) -> Findings:
    """What the room says; by default to exactly what was measured."""
    return judge(
        examine(raw),
        policy or ComposePolicy(),
        compose_hash=hashlib.sha256(raw).digest() if compose_hash is None else compose_hash,
        mr_config_id=mr_config_id,
        published=published,
        genuine=genuine,
        required=required,
        identity=identity or Identity(),
    )


def by_rule(findings: Findings, name: str) -> Sequence[Check]:
    return [check for check in findings.checks if check.id == f"compose.{name}"]


def one(findings: Findings, name: str) -> Check:
    (check,) = by_rule(findings, name)
    return check


def not_passed(findings: Findings) -> set[tuple[str, str]]:
    """The rules that a policy would have to say something about, with their subjects."""
    wrong = (Status.FAIL, Status.REFUSED, Status.UNEVALUABLE)
    return {
        (check.id.removeprefix("compose."), check.subject)
        for check in findings.checks
        if check.status in wrong
    }
