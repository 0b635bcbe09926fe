"""Saved evidence of a synthetic host, taken apart and put together again as anybody can."""

import hashlib
import json
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from sp1tee.sim.ingress import Host, build, reader, saved
from sp1tee.verify.appraisal import ROOMS, Appraisal, Trust
from sp1tee.verify.checks import Check, Findings, Status
from sp1tee.verify.evidence import Bundle
from sp1tee.verify.evidence.bundle import open_bundle
from sp1tee.verify.policy.reading import LoadedPolicy, parse_policy

AT = 1_790_000_000
HOST = "tee.example.test"
MET = frozenset({Status.PASS, Status.SKIPPED})

Change = Callable[[dict[str, Any]], None]


@cache
def genuine() -> Bundle:
    """Return an honest host's evidence."""
    return saved.save(build(Host(at=AT)))


@cache
def folder() -> Mapping[str, bytes]:
    """Return what a reader of it has."""
    return reader.files(Host(at=AT))


def policy_text() -> str:
    """Return the text of the policy that fits."""
    return folder()[reader.POLICY].decode()


def fitting(*edits: tuple[str, str]) -> LoadedPolicy:
    """Return the policy that fits, with parts of its text put in place of others."""
    text = policy_text()
    for old, new in edits:
        assert old in text, old
        text = text.replace(old, new)
    return parse_policy(text.encode(), Path(reader.POLICY))


def remade(
    change: Change = lambda _: None, bodies: Mapping[str, bytes] = MappingProxyType({})
) -> Bundle:
    """Change the honest host's manifest, and bodies by their path; digests are made anew."""
    manifest = json.loads(genuine().text)
    change(manifest)
    return opened(manifest, {**genuine().bodies, **bodies})


def opened(manifest: dict[str, Any], files: Mapping[str, bytes]) -> Bundle:
    """Put a manifest and files together; digests are made of the files."""
    manifest["files"] = {
        path: {"sha256": hashlib.sha256(body).hexdigest(), "size": len(body)}
        for path, body in files.items()
    }
    return open_bundle(json.dumps(manifest).encode(), files)


def appraisal(
    bundle: Bundle, policy: LoadedPolicy | None = None, *, at: int = AT, required: bool = True
) -> Appraisal:
    """Appraise by the policy that fits, or another one."""
    trust = Trust(
        tls_roots=folder()["ca.pem"],
        quote_root=folder()["intel-root.der"],
        ct_logs=folder()["ct-logs.json"],
        os_images=folder()["os-images.json"],
    )
    return Appraisal(
        bundle,
        (policy or fitting()).policy,
        at,
        trust,
        published=folder()["docker-compose.yml"],
        required=required,
    )


def findings(
    bundle: Bundle, policy: LoadedPolicy | None = None, *, at: int = AT, rooms: Any = ROOMS
) -> Findings:
    """Return what an appraisal finds; of some rooms only, as their own commands would."""
    return appraisal(bundle, policy, at=at, required=rooms == ROOMS).findings(rooms)


def unmet(found: Findings) -> dict[str, Status]:
    """Return the checks that do not hold."""
    return {check.id: check.status for check in found.checks if check.status not in MET}


def check(found: Findings, name: str) -> Check:
    """Return the first check of a rule."""
    return next(each for each in found.checks if each.id == name)
