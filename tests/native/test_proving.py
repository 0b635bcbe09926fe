"""Real proofs: minutes of all cores and up to 15 GB, so only where they are asked for."""

import os
from collections.abc import Iterator

import psutil
import pytest
from native.peer import Client, Failure, Server
from support.wire_data import SAMPLE_PUBLIC_VALUES, sample

pytestmark = [
    pytest.mark.native,
    pytest.mark.usefixtures("built"),
    pytest.mark.skipif(
        "SP1TEE_NATIVE_PROOFS" not in os.environ,
        reason="SP1TEE_NATIVE_PROOFS is not set (real proofs take minutes and 15 GB)",
    ),
]

PROOF_S = 3600


@pytest.fixture(scope="module")
def proving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("proving") / "socket", "--eager")
    server.wait_until_it_listens()
    yield server
    server.stop()


@pytest.fixture
def patient(proving: Server) -> Iterator[Client]:
    with Client(proving.path) as client:
        client.socket.settimeout(PROOF_S)
        yield client


def prover_of(server: Server) -> psutil.Process:
    """The worker that proves: the one that was started first."""
    return min(psutil.Process(server.process.pid).children(), key=lambda child: child.create_time())


def key_of(client: Client) -> bytes:
    answer = client.setup(sample(".elf"))
    assert isinstance(answer, tuple)
    return answer[0]


@pytest.mark.parametrize(("number", "mode"), [(1, "core"), (2, "compressed")])
def test_a_proof_holds(patient: Client, number: int, mode: str) -> None:
    proof = patient.prove(number, key_of(patient), sample(".stdin"))
    assert isinstance(proof, bytes), proof
    assert proof[:4] == bytes([number - 1, 0, 0, 0])
    assert patient.verify(sample("-vk.bin"), SAMPLE_PUBLIC_VALUES, proof) == ""


def test_other_modes_are_refused_by_name(patient: Client) -> None:
    key = key_of(patient)
    assert "Groth16" in str(patient.prove(4, key, sample(".stdin")))
    assert "Plonk" in str(patient.prove(3, key, sample(".stdin")))


def test_an_input_that_is_none_fails_and_the_next_proof_is_made(patient: Client) -> None:
    refused = patient.prove(1, key_of(patient), b"\xff" * 9)
    assert isinstance(refused, Failure)
    assert refused.tag == 3
    assert isinstance(patient.prove(1, key_of(patient), sample(".stdin")), bytes)


def test_a_killed_prover_ends_the_request_and_the_next_proof_is_made(
    proving: Server, patient: Client
) -> None:
    key = key_of(patient)
    frame = (1).to_bytes(4, "little") + (1).to_bytes(4, "little") + key + sample(".stdin")
    patient.send(frame + bytes(16))
    prover_of(proving).kill()
    answer = patient.receive()
    assert answer is not None
    assert answer[:4] == (4).to_bytes(4, "little")
    assert isinstance(patient.prove(1, key, sample(".stdin")), bytes)


def test_a_client_that_leaves_takes_its_proof_along(proving: Server) -> None:
    with Client(proving.path) as client:
        key = key_of(client)
        prover = prover_of(proving)
        frame = (1).to_bytes(4, "little") + (1).to_bytes(4, "little") + key + sample(".stdin")
        client.send(frame + bytes(16))
    _, alive = psutil.wait_procs([prover], timeout=120)
    assert not alive
