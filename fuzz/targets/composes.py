"""What operators publish and auditors demand: compose files, app-compose.json, policies."""

from pathlib import Path

from fuzz import seeds
from fuzz.target import Target
from sp1tee.errors import VerifyError
from sp1tee.verify import compose
from sp1tee.verify.compose.yaml_tree import read_yaml
from sp1tee.verify.digests import judge as judge_images
from sp1tee.verify.digests import uses
from sp1tee.verify.lint.linting import lint
from sp1tee.verify.policy.explain import explain
from sp1tee.verify.policy.model import ComposePolicy, DigestsPolicy, Policy
from sp1tee.verify.policy.reading import parse_policy
from sp1tee.verify.policy.review import review

_READ = (VerifyError,)
_SIZE = 1 << 14
_DEMANDS = Policy(schema="sp1tee.policy.v1", compose=ComposePolicy(), digests=DigestsPolicy())


def _compose(data: bytes) -> None:
    file = compose.parse_compose(data, "docker-compose.yml")
    judge_images(file, {}, DigestsPolicy())
    for use in uses(file):
        str(use.reference)


def _app_compose(data: bytes) -> None:
    facts = compose.examine(data)
    compose.judge(
        facts,
        ComposePolicy(),
        compose_hash=facts.sha256,
        mr_config_id=bytes([3]) + bytes(47),
        published=None,
        genuine=True,
        required=True,
        identity=compose.Identity(bytes(20), bytes(20)),
    )


def _linted(data: bytes) -> None:
    """Judge a file as `verify compose` does; nothing may be raised."""
    lint(data, "docker-compose.yml", None)
    lint(data, "docker-compose.yml", _DEMANDS)


def _policy(data: bytes) -> None:
    read = parse_policy(data, Path("policy.toml"))
    explain(read.policy)
    review(read.policy, data)


def _composes() -> list[bytes]:
    return [
        seeds.trusted()["docker-compose.yml"],
        *seeds.files("compose/*.yml", "attestation/*/*.yaml", most=_SIZE),
        b"x: &a {b: [1, 'c', \"d\"]}\nservices:\n  a: {<<: *a, image: x}\n",
    ]


def _app_composes() -> list[bytes]:
    return list(seeds.files("attestation/*/app*compose*.json", most=_SIZE))


_POLICY = b"""schema = "sp1tee.policy.v1"
[compose]
allow = ["public-logs"]
[[waive]]
check = "digests.*"
reason = "why"
expires = 2027-01-01
"""

TARGETS = (
    Target(
        "verify.yaml",
        ("verify.compose.yaml_tree",),
        lambda data: read_yaml(data, "It"),
        _READ,
        _composes,
    ),
    Target(
        "verify.compose",
        ("verify.compose.compose_file", "verify.compose.interpolation"),
        _compose,
        _READ,
        _composes,
    ),
    Target(
        "verify.app_compose",
        ("verify.compose.app_compose", "verify.compose.examining", "verify.compose.mr_config"),
        _app_compose,
        _READ,
        _app_composes,
        size=_SIZE,
    ),
    Target(
        "verify.lint",
        ("verify.lint.linting", "verify.lint.acceptances"),
        _linted,
        (),
        lambda: [*_composes(), *_app_composes()],
        size=_SIZE,
    ),
    Target(
        "verify.policy",
        ("verify.policy.reading", "verify.policy.problems"),
        _policy,
        _READ,
        lambda: [seeds.trusted()["policy.toml"], _POLICY],
        size=2048,
    ),
)
