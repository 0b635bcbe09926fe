"""Bad input at the doors of a running service, each kind by its name.

One server and one fulfiller take all of it. Around every case an innocent request is on its way: it
must end with its proof, whatever the other one did.
"""

import functools
import gzip
import hashlib
import itertools
import os
import resource
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import requests
from support.elf_maker import NOP, Elf, R, Section, Segment, W, v5, v6
from support.guest_programs import hostile
from support.guest_programs import program as guest_program
from support.hostile_client import (
    CREATE_ARTIFACT,
    NETWORK,
    PATIENCE_S,
    Program,
    Refused,
    Requester,
    answer,
    frame,
    post,
    solvency,
    upload_begun,
)
from support.people import eventually, metrics, sp1tee

from sp1tee import guests
from sp1tee.sim.processes import LocalService, Process, ProcessDiedError
from sp1tee.wire.artifacts import pack
from sp1tee.wire.keys import parse_vk_v6
from sp1tee.wire.pb import artifact_pb2, auction_pb2, types_pb2, worker_pb2
from sp1tee.wire.program import encode_program
from sp1tee.wire.proof import decode_proof
from sp1tee.wire.signing import Signer
from sp1tee.wire.stdin import Stdin
from sp1tee.wire.versions import Family

pytestmark = pytest.mark.e2e

ALICE = Signer.from_bytes(b"\x0a" * 32)
MALLORY = Signer.from_bytes(b"\x0b" * 32)
GREEDY = Signer.from_bytes(b"\x0c" * 32)

MAX_STDIN = 200_000
MAX_PROGRAM = 2_000_000
MAX_OPEN = 50
WORKERS = "/sp1tee.worker.v1.Workers"
INNOCENT, INPUT, REVEALED = solvency()
FIBONACCI = pack(guests.fibonacci_input(10).encode(), Family.V6)

INVALID_ARGUMENT, RESOURCE_EXHAUSTED, UNIMPLEMENTED, INTERNAL = 3, 8, 12, 13


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalService]:
    with LocalService(tmp_path_factory.mktemp("bad-input")) as service:
        yield service


@pytest.fixture(scope="module")
def server(service: LocalService) -> Process:
    """A server with a fulfiller, and with limits that a test can reach."""
    server = service.serve(
        *("--allow-mock", "--max-stdin-bytes", str(MAX_STDIN)),
        *("--max-program-bytes", str(MAX_PROGRAM)),
        *("--upload-idle-s", "0.5", "--max-open-requests", str(MAX_OPEN)),
    )
    service.fulfill(server, "--max-stdin-bytes", "1000000", "--execute-seconds", "20")
    eventually(lambda: ready_workers(service, server), "a worker that leases")
    for signer in (ALICE, MALLORY):
        with Requester(server.public_url, signer) as requester:
            requester.register(INNOCENT)
    return server


@pytest.fixture(scope="module")
def idle(service: LocalService) -> Process:
    """A server without a fulfiller: leases wait for who asks. They last a second."""
    server = service.serve("--allow-mock", "--lease-ttl-s", "1", name="idle")
    with Requester(server.public_url, ALICE) as alice:
        alice.register(INNOCENT)
    return server


@pytest.fixture
def alice(server: Process) -> Iterator[Requester]:
    with Requester(server.public_url, ALICE) as requester:
        yield requester


@pytest.fixture
def mallory(server: Process) -> Iterator[Requester]:
    with Requester(server.public_url, MALLORY) as requester:
        yield requester


@pytest.fixture(autouse=True)
def _an_innocent_request_is_untouched(server: Process, alice: Requester) -> Iterator[None]:
    """Upload an input before the test, ask for its proof afterwards."""
    uri = alice.upload(artifact_pb2.STDIN, INPUT)
    yield
    prove(alice, uri)
    assert server.alive


def prove(requester: Requester, stdin_uri: str) -> None:
    ended = requester.end(requester.send(requester.body(INNOCENT, stdin_uri)))
    assert ended.reply.fulfillment_status == types_pb2.FULFILLED, ended.reason
    proof = requests.get(ended.reply.proof_uri, timeout=PATIENCE_S)
    assert decode_proof(proof.content).public_values == REVEALED


def ready_workers(service: LocalService, server: Process) -> bool | None:
    answer = requests.get(f"{server.worker_url}/health/ready", headers=worker(service, server))
    return bool(answer.json().get("workers")) or None


def worker(service: LocalService, server: Process) -> dict[str, str]:
    token = (service.folder / server.name / "worker.token").read_text().strip()
    return {"authorization": f"Bearer {token}"}


def refused(call: Callable[..., object], *arguments: object, **named: object) -> Refused:
    """A call that must be refused in words, with a code of ours."""
    with pytest.raises(Refused) as caught:
        call(*arguments, **named)
    error = caught.value
    assert error.code.startswith("SP1TEE-"), error
    assert len(error.text) > 20
    return error


# --- protobuf ------------------------------------------------------------------------------

MALFORMED = [b"\xff", b"\x0a\xff", b"\x0a\x05abc", b"\x0b", b"\x00" * 9, b"\x80" * 11]
READERS = [
    *(f"{NETWORK}/{name}" for name in ("GetProgram", "CreateProgram", "GetNonce", "RequestProof")),
    *(f"{NETWORK}/{name}" for name in ("GetProofRequestStatus", "GetProofRequestDetails")),
    *(f"{NETWORK}/{name}" for name in ("CancelRequest", "GetProofRequestParams", "GetBalance")),
    *(f"{NETWORK}/{name}" for name in ("GetProversByUptime", "GetOwner")),
    CREATE_ARTIFACT,
]


@pytest.mark.parametrize("path", READERS)
def test_malformed_protobuf_is_refused_for_good(mallory: Requester, path: str):
    for message in MALFORMED:
        assert refused(mallory.call, path, message).status == "INVALID_ARGUMENT"


@pytest.mark.parametrize("method", ["RequestProof", "CreateProgram", "CancelRequest"])
def test_a_malformed_body_under_a_good_signature_is_refused(mallory: Requester, method: str):
    for body in (b"\xff", b"\x0a\xff", b"\x5a\x7f", b"\x62\x05abc"):
        error = refused(mallory.ask, method, mallory.seal(body))
        assert error.status == "INVALID_ARGUMENT"


# --- enums, lengths, deadlines, versions ---------------------------------------------------

ODD_FIELDS: dict[str, tuple[dict[str, object], str]] = {
    "no mode": ({"mode": 0}, "mode"),
    "an unknown mode": ({"mode": 99}, "core"),
    "a negative mode": ({"mode": -1}, "core"),
    "no strategy": ({"strategy": 0}, "strategy"),
    "an unknown strategy": ({"strategy": 77}, "hosted, reserved, auction"),
    "a short vk_hash": ({"vk_hash": bytes(31)}, "31 bytes instead of 32"),
    "a long vk_hash": ({"vk_hash": bytes(33)}, "33 bytes instead of 32"),
    "a short whitelist entry": ({"whitelist": [bytes(19)]}, "19 bytes instead of 20"),
    "a nonce beyond counting": ({"nonce": 2**64 - 1}, "nonce"),
    "a deadline that has passed": ({"deadline": 1}, "deadline has passed"),
    "no deadline": ({"deadline": 0}, "deadline has passed"),
    "a deadline beyond time": ({"deadline": 2**64 - 1}, "seconds away"),
    "an unknown version": ({"version": "sp1-v9.9.9"}, "sp1-v6.1.0"),
    "no version": ({"version": ""}, "sp1-v6.1.0"),
    "a mode that no prover here makes": ({"mode": types_pb2.COMPRESSED}, "core, plonk, groth16"),
    "an endless version": ({"version": "sp1-v6.1.0" * 1000}, "sp1-v6.1.0"),
}


@pytest.mark.parametrize("what", ODD_FIELDS)
def test_a_request_is_refused_with(what: str, mallory: Requester):
    changes, words = ODD_FIELDS[what]
    uri = mallory.upload(artifact_pb2.STDIN, INPUT)
    error = refused(mallory.send, mallory.body(INNOCENT, uri, **changes))
    assert error.status == "INVALID_ARGUMENT"
    assert words in error.text
    assert len(error.text) < 1000


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"domain": bytes(31)}, "domain"),
        ({"auctioneer": bytes(19)}, "auctioneer"),
        ({"public_values_hash": bytes(33)}, "public_values_hash"),
        ({"variant": types_pb2.FULFILL_VARIANT}, "variant"),
        ({"variant": 99}, "variant"),
    ],
)
def test_an_auction_request_is_refused_with_fields_that_mean_nothing(
    changes: dict[str, object], words: str, mallory: Requester
):
    uri = mallory.upload(artifact_pb2.STDIN, INPUT)
    base = types_pb2.RequestProofRequestBody.FromString(mallory.body(INNOCENT, uri))
    fields = {field.name: value for field, value in base.ListFields()}
    body = auction_pb2.RequestProofRequestBody(**({**fields, "domain": bytes(32)} | changes))
    error = refused(mallory.send, body.SerializeToString())
    assert error.status == "INVALID_ARGUMENT"
    assert words in error.text


def test_an_unknown_enum_that_is_smuggled_in_behind_a_known_one_is_what_counts(mallory: Requester):
    uri = mallory.upload(artifact_pb2.STDIN, INPUT)
    mode_again = bytes([4 << 3, 99])
    error = refused(mallory.send, mallory.body(INNOCENT, uri) + mode_again)
    assert error.status == "INVALID_ARGUMENT"
    assert "groth16" in error.text


@pytest.mark.parametrize("kind", [0, 3, 99, -1])
def test_an_unknown_kind_of_artifact_is_refused_for_good(kind: int, mallory: Requester):
    # UNAVAILABLE would make an SDK try for two minutes.
    assert refused(mallory.place, kind).status == "INVALID_ARGUMENT"


@pytest.mark.parametrize("method", ["GetProofRequestStatus", "GetProofRequestDetails"])
@pytest.mark.parametrize("size", [0, 31, 33, 5000])
def test_an_id_of_the_wrong_length_is_refused(method: str, size: int, mallory: Requester):
    ask = types_pb2.GetProofRequestStatusRequest(request_id=bytes(size)).SerializeToString()
    assert refused(mallory.ask, method, ask).status == "INVALID_ARGUMENT"


@pytest.mark.parametrize("method", ["GetProofRequestStatus", "GetProofRequestDetails"])
def test_an_id_that_nobody_was_given_is_not_found(method: str, mallory: Requester):
    ask = types_pb2.GetProofRequestStatusRequest(request_id=bytes(32)).SerializeToString()
    assert refused(mallory.ask, method, ask).status == "NOT_FOUND"


@pytest.mark.parametrize("size", [0, 19, 21])
def test_an_address_of_the_wrong_length_has_no_nonce(size: int, mallory: Requester):
    ask = types_pb2.GetNonceRequest(address=bytes(size)).SerializeToString()
    assert refused(mallory.ask, "GetNonce", ask).status == "INVALID_ARGUMENT"


# --- signatures ----------------------------------------------------------------------------

CURVE_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
BAD_SIGNATURES = {
    "none": b"",
    "zeros": bytes(65),
    "too short": bytes(64),
    "too long": bytes(66),
    "r of zero": bytes(32) + b"\x01" * 32 + b"\x1b",
    "s beyond the curve": b"\x01" * 32 + CURVE_ORDER.to_bytes(32, "big") + b"\x1b",
    "an unknown v": b"\x01" * 64 + b"\x1d",
}


@pytest.mark.parametrize("method", ["RequestProof", "CreateProgram", "CancelRequest"])
@pytest.mark.parametrize("what", BAD_SIGNATURES)
def test_a_bad_signature_is_refused(method: str, what: str, mallory: Requester):
    envelope = mallory.seal(mallory.body(INNOCENT, "x"), signature=BAD_SIGNATURES[what])
    error = refused(mallory.ask, method, envelope)
    assert error.status in {"INVALID_ARGUMENT", "UNAUTHENTICATED", "PERMISSION_DENIED"}
    assert "signature" in error.text.lower()


@pytest.mark.parametrize("what", BAD_SIGNATURES)
def test_an_upload_place_is_refused_to_a_bad_signature(what: str, mallory: Requester):
    ask = artifact_pb2.CreateArtifactRequest(
        signature=BAD_SIGNATURES[what], artifact_type=artifact_pb2.STDIN
    )
    error = refused(mallory.call, CREATE_ARTIFACT, ask.SerializeToString())
    assert "signature" in error.text.lower()


@pytest.mark.parametrize("encoding", [0, 2, 99])
def test_a_signature_over_another_encoding_is_refused(encoding: int, mallory: Requester):
    envelope = mallory.seal(mallory.body(INNOCENT, "x"), format=encoding)
    assert refused(mallory.ask, "RequestProof", envelope).status == "INVALID_ARGUMENT"


def test_a_body_changed_after_signing_is_somebody_else_s(alice: Requester, mallory: Requester):
    uri = alice.upload(artifact_pb2.STDIN, INPUT)
    body = alice.body(INNOCENT, uri)
    changed = body.replace(b"sp1-v6.1.0", b"sp1-v6.0.0")
    assert changed != body
    forged = alice.seal(changed, signature=ALICE.sign(body))
    refused(mallory.ask, "RequestProof", forged)
    prove(alice, uri)


def test_a_replayed_request_makes_no_second_one(alice: Requester, mallory: Requester):
    envelope = alice.seal(alice.body(INNOCENT, alice.upload(artifact_pb2.STDIN, INPUT)))
    replies = [
        types_pb2.RequestProofResponse.FromString(who.ask("RequestProof", envelope))
        for who in (alice, mallory, alice)
    ]
    assert len({reply.body.request_id for reply in replies}) == 1
    done = alice.end(replies[0].body.request_id)
    assert done.reply.fulfillment_status == types_pb2.FULFILLED
    again = types_pb2.RequestProofResponse.FromString(mallory.ask("RequestProof", envelope))
    assert again.body.request_id == replies[0].body.request_id
    assert alice.status(again.body.request_id).reply.proof_uri == done.reply.proof_uri


def test_a_replayed_cancellation_by_somebody_else_is_refused(alice: Requester, mallory: Requester):
    request_id = alice.request(INNOCENT, INPUT)
    body = auction_pb2.CancelRequestRequestBody(request_id=request_id).SerializeToString()
    error = refused(mallory.ask, "CancelRequest", mallory.seal(body))
    assert error.status == "PERMISSION_DENIED"
    assert alice.end(request_id).reply.fulfillment_status == types_pb2.FULFILLED


# --- stdin_uri -----------------------------------------------------------------------------


def test_a_foreign_stdin_uri_is_refused_as_if_it_did_not_exist(
    alice: Requester, mallory: Requester
):
    theirs = alice.upload(artifact_pb2.STDIN, INPUT)
    made_up = theirs[:-4] + ("abcd" if theirs[-4:] != "abcd" else "dcba")
    answers = {refused(mallory.send, mallory.body(INNOCENT, uri)).text for uri in (theirs, made_up)}
    assert len(answers) == 1
    prove(alice, theirs)


@pytest.mark.parametrize(
    "uri",
    [
        "http://169.254.169.254/latest/meta-data/",
        "file:///etc/passwd",
        "{worker}/blobs/stdin/lease_01h455vb4pex5vsknk084sn02q",
        "{own}/",
        "{own}?token=x",
        "{own}/../x",
        "",
        "x" * 5000,
        "{program}",
    ],
)
def test_an_unknown_stdin_uri_is_refused_and_never_fetched(
    uri: str, server: Process, mallory: Requester
):
    own = mallory.upload(artifact_pb2.STDIN, INPUT)
    program = mallory.upload(artifact_pb2.PROGRAM, INNOCENT.upload)
    uri = uri.replace("{own}", own).replace("{program}", program)
    uri = uri.replace("{worker}", server.worker_url)
    error = refused(mallory.send, mallory.body(INNOCENT, uri))
    assert error.status == "INVALID_ARGUMENT"


def test_a_request_before_its_upload_is_refused_and_taken_afterwards(mallory: Requester):
    placed = mallory.place(artifact_pb2.STDIN)
    body = functools.partial(mallory.body, INNOCENT, placed.artifact_uri)
    assert refused(mallory.send, body()).status == "FAILED_PRECONDITION"
    with upload_begun(placed.artifact_presigned_url, len(INPUT), INPUT[:10]) as line:
        error = refused(mallory.send, body())
        assert error.status == "FAILED_PRECONDITION"
        assert "not uploaded yet" in error.text
        line.sendall(INPUT[10:])
        assert answer(line)[0] == 200
    prove(mallory, placed.artifact_uri)


def test_an_input_that_was_used_is_gone_for_a_second_request(mallory: Requester):
    uri = mallory.upload(artifact_pb2.STDIN, INPUT)
    prove(mallory, uri)
    other = mallory.body(INNOCENT, uri, cycle_limit=20_000_000)
    error = refused(mallory.send, other)
    assert error.status == "FAILED_PRECONDITION"
    assert "erased" in error.text


# --- what is inside of an upload -----------------------------------------------------------


def fails(requester: Requester, program: Program, stdin: bytes, **changes: object) -> str:
    """Have a request fail; return the reason that is told."""
    ended = requester.end(requester.request(program, stdin, **changes))
    assert ended.reply.fulfillment_status == types_pb2.UNFULFILLABLE
    assert ended.reason
    return ended.reason


def test_a_zstd_bomb_as_input_ends_its_request_in_words(mallory: Requester):
    bomb = pack(Stdin.of(bytes(50_000_000)).encode(), Family.V6)
    assert len(bomb) < MAX_STDIN
    assert "1000000 bytes" in fails(mallory, INNOCENT, bomb)


def test_a_zstd_bomb_as_program_is_refused(mallory: Requester):
    uri = mallory.upload(artifact_pb2.PROGRAM, pack(bytes(50_000_000), Family.V6))
    program = Program.opaque(b"", "a bomb")
    error = refused(mallory.ask, "CreateProgram", mallory.seal(mallory.program_body(program, uri)))
    assert str(MAX_PROGRAM) in error.text or str(MAX_PROGRAM + 8) in error.text


PLAIN = Stdin.of(b"12345678", bytes(100)).encode()
BROKEN_INPUTS = {
    "nothing": b"",
    "a cut bincode": PLAIN[:-9],
    "a cut buffer": PLAIN[:40],
    "a length without end": (1).to_bytes(8, "little") + b"\xff" * 8,
    "buffers without end": b"\xff" * 8 + PLAIN[8:],
    "something behind it": PLAIN + b"more",
    "a cut zstd frame": pack(PLAIN, Family.V6)[:-5],
    "a broken zstd frame": pack(PLAIN, Family.V6)[:6] + b"\xff" * 20,
    "a second zstd frame": pack(PLAIN, Family.V6) * 2,
    "only a zstd magic": b"\x28\xb5\x2f\xfd",
}


@pytest.mark.parametrize("what", BROKEN_INPUTS)
def test_a_truncated_or_broken_input_ends_its_request_in_words(what: str, mallory: Requester):
    assert fails(mallory, INNOCENT, BROKEN_INPUTS[what]).startswith("The input cannot be read.")


CODE_V5 = 0x0020_1000
BROKEN_PROGRAMS: dict[str, bytes] = {
    "no ELF": b"#!/bin/sh\n",
    "a cut header": v5().build()[:20],
    "another machine": v5(machine=62).build(),
    "a library": v5(kind=3).build(),
    "the other byte order": v5(byte_order=2).build(),
    "another generation": v6().build(),
}
UNLOADABLE_PROGRAMS: dict[str, Elf] = {
    "an entry that is not aligned": v5(entry=CODE_V5 + 2),
    "an entry outside of the code": v5(entry=CODE_V5 + 4096),
    "no segments": v5(segments_at=0),
    "more segments than there are": v5(segment_count=200),
    "too many segments": v5(segment_count=257),
    "an odd entry size": v5(segment_entry_size=31),
    "a segment that is not aligned": v5(segments=[Segment(CODE_V5 + 2)]),
    "a segment that is cut": v5(
        segments=[Segment(CODE_V5, file_size=1 << 20, memory_size=1 << 20)]
    ),
    "a segment that ends too high": v5(
        segments=[Segment(CODE_V5), Segment(0x7800_0000, b"", R, memory_size=8)]
    ),
    "data too low": v5(
        segments=[Segment(0x10000, b"data", R), Segment(CODE_V5)],
        sections=[Section(1, 0x10000, 4)],
    ),
    "no code": v5(segments=[Segment(CODE_V5, flags=R)]),
    "a word that is no instruction": v5(segments=[Segment(CODE_V5, NOP + bytes(4))]),
    "segments out of order": v5(segments=[Segment(CODE_V5 + 4096, flags=R | W), Segment(CODE_V5)]),
}


@pytest.mark.parametrize("what", BROKEN_PROGRAMS)
def test_what_is_no_program_is_refused_when_it_is_registered(what: str, mallory: Requester):
    program = Program.opaque(BROKEN_PROGRAMS[what], what)
    assert refused(mallory.register, program).status == "INVALID_ARGUMENT"


@pytest.mark.parametrize("what", UNLOADABLE_PROGRAMS)
def test_a_program_that_breaks_a_rule_of_the_loader_ends_its_request(what: str, mallory: Requester):
    program = Program.opaque(UNLOADABLE_PROGRAMS[what].build(), what)
    mallory.register(program)
    request_id = mallory.request(program, PLAIN)
    ended = mallory.end(request_id)
    assert ended.reply.fulfillment_status == types_pb2.UNFULFILLABLE
    assert ended.reply.execution_status == types_pb2.UNEXECUTABLE
    assert ended.reason.startswith("SP1 cannot load this program.")


DEEDS = {
    "exit_with_seven": ("exit code 7", types_pb2.HALT_WITH_NON_ZERO_EXIT_CODE),
    "never_end": ("more than 1000000 cycles", types_pb2.EXCEEDED_CYCLE_LIMIT),
    "read_null": ("address 0x10,", types_pb2.INVALID_MEMORY_ACCESS),
    "write_code": ("wrote to its own code", types_pb2.INVALID_MEMORY_ACCESS),
    "jump_outside": ("no instruction", types_pb2.INVALID_MEMORY_ACCESS),
    "unknown_call": ("SP1 does not have", types_pb2.UNSUPPORTED_SYSCALL),
}


@pytest.mark.parametrize("deed", DEEDS)
def test_a_guest_that_misbehaves_ends_its_request_with_the_network_s_cause(
    deed: str, mallory: Requester
):
    words, cause = DEEDS[deed]
    program = Program.opaque(guest_program("hostile", Family.V5), "the hostile guest")
    mallory.register(program)
    stdin = Stdin.of(*hostile(deed)).encode()
    request_id = mallory.request(program, stdin, cycle_limit=1_000_000)
    ended = mallory.end(request_id)
    assert ended.reply.execution_status == types_pb2.UNEXECUTABLE
    assert words in ended.reason
    ask = types_pb2.GetProofRequestDetailsRequest(request_id=request_id).SerializeToString()
    said = types_pb2.GetProofRequestDetailsResponse.FromString(
        mallory.ask("GetProofRequestDetails", ask)
    )
    assert types_pb2.ProofRequest.FromString(said.request).execute_fail_cause == cause


# --- programs ------------------------------------------------------------------------------


def test_a_request_for_a_program_that_nobody_registered_is_refused(mallory: Requester):
    missing = Program.opaque(b"", "nobody's")
    uri = mallory.upload(artifact_pb2.STDIN, PLAIN)
    error = refused(mallory.send, mallory.body(missing, uri))
    assert error.status == "NOT_FOUND"
    assert "CreateProgram" in error.text


def test_a_hash_of_another_key_is_refused(mallory: Requester):
    uri = mallory.upload(artifact_pb2.PROGRAM, INNOCENT.upload)
    body = mallory.program_body(INNOCENT, uri, vk_hash=bytes(32))
    assert refused(mallory.ask, "CreateProgram", mallory.seal(body)).status == "INVALID_ARGUMENT"


def test_the_wrong_program_for_a_key_is_refused_and_the_right_one_taken(mallory: Requester):
    right = Program.of(guests.load("fibonacci", Family.V6))
    wrong = replace(right, upload=encode_program(v6(entry=0x7800_0004).build()))
    error = refused(mallory.register, wrong)
    assert error.status == "INVALID_ARGUMENT"
    assert "does not start where its verifying key says" in error.text
    uri = mallory.upload(artifact_pb2.STDIN, PLAIN)
    assert refused(mallory.send, mallory.body(right, uri)).status == "NOT_FOUND"
    mallory.register(right)
    mallory.send(mallory.body(right, uri))


def test_a_program_that_somebody_else_uploaded_cannot_be_registered(
    alice: Requester, mallory: Requester
):
    program = Program.opaque(v5().build(), "Alice's")
    uri = alice.upload(artifact_pb2.PROGRAM, program.upload)
    body = mallory.program_body(program, uri)
    assert "program_uri" in refused(mallory.ask, "CreateProgram", mallory.seal(body)).text


def test_another_key_under_one_s_own_hash_is_refused(mallory: Requester):
    program = Program.opaque(v5().build(), "Mallory's")
    mallory.register(program)
    other = replace(program, vk=b"another key")
    assert refused(mallory.register, other).status == "ALREADY_EXISTS"


def test_an_input_runs_in_no_program_that_another_registered_under_its_key(
    server: Process, alice: Requester
):
    ours = Program.of(guests.load("fibonacci", Family.V6))
    entry = parse_vk_v6(ours.vk).pc_start_address
    impostor = replace(ours, upload=encode_program(v6(entry=entry).build()))
    with Requester(server.public_url, Signer.from_bytes(b"\x0d" * 32)) as another:
        another.register(impostor)
        uri = alice.upload(artifact_pb2.STDIN, FIBONACCI)
        assert refused(alice.send, alice.body(ours, uri)).status == "NOT_FOUND"
        alice.register(ours)
        assert alice.end(alice.send(alice.body(ours, uri))).reply.proof_uri
        ended = another.end(another.request(impostor, FIBONACCI))
    assert ended.reply.fulfillment_status == types_pb2.UNFULFILLABLE


# --- uploads -------------------------------------------------------------------------------


def told(answer: requests.Response, status: int) -> str:
    """What an HTTP error says; it must have a code and advice."""
    assert answer.status_code == status, answer.text
    said = answer.json()
    assert said["code"].startswith("SP1TEE-")
    assert said["advice"]
    return str(said["message"])


def put(url: str, data: object, **headers: str) -> requests.Response:
    return requests.put(url, data=data, headers=headers, timeout=PATIENCE_S)  # type: ignore[arg-type]


def test_an_upload_that_is_too_large_is_refused_and_can_be_sent_smaller(mallory: Requester):
    placed = mallory.place(artifact_pb2.STDIN)
    url = placed.artifact_presigned_url
    assert str(MAX_STDIN) in told(put(url, bytes(MAX_STDIN + 1)), 413)
    unannounced = put(url, itertools.repeat(bytes(10_000), MAX_STDIN // 10_000 + 1))
    assert str(MAX_STDIN) in told(unannounced, 413)
    assert put(url, INPUT).status_code == 200
    prove(mallory, placed.artifact_uri)


def test_an_upload_that_is_cut_off_can_be_sent_again(mallory: Requester):
    placed = mallory.place(artifact_pb2.STDIN)
    with upload_begun(placed.artifact_presigned_url, 1000, b"a beginning"):
        pass
    assert put(placed.artifact_presigned_url, INPUT).status_code == 200
    prove(mallory, placed.artifact_uri)


def test_an_upload_that_is_too_slow_is_told_so(mallory: Requester):
    placed = mallory.place(artifact_pb2.STDIN)
    with upload_begun(placed.artifact_presigned_url, 1000, b"a beginning") as line:
        status, said = answer(line)
    assert status == 408
    assert "Send it again to the same address" in said
    assert put(placed.artifact_presigned_url, INPUT).status_code == 200


def test_an_upload_to_the_same_place_twice_is_refused_and_changes_nothing(mallory: Requester):
    placed = mallory.place(artifact_pb2.STDIN)
    assert put(placed.artifact_presigned_url, INPUT).status_code == 200
    told(put(placed.artifact_presigned_url, b"something else"), 409)
    prove(mallory, placed.artifact_uri)


def test_an_upload_with_no_or_a_wrong_token_is_refused(mallory: Requester):
    placed = mallory.place(artifact_pb2.STDIN)
    url = placed.artifact_presigned_url
    address = url.partition("?")[0]
    for bad in (address, f"{address}?token=", f"{address}?token=x", f"{url}&token=x", f"{url}x"):
        told(put(bad, INPUT), 403)
    told(put(url.replace("/stdin/", "/program/"), INPUT), 403)
    assert put(url, INPUT).status_code == 200


# --- paths, methods, frames ----------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/artifacts",
        "/artifacts/stdin",
        "/artifacts/stdin/x/y",
        "/proofs",
        "/../../etc/passwd",
        "/%2e%2e/%2e%2e/etc/passwd",
        "//health",
        "/health/",
        "/evidences/quote.json",
        "/\u00fc?%ff",
    ],
)
def test_an_unknown_path_is_not_found(path: str, server: Process):
    session = requests.Session()
    request = requests.Request("GET", server.public_url + "/").prepare()
    request.url = server.public_url + path
    told(session.send(request, timeout=PATIENCE_S), 404)


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE", "PATCH", "HEAD", "OPTIONS", "BREW"])
def test_an_unknown_method_on_an_upload_place_is_not_allowed(method: str, mallory: Requester):
    placed = mallory.place(artifact_pb2.STDIN)
    answer = requests.request(method, placed.artifact_presigned_url, timeout=PATIENCE_S)
    assert answer.status_code == 405
    assert answer.headers["allow"] == "PUT"
    assert "access-control-allow-origin" not in answer.headers
    assert put(placed.artifact_presigned_url, INPUT).status_code == 200


@pytest.mark.parametrize("path", ["/", "/a", "/network.ProverNetwork/", f"{NETWORK}/Nothing", "//"])
def test_an_unknown_grpc_method_is_unimplemented(path: str, server: Process):
    reply = post(server.public_url, path, frame(b""))
    assert reply.grpc_status == UNIMPLEMENTED
    assert reply.text


NONCE = types_pb2.GetNonceRequest(address=bytes(20)).SerializeToString()
FRAMES = {
    "no frame": (b"", {}, UNIMPLEMENTED),
    "a cut prefix": (b"\0\0\0", {}, INTERNAL),
    "a cut message": (frame(NONCE, length=100), {}, INTERNAL),
    "an announced gigabyte": (frame(NONCE, length=1 << 30), {}, RESOURCE_EXHAUSTED),
    "two messages": (frame(NONCE) * 2, {}, UNIMPLEMENTED),
    "bytes behind the message": (frame(NONCE) + b"x", {}, UNIMPLEMENTED),
    "an unknown flag": (frame(NONCE, flag=2), {}, INTERNAL),
    "a compressed flag without an encoding": (frame(NONCE, flag=1), {}, INTERNAL),
    "an unknown encoding": (frame(NONCE, flag=1), {"grpc_encoding": "snappy"}, UNIMPLEMENTED),
    "broken gzip": (frame(NONCE, flag=1), {"grpc_encoding": "gzip"}, INTERNAL),
}


@pytest.mark.parametrize("what", FRAMES)
def test_a_frame_is_refused_with_the_status_grpc_names(what: str, server: Process):
    body, headers, status = FRAMES[what]
    reply = post(server.public_url, f"{NETWORK}/GetNonce", body, **headers)
    assert reply.headers[":status"] == "200"
    assert reply.grpc_status == status
    assert reply.text.endswith(".")


def test_an_oversize_message_is_refused_before_all_of_it_has_come(server: Process):
    size = 9 << 20
    reply = post(server.public_url, f"{NETWORK}/RequestProof", frame(bytes(size)))
    assert reply.grpc_status == RESOURCE_EXHAUSTED
    assert str(1 << 20) in reply.text


def test_a_gzip_bomb_is_refused(server: Process):
    bomb = gzip.compress(bytes(100 << 20))
    reply = post(
        server.public_url, f"{NETWORK}/GetNonce", frame(bomb, flag=1), grpc_encoding="gzip"
    )
    assert reply.grpc_status == RESOURCE_EXHAUSTED


# --- workers -------------------------------------------------------------------------------

WORKER_METHODS = ["Lease", "Heartbeat", "Finish", "Fail", "Release"]
WORKER_PATHS = [
    ("GET", "/blobs/stdin/lease_01h455vb4pex5vsknk084sn02q"),
    ("GET", "/blobs/program/lease_01h455vb4pex5vsknk084sn02q"),
    ("PUT", "/proofs/lease_01h455vb4pex5vsknk084sn02q"),
    ("GET", "/metrics"),
    ("GET", "/health/ready"),
    ("GET", "/nowhere"),
]
WRONG = {
    "none": {},
    "a wrong one": {"authorization": "Bearer " + "x" * 43},
    "an empty one": {"authorization": "Bearer"},
    "another scheme": {"authorization": "Basic eDp5"},
}


@pytest.mark.parametrize("what", WRONG)
def test_a_worker_without_or_with_a_wrong_token_is_told_nothing(what: str, server: Process):
    with Requester(server.worker_url, MALLORY) as anybody:
        for method in WORKER_METHODS:
            metadata = tuple(WRONG[what].items())
            error = refused(anybody.call, f"{WORKERS}/{method}", b"", *metadata)
            assert error.status == "UNAUTHENTICATED"
            assert "worker_token" in error.text
    for method, path in WORKER_PATHS:
        answer = requests.request(
            method, server.worker_url + path, headers=WRONG[what], timeout=PATIENCE_S
        )
        told(answer, 401)


def test_a_fulfiller_with_a_wrong_token_ends_with_the_reason(tmp_path: Path, server: Process):
    (tmp_path / "token").write_text("x" * 43)
    ended = sp1tee(
        "fulfill", "--server", server.worker_url, "--token-file", str(tmp_path / "token")
    )
    assert ended.returncode == 2
    assert "worker.token" in ended.stderr
    assert "x" * 43 not in ended.stderr


def test_a_lease_that_is_lost_in_the_middle_gives_nothing_more(
    service: LocalService, idle: Process
):
    auth = worker(service, idle)
    capability = worker_pb2.Capability(version="sp1-v6.1.0", modes=[1], mock=True)
    ask = worker_pb2.LeaseRequest(worker="a", capabilities=[capability], wait_ms=10_000)
    with Requester(idle.public_url, ALICE) as alice, Requester(idle.worker_url, ALICE) as slow:

        def call(method: str, message: bytes) -> bytes:
            return slow.call(f"{WORKERS}/{method}", message, *auth.items())

        request_id = alice.request(INNOCENT, INPUT)
        lost = worker_pb2.LeaseReply.FromString(call("Lease", ask.SerializeToString())).lease
        stdin = f"{idle.worker_url}/blobs/stdin/{lost.lease_id}"
        held = auth | {"sp1tee-lease": lost.lease_token.hex()}
        assert requests.get(stdin, headers=held, timeout=PATIENCE_S).content == INPUT
        # No heartbeat follows, and the next worker has it.
        new = worker_pb2.LeaseReply.FromString(call("Lease", ask.SerializeToString())).lease
        assert new.request_id == lost.request_id == request_id
        assert new.attempt == 2
        told(requests.get(stdin, headers=held, timeout=PATIENCE_S), 410)
        for method, message in late_messages(lost).items():
            error = refused(call, method, message)
            assert error.status in {"FAILED_PRECONDITION", "ABORTED"}
        beat = worker_pb2.HeartbeatRequest.Beat(lease_id=lost.lease_id, lease_token=b"x")
        beats = worker_pb2.HeartbeatRequest(worker="a", beats=[beat]).SerializeToString()
        reply = worker_pb2.HeartbeatReply.FromString(call("Heartbeat", beats))
        assert list(reply.drop) == [lost.lease_id]
        release = worker_pb2.ReleaseRequest(lease_id=new.lease_id, lease_token=new.lease_token)
        call("Release", release.SerializeToString())
        service.fulfill(idle, name="after-the-loss")
        assert alice.end(request_id).reply.fulfillment_status == types_pb2.FULFILLED


def late_messages(lease: worker_pb2.Lease) -> dict[str, bytes]:
    named = {"lease_id": lease.lease_id, "lease_token": lease.lease_token}
    report = worker_pb2.ExecutionReport(public_values_hash=bytes(32))
    finish = worker_pb2.FinishRequest(execution=report, proof_sha256=bytes(32), mock=True, **named)
    fail = worker_pb2.FailRequest(error=3, text="A late failure.", **named)
    return {
        "Finish": finish.SerializeToString(),
        "Fail": fail.SerializeToString(),
        "Release": worker_pb2.ReleaseRequest(**named).SerializeToString(),
    }


# --- disk and keys -------------------------------------------------------------------------


def test_a_full_disk_is_told_and_passes(service: LocalService, idle: Process):
    pid = int(str(idle.facts["pid"]))
    before = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    with Requester(idle.public_url, MALLORY) as mallory:
        mallory.register(INNOCENT)
        placed = mallory.place(artifact_pb2.STDIN)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (50_000, before[1]))
        try:
            full = put(placed.artifact_presigned_url, os.urandom(100_000))
            polled = requests.get(f"{idle.public_url}/health", timeout=PATIENCE_S)
        finally:
            resource.prlimit(pid, resource.RLIMIT_FSIZE, before)
        told(full, 507)
        assert polled.status_code == 200
        assert put(placed.artifact_presigned_url, INPUT).status_code == 200
        mallory.send(mallory.body(INNOCENT, placed.artifact_uri))
    assert "sp1tee_requests" in metrics(service, idle)


def test_the_wrong_key_for_a_vault_ends_the_start_with_advice(service: LocalService):
    first = service.serve(name="locked")
    first.stop()
    key = service.folder / "another.key"
    key.write_text(hashlib.sha256(b"another").hexdigest())
    key.chmod(0o600)
    with pytest.raises(ProcessDiedError) as caught:
        service.serve("--vault-key-file", str(key), name="locked")
    assert "vault key" in caught.value.advice
    assert key.read_text() not in caught.value.advice
    again = service.serve(name="locked")
    assert again.alive


def test_an_account_over_its_quota_is_refused_and_others_are_not(server: Process):
    with Requester(server.public_url, GREEDY) as greedy:
        for _ in range(MAX_OPEN):
            greedy.place(artifact_pb2.STDIN)
        assert refused(greedy.place, artifact_pb2.STDIN).status == "RESOURCE_EXHAUSTED"
