"""The chain of trust as a picture shows it: what rests on what, and which checks speak of it."""

from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Final

from sp1tee.verify.checks import Check, Status
from sp1tee.verify.formats.words import worst


@dataclass(frozen=True, slots=True)
class Node:
    """Something that trust rests on.

    Attributes:
        key: its name in layouts.
        title: what it is.
        role: what it does for what follows it.
        checks: patterns of the ids of the checks that speak of it.
    """

    key: str
    title: str
    role: str
    checks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Link:
    """One node bears another; one `aside` guards it from outside the chain."""

    source: str
    target: str
    aside: bool = False


_DOCKER_COMPOSE: Final = (
    "compose.published",
    "compose.services",
    "compose.interpolated-*",
    "compose.*-socket",
    "compose.privileged",
    "compose.capabilities",
    "compose.devices",
    "compose.host-*",
    "compose.certificate-volume",
    "compose.published-ports",
    "compose.env-file",
    "compose.other-files",
    "compose.build",
)
NODES: Final = (
    Node(
        "root",
        "Intel SGX root CA",
        "the anchor",
        ("quote.chain", "quote.collateral*", "quote.tcb-evaluation"),
    ),
    Node(
        "pck",
        "PCK certificate",
        "vouches for the machine",
        ("quote.revoked", "quote.platform", "quote.tcb-*", "quote.advisories"),
    ),
    Node("qe", "Quoting enclave", "signs for the machine", ("quote.qe-*",)),
    Node("quote", "TDX quote", "one guest's state", ("quote.*",)),
    Node("report_data", "Report data", "64 bytes it had signed", ("quote.report-data",)),
    Node("evidence", "Evidence files", "certificate and account", ("ingress.*", "evidence.*")),
    Node(
        "certificate",
        "Certificate",
        "which key is the host's",
        ("cert.*", "ingress.certificate", "ingress.chain"),
    ),
    Node(
        "tls",
        "Served TLS",
        "what clients meet",
        ("cert.leaf", "cert.connection", "cert.path", "cert.name", "evidence.addresses"),
    ),
    Node("caa", "CAA records", "who else may issue", ("caa.*",)),
    Node("ct", "CT logs", "issuance shows", ("cert.sct", "cert.logged")),
    Node("os", "OS image", "MRTD, RTMR1, RTMR2", ("os.*", "rtmr3.os-image-hash")),
    Node("rtmr3", "RTMR3", "the log of the start", ("rtmr3.*", "evidence.same-guest")),
    Node(
        "compose_hash",
        "compose-hash",
        "what was deployed",
        ("rtmr3.compose-hash", "compose.mr-config-id"),
    ),
    Node("app_compose", "app-compose.json", "how it is run", ("compose.*", "rtmr3.app-compose")),
    Node("docker_compose", "docker-compose file", "which containers", _DOCKER_COMPOSE),
    Node("images", "Images", "pinned by digest", ("digests.*",)),
    Node(
        "registry",
        "Registry and build",
        "the pinned bytes",
        (
            "digests.served",
            "digests.manifest",
            "digests.platform*",
            "digests.config",
            "digests.build*",
        ),
    ),
)
LINKS: Final = (
    Link("root", "pck"),
    Link("pck", "qe"),
    Link("qe", "quote"),
    Link("quote", "report_data"),
    Link("report_data", "evidence"),
    Link("evidence", "certificate"),
    Link("certificate", "tls"),
    Link("caa", "certificate", aside=True),
    Link("ct", "tls", aside=True),
    Link("quote", "os"),
    Link("quote", "rtmr3"),
    Link("rtmr3", "compose_hash"),
    Link("compose_hash", "app_compose"),
    Link("app_compose", "docker_compose"),
    Link("docker_compose", "images"),
    Link("images", "registry"),
)


def node_of(check_id: str) -> Node | None:
    """Return the node a check speaks of: the one whose pattern says most about the check's id."""
    fitting = [
        (len(pattern), node)
        for node in NODES
        for pattern in node.checks
        if fnmatchcase(check_id, pattern)
    ]
    return max(fitting, key=lambda fit: fit[0])[1] if fitting else None


def statuses(checks: Iterable[Check]) -> dict[str, Status]:
    """Return the worst status of the checks of each node; a node without any is left out."""
    found: dict[str, list[Status]] = {}
    for check in checks:
        node = node_of(check.id)
        if node is not None:
            found.setdefault(node.key, []).append(check.status)
    return {key: worst(seen) for key, seen in found.items()}
