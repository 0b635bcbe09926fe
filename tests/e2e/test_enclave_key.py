"""The vault's key from the enclave, through real processes: server, guest agent, fulfiller."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from support.people import detach, fetch, solvency

from sp1tee.dstack import GuestAgent
from sp1tee.sim.dstack.keys import AppKeys
from sp1tee.sim.processes import LocalService, Process, ProcessDiedError

pytestmark = pytest.mark.e2e

ANOTHER = "0b" * 20
VAULT_KEY = AppKeys(b"sp1tee sim dstack", b"\x5a" * 20).derive("sp1tee/vault/v1")
"""What the agent gives the server, which must not write it down."""


@pytest.fixture
def socket() -> Iterator[Path]:
    with TemporaryDirectory(prefix="s") as folder:
        yield Path(folder, "dstack.sock")


def agent(service: LocalService, socket: Path, *flags: str) -> Process:
    """A guest agent as a process; the service's end stops it."""
    service.folder.mkdir(exist_ok=True)
    log = service.folder / "agent.log"
    process = Process.start("agent", ("sim", "dstack", "--socket", str(socket), *flags), log)
    service.processes.append(process)
    return process


def in_enclave(service: LocalService, socket: Path) -> Process:
    flags = ("--vault-key-source", "dstack", "--dstack-socket", str(socket))
    return service.serve("--allow-mock", *flags, "--dstack-wait-s", "1")


def test_a_waiting_input_outlives_server_and_agent_and_opens_for_its_application_alone(
    service: LocalService, socket: Path, folder: Path, key: Path, watched: list[bytes]
) -> None:
    first = agent(service, socket)
    assert asyncio.run(GuestAgent(socket).key("sp1tee/vault/v1")) == VAULT_KEY
    server = in_enclave(service, socket)
    assert server.facts["input_protection"] == "enclave key (dstack)"
    task = solvency(folder)
    watched.extend((*task.secret, VAULT_KEY))
    request_id = detach(task, server, key)
    server.kill()
    first.kill()

    intruder = agent(service, socket, "--app-id", ANOTHER)
    with pytest.raises(ProcessDiedError) as caught:
        in_enclave(service, socket)
    assert "SP1TEE-S007" in caught.value.advice
    assert "app id" in caught.value.advice
    assert intruder.stop() == 0

    agent(service, socket, "--api", "tappd")
    server = in_enclave(service, socket)
    service.fulfill(server)
    result = fetch(request_id, server, folder / "proof.bin")
    assert result["public_values"] == task.public_values.hex()
    assert not (service.folder / "server" / "vault.key").exists()


def test_without_an_agent_the_server_does_not_start(service: LocalService, socket: Path) -> None:
    with pytest.raises(ProcessDiedError) as caught:
        in_enclave(service, socket)
    assert "SP1TEE-G001" in caught.value.advice
    assert "mount its socket" in caught.value.advice


def test_a_guest_whose_key_is_not_used_is_pointed_at(service: LocalService, socket: Path) -> None:
    agent(service, socket)
    server = service.serve("--dstack-socket", str(socket))
    assert server.facts["input_protection"] == (
        "key beside the data: not sealed against whoever has the disk"
    )
    assert "set --vault-key-source dstack" in server.log_tail()
