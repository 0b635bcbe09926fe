"""SDK 5.2.4 gets its proof, as far as its recordings tell what it sends and demands.

Its bytes as they were recorded, old signatures and deadlines included, go to the server's calls in
tests/serve/network/test_sdk_replay.py; here the same messages go to real processes, with what a
server's answers change in them.
"""

from collections.abc import Iterator

import pytest
from conformance.places import a_place, start
from conformance.sdk5 import Sdk5, Simulated, program_request, proof_request
from support.guest_programs import program, run_here
from support.wire_data import RECORDINGS, recorded_requests, recording

from sp1tee.sim.processes import Process
from sp1tee.wire.modes import Mode
from sp1tee.wire.pb import types_pb2
from sp1tee.wire.program import encode_program
from sp1tee.wire.proof import decode_proof
from sp1tee.wire.stdin import decode_stdin
from sp1tee.wire.versions import Family

pytestmark = pytest.mark.e2e

RECORDED = [name for name in RECORDINGS if name.startswith("5.2.4/")]


@pytest.fixture(scope="module", params=["mocks", "upstream_mocks"])
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Process]:
    with a_place(tmp_path_factory.mktemp("sdk5") / request.param, None) as place:
        yield start(request.param, place)


def simulated(name: str) -> Simulated:
    """A program that reads the recorded input, in place of the one that was not recorded whole."""
    elf = program("fibonacci", Family.V5)
    stdin = decode_stdin(bytes.fromhex(recording(name)["puts"][1]["body"]))
    ran = run_here(elf, Family.V5, stdin.buffers)
    # The network's gas is SP1's own affair; no worker for SDK 5 counts it.
    return Simulated(encode_program(elf), ran.cycles, 1_000_000, ran.public_values)


@pytest.mark.parametrize("name", RECORDED)
def test_what_is_sent_are_the_recorded_bytes_where_the_answers_are_the_recorded_ones(name: str):
    for method, make in (("CreateProgram", program_request), ("RequestProof", proof_request)):
        [recorded] = recorded_requests(name, method)
        assert make(name) == recorded
        body = types_pb2.SignedRequest.FromString(recorded).body
        nonce = types_pb2.CreateProgramRequestBody.FromString(body).nonce
        assert make(name, nonce=nonce) == recorded
        assert make(name, nonce=nonce + 1) != recorded


@pytest.mark.parametrize("name", RECORDED)
def test_sdk_5_gets_its_proof(name: str, server: Process) -> None:
    ran = simulated(name)
    sdk = Sdk5(name, server.public_url, ran)
    proof = decode_proof(sdk.prove(), public_values_hint=ran.public_values)
    assert (proof.mode, proof.sp1_version) == (Mode.CORE, "v5.0.0")
    assert proof.public_values == ran.public_values


@pytest.mark.parametrize("name", RECORDED)
def test_it_asks_in_the_recorded_order(name: str, server: Process) -> None:
    sdk = Sdk5(name, server.public_url, simulated(name))
    sdk.prove()
    recorded = [rpc["method"].rpartition("/")[2] for rpc in recording(name)["rpcs"]]
    if "CreateProgram" not in sdk.sent:
        # A network knows the program from the last time.
        del recorded[recorded.index("CreateArtifact") : recorded.index("CreateProgram") + 1]
    end = recorded.index("GetProofRequestStatus") + 1
    assert sdk.sent[:end] == recorded[:end]
