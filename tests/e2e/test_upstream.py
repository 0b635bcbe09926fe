"""Behind a strict network: what we forward is accepted there, and settled there, signed."""

from pathlib import Path

import pytest
import requests
from support.people import prove, solvency, sp1tee

from sp1tee.client import read_key
from sp1tee.sim.processes import LocalService, Process
from sp1tee.wire.hexes import to_hex
from sp1tee.wire.versions import Family

pytestmark = pytest.mark.e2e

DIALECTS = [
    pytest.param(Family.V5, ("--dialect", "5"), id="SDK 5.2 reserved"),
    pytest.param(Family.V5, ("--dialect", "5", "--strategy", "hosted"), id="SDK 5.2 hosted"),
    pytest.param(Family.V6, ("--dialect", "6"), id="SDK 6 reserved"),
    pytest.param(Family.V6, ("--dialect", "6", "--strategy", "hosted"), id="SDK 6 hosted"),
    pytest.param(Family.V6, ("--dialect", "6", "--private-stdin"), id="SDK 6 private stdin"),
    pytest.param(Family.V6, ("--dialect", "6-mainnet"), id="SDK 6 mainnet"),
]


@pytest.fixture
def operator(folder: Path) -> Path:
    """The key that signs for the network."""
    path = folder / "operator.key"
    assert sp1tee("keys", "new", "--out", str(path)).returncode == 0
    return path


@pytest.fixture
def network(service: LocalService, operator: Path) -> Process:
    """A strict network that assigns requests to the operator, hosted ones too."""
    address = to_hex(read_key(operator).address)
    return service.network("--fulfiller", address, "--hosted-fulfiller", address)


def serve(service: LocalService, network: Process, operator: Path, *flags: str) -> Process:
    return service.serve(
        *("--allow-mock", "--network", "upstream", "--upstream-url", network.public_url),
        *("--fulfiller-key-file", str(operator)),
        *("--strategies", "hosted,reserved,auction"),
        *("--program-sources", f"s3://,{network.facts['artifacts']}/"),
        *flags,
    )


def ledger(network: Process) -> list[dict[str, object]]:
    entries: list[dict[str, object]] = requests.get(
        f"{network.facts['artifacts']}/ledger", timeout=10
    ).json()
    return entries


@pytest.mark.parametrize(("family", "flags"), DIALECTS)
def test_a_proof_arrives_at_the_network_signed_and_accepted(
    family: Family,
    flags: tuple[str, ...],
    service: LocalService,
    network: Process,
    operator: Path,
    folder: Path,
    key: Path,
    watched: list[bytes],
) -> None:
    server = serve(service, network, operator)
    service.fulfill(server)
    task = solvency(folder, family)
    watched.extend(task.secret)
    result = prove(task, server, key, folder / "proof.bin", "--mode", "groth16", *flags)
    assert result["public_values"] == task.public_values.hex()
    (fulfilled,) = [e for e in ledger(network) if e["kind"] == "fulfilled"]
    assert fulfilled["request_id"] == str(result["request_id"]).removeprefix("0x")
    assert fulfilled["call"]["signer"] == read_key(operator).address.hex()
