"""Which events dstack measures into RTMR3, in which order, version by version.

From dstack's sources, tags v0.3.1 to v0.5.11 and the 0.6 line: `tdxctl/src/fde_setup.rs`, later
`dstack-util/src/system_setup.rs`. After `system-ready` containers can add events of any name.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

PREPARING: Final = "system-preparing"
ROOTFS_HASH: Final = "rootfs-hash"
APP_ID: Final = "app-id"
COMPOSE_HASH: Final = "compose-hash"
CA_CERT_HASH: Final = "ca-cert-hash"
INIT_SCRIPT: Final = "init-script-hash"
GPU_POLICY: Final = "gpu-policy-hash"
GPU_ATTESTATION: Final = "gpu-attestation"
INSTANCE_ID: Final = "instance-id"
BOOT_DONE: Final = "boot-mr-done"
MR_KMS: Final = "mr-kms"
OS_IMAGE_HASH: Final = "os-image-hash"
KEY_PROVIDER: Final = "key-provider"
STORAGE_FS: Final = "storage-fs"
READY: Final = "system-ready"

MAX_INIT_SCRIPTS: Final = 5


class Presence(Enum):
    """When an event is there. A KMS is in play if `key-provider` names one."""

    ALWAYS = auto()
    MAYBE = auto()
    REPEATED = auto()  # up to MAX_INIT_SCRIPTS times
    WITH_KMS = auto()
    MAYBE_WITH_KMS = auto()


@dataclass(frozen=True, slots=True)
class Step:
    """One event of a chain."""

    name: str
    presence: Presence = Presence.ALWAYS


@dataclass(frozen=True, slots=True)
class Chain:
    """What a range of dstack versions measures.

    Attributes:
        name: how `rtmr3 compute --chain` calls it: the first version that has it.
        since, until: the first and the last version.
        steps: the events, in order.
        app_id_is_derived: whether the guest refuses to boot without a KMS unless its app id is the
            compose hash's beginning.
        version_2: whether app-compose.json can ask for events of version 2.
    """

    name: str
    since: str
    until: str
    steps: tuple[Step, ...]
    app_id_is_derived: bool = True
    version_2: bool = False

    @property
    def legacy(self) -> bool:
        """Whether it has no `system-ready`, so that anything may follow unnoticed."""
        return self.steps[-1].name != READY

    def step(self, name: str) -> Step | None:
        """Return the step of this name."""
        return next((step for step in self.steps if step.name == name), None)


def _steps(*entries: str | Step) -> tuple[Step, ...]:
    return tuple(Step(entry) if isinstance(entry, str) else entry for entry in entries)


_MAYBE_MR_KMS = Step(MR_KMS, Presence.MAYBE_WITH_KMS)
_OS_IMAGE_HASH = Step(OS_IMAGE_HASH, Presence.WITH_KMS)
_MEASURED: Final = (PREPARING, APP_ID, COMPOSE_HASH, INSTANCE_ID, BOOT_DONE)
_GPU: Final = (
    Step(INIT_SCRIPT, Presence.REPEATED),
    Step(GPU_POLICY, Presence.MAYBE),
    Step(GPU_ATTESTATION, Presence.MAYBE),
)

CHAINS: Final = (
    Chain(
        "0.3",
        "0.3.1",
        "0.3.6",
        _steps(ROOTFS_HASH, APP_ID, COMPOSE_HASH, CA_CERT_HASH, INSTANCE_ID),
    ),
    Chain(
        "0.4.0-dev",
        "0.4.0-dev",
        "0.4.0-dev",
        _steps(
            *(PREPARING, ROOTFS_HASH, APP_ID, COMPOSE_HASH, INSTANCE_ID, BOOT_DONE),
            *(KEY_PROVIDER, READY),
        ),
    ),
    Chain("0.4", "0.4.2", "0.5.0", _steps(*_MEASURED, _MAYBE_MR_KMS, KEY_PROVIDER, READY)),
    Chain(
        "0.5",
        "0.5.1",
        "0.5.4",
        _steps(*_MEASURED, _MAYBE_MR_KMS, _OS_IMAGE_HASH, KEY_PROVIDER, READY),
    ),
    Chain(
        "0.5.5",
        "0.5.5",
        "0.5.11",
        _steps(*_MEASURED, _MAYBE_MR_KMS, _OS_IMAGE_HASH, KEY_PROVIDER, STORAGE_FS, READY),
    ),
    Chain(
        "0.6",
        "0.6.0",
        "0.6",
        _steps(
            *(PREPARING, APP_ID, COMPOSE_HASH, *_GPU, INSTANCE_ID, BOOT_DONE),
            *(_OS_IMAGE_HASH, KEY_PROVIDER, STORAGE_FS, READY),
        ),
        app_id_is_derived=False,
        version_2=True,
    ),
)
"""Every chain, oldest first."""

NAMES: Final = frozenset(step.name for chain in CHAINS for step in chain.steps)
"""Every name that dstack itself measures."""


@dataclass(frozen=True, slots=True)
class Deviation:
    """Where a chain and a log part.

    Attributes:
        at: the position among RTMR3's events.
        expected: the name that had to stand there.
        found: the name that stands there; None if the log ends.
    """

    at: int
    expected: str
    found: str | None


def deviation(chain: Chain, names: Sequence[str], *, kms: bool) -> Deviation | None:
    """Compare a chain with the names before and including `system-ready`.

    Args:
        chain: what should have been measured.
        names: what was, in order.
        kms: whether `key-provider` names a KMS.
    """
    at = 0
    for step in chain.steps:
        least, most = _how_often(step, kms)
        count = 0
        while count < most and at < len(names) and names[at] == step.name:
            at, count = at + 1, count + 1
        if count < least:
            return Deviation(at, step.name, names[at] if at < len(names) else None)
    return Deviation(at, "nothing more", names[at]) if at < len(names) else None


def fitting(names: Sequence[str], *, kms: bool) -> tuple[Chain, ...]:
    """Return the chains that a log has the order of."""
    return tuple(chain for chain in CHAINS if deviation(chain, names, kms=kms) is None)


def nearest(names: Sequence[str], *, kms: bool) -> tuple[Chain, Deviation]:
    """Return the chain that a fitting log was closest to, and where they part."""
    parted = [
        (chain, found)
        for chain in CHAINS
        if (found := deviation(chain, names, kms=kms)) is not None
    ]
    return max(parted, key=lambda pair: pair[1].at)


def _how_often(step: Step, kms: bool) -> tuple[int, int]:
    return {
        Presence.ALWAYS: (1, 1),
        Presence.MAYBE: (0, 1),
        Presence.REPEATED: (0, MAX_INIT_SCRIPTS),
        Presence.WITH_KMS: (int(kms), int(kms)),
        Presence.MAYBE_WITH_KMS: (0, int(kms)),
    }[step.presence]
