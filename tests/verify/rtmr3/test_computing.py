"""RTMR3 from what goes into it."""

import json
from typing import Any

import pytest
from support import event_logs
from support.event_logs import Log, runtime

from sp1tee.errors import ConfigError
from sp1tee.verify.rtmr3 import CHAINS, chain_named, compute
from sp1tee.verify.rtmr3.computing import EMPTY

CHAIN_OF = {
    "near 2026": "0.5.5",
    "near 2025": "0.4",
    "phala": "0.5",
    "lite": "0.6",
    "legacy": "0.3",
    "simulator": "0.4",
    "simulator head": "0.6",
}


def inputs_of(log: Log) -> tuple[dict[str, list[bytes]], list[tuple[str, bytes]]]:
    """Take a log apart: what dstack measured, and what the application added."""
    inputs: dict[str, list[bytes]] = {}
    extra: list[tuple[str, bytes]] = []
    ready = False
    for event in runtime(log):
        payload = bytes.fromhex(event["event_payload"])
        if ready:
            extra.append((event["event"], payload))
        elif event["event"] not in EMPTY:
            inputs.setdefault(event["event"], []).append(payload)
        ready = ready or event["event"] == "system-ready"
    return inputs, extra


@pytest.mark.parametrize("name", event_logs.REAL)
def test_every_real_rtmr3_is_computed(name: str) -> None:
    real = event_logs.REAL[name]()
    inputs, extra = inputs_of(real.log)
    assert compute(chain_named(CHAIN_OF[name]), inputs, extra=extra).rtmr3 == real.rtmr3


@pytest.mark.parametrize("name", ["near-mpc-tcb_info", "near-mpc-tcb_info_dev"])
def test_the_rtmr3_of_the_published_measurements_is_computed(name: str) -> None:
    info = event_logs.load(f"os-measurements/{name}.json")
    inputs, extra = inputs_of(info["event_log"])
    assert compute(chain_named("0.5.5"), inputs, extra=extra).rtmr3.hex() == info["rtmr3"]


def test_events_come_with_their_digests_and_the_running_value() -> None:
    real = event_logs.phala()
    inputs, _ = inputs_of(real.log)
    computed = compute(chain_named("0.5"), inputs)
    assert [e.event.name for e in computed.events] == [e["event"] for e in runtime(real.log)]
    assert [e.digest.hex() for e in computed.events] == [e["digest"] for e in runtime(real.log)]
    assert computed.events[-1].value == computed.rtmr3


def test_version_2_gives_another_value() -> None:
    inputs, _ = inputs_of(event_logs.lite().log)
    chain = chain_named("0.6")
    assert compute(chain, inputs, version=2).rtmr3 != compute(chain, inputs).rtmr3


def test_version_2_is_dstack_0_6_only() -> None:
    inputs, _ = inputs_of(event_logs.phala().log)
    with pytest.raises(ConfigError, match="no events of version 2"):
        compute(chain_named("0.5"), inputs, version=2)


@pytest.mark.parametrize("left_out", ["app-id", "compose-hash", "instance-id", "key-provider"])
def test_nothing_is_made_up_for_what_is_missing(left_out: str) -> None:
    inputs, _ = inputs_of(event_logs.phala().log)
    del inputs[left_out]
    with pytest.raises(ConfigError, match=r"is measured"):
        compute(chain_named("0.5"), inputs)


def test_a_kms_names_the_image() -> None:
    inputs, _ = inputs_of(event_logs.phala().log)
    del inputs["os-image-hash"]
    with pytest.raises(ConfigError, match="os-image-hash is measured in this chain"):
        compute(chain_named("0.5"), inputs)


def test_only_a_kms_names_the_image() -> None:
    inputs, _ = inputs_of(event_logs.near_2025().log)
    with pytest.raises(ConfigError, match="only if the key provider is a KMS"):
        compute(chain_named("0.5"), inputs | {"os-image-hash": [bytes(32)]})


def test_what_a_chain_does_not_measure_is_refused_not_dropped() -> None:
    inputs, _ = inputs_of(event_logs.phala().log)
    with pytest.raises(ConfigError, match=r"storage-fs is not measured in chain 0\.5"):
        compute(chain_named("0.5"), inputs | {"storage-fs": [b"zfs"]})


def test_init_scripts_are_counted() -> None:
    inputs, _ = inputs_of(event_logs.lite().log)
    scripts = [bytes([i]) * 32 for i in range(6)]
    five = compute(chain_named("0.6"), inputs | {"init-script-hash": scripts[:5]})
    assert [e.event.payload for e in five.events if e.event.name == "init-script-hash"] == scripts[
        :5
    ]
    with pytest.raises(ConfigError, match="at most 5 times"):
        compute(chain_named("0.6"), inputs | {"init-script-hash": scripts})


@pytest.mark.parametrize(
    "change",
    [
        {"app-id": [bytes(19)]},
        {"compose-hash": [bytes(32), bytes(32)]},
        {"key-provider": [b"{}"]},
        {"key-provider": [b'{"name": "none", "id": ""}']},
    ],
    ids=["size", "twice", "provider", "form"],
)
def test_payloads_that_dstack_would_not_write_are_refused(change: Any) -> None:
    inputs, _ = inputs_of(event_logs.near_2025().log)
    with pytest.raises(ConfigError):
        compute(chain_named("0.5"), inputs | change)


def test_an_unknown_chain_is_refused_with_those_there_are() -> None:
    with pytest.raises(ConfigError) as refused:
        chain_named("0.7")
    assert all(chain.name in refused.value.advice for chain in CHAINS)


def test_a_docker_compose_file_alone_gives_no_rtmr3() -> None:
    """What the README of the first deployment asked for: compose file, app id, instance id."""
    app = json.loads(
        (event_logs.DATA / "dstack-phala-prod8-2025-10/app_compose.raw.json").read_text()
    )
    inputs, _ = inputs_of(event_logs.phala().log)
    import hashlib

    given = {
        "app-id": inputs["app-id"],
        "instance-id": inputs["instance-id"],
        "compose-hash": [hashlib.sha256(app["docker_compose_file"].encode()).digest()],
    }
    assert given["compose-hash"] != inputs["compose-hash"]
    for chain in CHAINS:
        with pytest.raises(ConfigError, match=r"(rootfs-hash|key-provider) is measured"):
            compute(chain, given)


@pytest.mark.parametrize("name", ["a:b", "", "ä", "app-id", "system-ready"])
def test_an_application_adds_no_event_under_an_ambiguous_name(name: str) -> None:
    inputs, _ = inputs_of(event_logs.near_2025().log)
    with pytest.raises(ConfigError, match="can't be named"):
        compute(chain_named("0.5"), inputs, extra=[(name, b"")])
