"""RTMR3 from what goes into it: for whoever deploys, and wants to know what a quote will say.

A docker-compose file is not enough. What is measured is the whole app-compose.json, of which it is
one field; the instance's id, which is drawn at its first boot; who hands out the keys; and since
dstack 0.5.1 the OS image as the KMS knows it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sp1tee.errors import ConfigError
from sp1tee.verify.rtmr3 import chains
from sp1tee.verify.rtmr3.chains import Chain, Presence, Step
from sp1tee.verify.rtmr3.digests import VERSION_2, digest_of, replay, runtime_event
from sp1tee.verify.rtmr3.events import Event, is_plain
from sp1tee.verify.rtmr3.examining import Measured
from sp1tee.verify.rtmr3.payloads import KMS, read_provider, trouble

EMPTY: Final = (chains.PREPARING, chains.BOOT_DONE, chains.READY)
"""Events that have no payload, and so need no input."""


@dataclass(frozen=True, slots=True)
class Computed:
    """What RTMR3 becomes.

    Attributes:
        events: what is measured, each with its digest and RTMR3 after it.
        rtmr3: the last of these values.
    """

    events: tuple[Measured, ...]
    rtmr3: bytes


def chain_named(name: str) -> Chain:
    """Return the chain of a dstack version, e.g. ``0.5``; raises `ConfigError`."""
    found = next((chain for chain in chains.CHAINS if chain.name == name), None)
    if found is None:
        known = ", ".join(chain.name for chain in chains.CHAINS)
        raise ConfigError(f"There is no chain {name!r}.", advice=f"Known are {known}.")
    return found


def compute(
    chain: Chain,
    inputs: Mapping[str, Sequence[bytes]],
    *,
    extra: Sequence[tuple[str, bytes]] = (),
    version: int = 1,
) -> Computed:
    """Compute RTMR3.

    Args:
        chain: what is measured, in which order.
        inputs: payloads by event name, one each but for `init-script-hash`; what has no payload is
            left out.
        extra: what containers add after `system-ready`.
        version: how digests are made: 1, or 2 with `event_log_version` in dstack 0.6.

    Raises:
        ConfigError: something is missing, has another form, or is none of this chain's.
    """
    if version == VERSION_2 and not chain.version_2:
        raise ConfigError(f"Chain {chain.name} has no events of version 2.")
    _refuse_forms(inputs, extra)
    kms = _uses_kms(inputs)
    _refuse_strangers(chain, inputs, kms=kms)
    pairs = [pair for step in chain.steps for pair in _pairs(step, inputs, kms=kms)]
    return _measured([runtime_event(name, payload, version) for name, payload in (*pairs, *extra)])


def _measured(events: Sequence[Event]) -> Computed:
    digests = [digest_of(event) for event in events]
    values = replay(digests)
    return Computed(tuple(map(Measured, events, digests, values[1:])), values[-1])


def _pairs(
    step: Step, inputs: Mapping[str, Sequence[bytes]], *, kms: bool
) -> Iterator[tuple[str, bytes]]:
    given = [b""] if step.name in EMPTY else inputs.get(step.name, ())
    needed = step.presence is Presence.ALWAYS or (step.presence is Presence.WITH_KMS and kms)
    if needed and not given:
        raise ConfigError(
            f"{step.name} is measured in this chain and was not given.",
            advice="Every payload must be known; a docker-compose file alone is not enough.",
        )
    most = chains.MAX_INIT_SCRIPTS if step.presence is Presence.REPEATED else 1
    if len(given) > most:
        raise ConfigError(f"{step.name} is measured at most {most} times.")
    return ((step.name, payload) for payload in given)


def _refuse_forms(
    inputs: Mapping[str, Sequence[bytes]], extra: Sequence[tuple[str, bytes]]
) -> None:
    for name, payloads in inputs.items():
        found = next(filter(None, (trouble(name, payload) for payload in payloads)), None)
        if found is not None:
            raise ConfigError(f"The payload of {name} {found}.")
    for name, _ in extra:
        if not is_plain(name) or name in chains.NAMES:
            raise ConfigError(
                f"An event of an application can't be named {name!r}.",
                advice="Names are printable ASCII without a colon, and none of dstack's own.",
            )


def _refuse_strangers(chain: Chain, inputs: Mapping[str, Sequence[bytes]], *, kms: bool) -> None:
    for name in inputs:
        step = chain.step(name)
        if step is None:
            raise ConfigError(f"{name} is not measured in chain {chain.name}.")
        if step.presence in (Presence.WITH_KMS, Presence.MAYBE_WITH_KMS) and not kms:
            raise ConfigError(f"{name} is measured only if the key provider is a KMS.")


def _uses_kms(inputs: Mapping[str, Sequence[bytes]]) -> bool:
    return any(
        read_provider(payload).name == KMS for payload in inputs.get(chains.KEY_PROVIDER, ())
    )
