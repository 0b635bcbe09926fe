"""A gateway makes the proof: real sockets, and every way in which it may not."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import grpc
import pytest
import trustme
from support.fulfilling import sample_work, settings_for, within, working
from support.gpu_server import GpuServer, info
from support.prover_stand_in import FAR, REQUEST_ID, ProverStandIn, Told, Trouble
from support.wire_data import SAMPLE_PUBLIC_VALUES, SAMPLE_VK_HASH, key, real_proof, sample
from support.worker_listener import WorkerListener

from sp1tee import settings
from sp1tee.errors import (
    ConfigError,
    FulfillError,
    OffHostRefused,
    ProverFailed,
    ProverUnavailable,
)
from sp1tee.fulfill.doctor import check_up
from sp1tee.fulfill.provers import Made, ProveTask
from sp1tee.fulfill.provers.gateway import GatewayProver, Offer
from sp1tee.fulfill.provers.gateway_line import Gateway
from sp1tee.fulfill.provers.off_host import Reach
from sp1tee.fulfill.provers.verifying import Verifier
from sp1tee.fulfill.selfcheck import check_proof
from sp1tee.fulfill.settings import FulfillSettings
from sp1tee.native.process import ForeignServer
from sp1tee.wire.artifacts import unpack
from sp1tee.wire.mock_proof import mock_proof
from sp1tee.wire.modes import Mode
from sp1tee.wire.pb import auction_pb2, types_pb2
from sp1tee.wire.program import decode_program
from sp1tee.wire.signing import Signer, recover
from sp1tee.wire.versions import Family, parse_version

pytestmark = pytest.mark.anyio

V6 = parse_version("sp1-v6.1.0")
SIGNER = key("test_key_1")
SECRET = b"a private balance, nobody else's"
PROOF = mock_proof(Mode.GROTH16, Family.V6, SAMPLE_VK_HASH, SAMPLE_PUBLIC_VALUES).encode_network()
OFFER = Offer((V6.text,), frozenset(Mode), mock=True)
UNAVAILABLE = Trouble(grpc.StatusCode.UNAVAILABLE, "restarting")


@pytest.fixture
def gateway() -> Iterator[ProverStandIn]:
    with ProverStandIn() as stand_in:
        stand_in.fulfil(PROOF)
        yield stand_in


def a_task(**changes: Any) -> ProveTask:
    facts: dict[str, Any] = {
        "elf": sample(".elf"),
        "elf_sha256": sha256(sample(".elf")).digest(),
        "stdin": sample(".stdin"),
        "deferred_proofs": 0,
        "version": V6,
        "mode": Mode.GROTH16,
        "vk_hash": SAMPLE_VK_HASH,
        "vk": sample("-vk.bin"),
        "public_values": SAMPLE_PUBLIC_VALUES,
    }
    return ProveTask(**{**facts, **changes})


@asynccontextmanager
async def proving(
    url: str, *, allowed: tuple[str, ...] = (), patience: float = 30.0, **more: Any
) -> AsyncIterator[GatewayProver]:
    made = GatewayProver(Gateway(url, SIGNER, Reach.of(allowed), **more), OFFER, patience=patience)
    try:
        yield made
    finally:
        await made.aclose()


async def prove(gateway: ProverStandIn, **task: Any) -> bytes:
    async with proving(gateway.url) as prover:
        return (await within(prover.prove(a_task(**task), FAR))).proof


async def failure(gateway: ProverStandIn, *, patience: float = 0.2, **task: Any) -> FulfillError:
    async with proving(gateway.url, patience=patience) as prover:
        with pytest.raises(FulfillError) as failed:
            await within(prover.prove(a_task(**task), FAR))
    shown = f"{failed.value!r} {failed.value} {failed.value.advice}"
    assert "TOKEN" not in shown
    assert "secret" not in shown
    return failed.value


def ended(status: int, execution: int = types_pb2.EXECUTED) -> Any:
    return types_pb2.GetProofRequestStatusResponse(
        fulfillment_status=status, execution_status=execution, deadline=FAR
    )


# --- a proof ---------------------------------------------------------------------------------


async def test_the_proof_is_the_gateways_bytes(gateway: ProverStandIn):
    assert await prove(gateway) == PROOF
    check_proof(PROOF, a_task(), mock=True)


async def test_a_program_that_the_gateway_lacks_is_registered_and_only_then(gateway: ProverStandIn):
    await prove(gateway)
    await prove(gateway)
    (registered,) = gateway.requests("CreateProgram")
    envelope = types_pb2.SignedRequest.FromString(registered)
    assert recover(envelope.body, envelope.signature) == SIGNER.address
    body = types_pb2.CreateProgramRequestBody.FromString(envelope.body)
    assert (body.vk_hash, body.vk) == (SAMPLE_VK_HASH, sample("-vk.bin"))
    program, stdin, again = (put.body for put in gateway.puts)
    assert decode_program(unpack(program, 1 << 24), 1 << 24) == sample(".elf")
    assert unpack(stdin, 1 << 24) == unpack(again, 1 << 24) == sample(".stdin")


async def test_the_request_says_what_is_asked_for(gateway: ProverStandIn):
    deadline = time.time() + 1000
    async with proving(gateway.url) as prover:
        await within(prover.prove(a_task(), deadline))
    (request,) = gateway.requests("RequestProof")
    body = types_pb2.RequestProofRequestBody.FromString(
        types_pb2.SignedRequest.FromString(request).body
    )
    assert body.nonce == gateway.nonce
    assert (body.vk_hash, body.version, body.mode) == (SAMPLE_VK_HASH, V6.text, types_pb2.GROTH16)
    assert body.deadline == int(deadline)
    assert body.stdin_uri == f"{gateway.files_url}/artifacts/2"
    assert body.strategy == types_pb2.RESERVED


async def test_the_token_goes_with_calls_and_not_with_uploads(gateway: ProverStandIn):
    async with proving(gateway.url, token="the-token") as prover:
        await within(prover.prove(a_task(), FAR))
    assert {call.metadata["authorization"] for call in gateway.calls} == {"Bearer the-token"}
    assert not any("authorization" in put.headers for put in gateway.puts)


async def test_it_waits_as_long_as_the_gateway_works(gateway: ProverStandIn):
    gateway.will("GetProofRequestStatus", ended(types_pb2.REQUESTED), ended(types_pb2.ASSIGNED))
    assert await prove(gateway) == PROOF
    assert len(gateway.requests("GetProofRequestStatus")) == 3


@pytest.mark.parametrize(
    "method",
    [
        *("GetProgram", "CreateArtifact", "GetNonce", "CreateProgram"),
        *("RequestProof", "GetProofRequestStatus"),
    ],
)
async def test_a_gateway_that_restarts_is_waited_for(gateway: ProverStandIn, method: str):
    gateway.will(method, UNAVAILABLE, UNAVAILABLE)
    assert await prove(gateway) == PROOF


@pytest.mark.parametrize("broken", [None, 503])
async def test_a_transfer_that_breaks_is_done_again(gateway: ProverStandIn, broken: int | None):
    gateway.put_answers.append(broken)
    gateway.get_answers.append(broken)
    assert await prove(gateway) == PROOF


async def test_a_registration_that_somebody_else_made_first_is_as_good(gateway: ProverStandIn):
    gateway.will("CreateProgram", Trouble(grpc.StatusCode.ALREADY_EXISTS))
    gateway.will("GetProgram", Trouble(grpc.StatusCode.NOT_FOUND), types_pb2.GetProgramResponse())
    assert await prove(gateway) == PROOF


# --- no proof --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "text"),
    [
        (ended(types_pb2.UNFULFILLABLE), "cannot make the proof."),
        (ended(types_pb2.UNFULFILLABLE, types_pb2.UNEXECUTABLE), "does not run at the gateway."),
        (ended(types_pb2.EXPIRED), "deadline came before"),
        (ended(types_pb2.REVERTED), "took the proof back"),
        (ended(99), "does not exist"),
        (ended(types_pb2.FULFILLED), "does not say where"),
    ],
)
async def test_an_end_without_a_proof_is_named(gateway: ProverStandIn, status: Any, text: str):
    gateway.statuses = [status]
    error = await failure(gateway)
    assert isinstance(error, ProverFailed)
    assert text in error.message


async def test_a_reason_is_repeated_if_a_server_of_ours_gives_it(gateway: ProverStandIn):
    bad = ended(types_pb2.UNFULFILLABLE)
    gateway.statuses = [Told(bad, "No worker\nhas come.", "SP1TEE-R001")]
    assert (await failure(gateway)).message.endswith("make the proof: No worker has come.")
    gateway.statuses = [Told(bad, SECRET.decode(), "")]
    assert SECRET.decode() not in (await failure(gateway)).message


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (grpc.StatusCode.INVALID_ARGUMENT, ProverFailed),
        (grpc.StatusCode.NOT_FOUND, ProverFailed),
        (grpc.StatusCode.UNAVAILABLE, ProverUnavailable),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, ProverUnavailable),
        (grpc.StatusCode.UNAUTHENTICATED, ProverUnavailable),
        (grpc.StatusCode.PERMISSION_DENIED, ProverUnavailable),
        (grpc.StatusCode.UNIMPLEMENTED, ProverUnavailable),
    ],
)
async def test_a_refusal_tells_whose_fault_it_is(
    gateway: ProverStandIn, code: grpc.StatusCode, kind: type[FulfillError]
):
    gateway.will("RequestProof", *[Trouble(code, SECRET.decode())] * 100)
    error = await failure(gateway)
    assert type(error) is kind
    assert code.name in error.message
    assert SECRET.decode() not in error.message


async def test_a_gateway_that_refuses_an_upload_does_not_get_it_again(gateway: ProverStandIn):
    gateway.put_answers.append(403)
    error = await failure(gateway)
    assert isinstance(error, ProverFailed)
    assert "HTTP 403" in error.message


async def test_a_program_without_a_key_cannot_be_registered(gateway: ProverStandIn):
    assert "its key" in (await failure(gateway, vk=b"")).message
    assert gateway.puts == []


async def test_a_request_without_an_id_is_no_request(gateway: ProverStandIn):
    gateway.will("RequestProof", types_pb2.RequestProofResponse())
    assert "no id" in (await failure(gateway)).message


@pytest.mark.parametrize("method", ["GetNonce", "CreateArtifact", "GetProofRequestStatus"])
async def test_an_answer_that_is_none_is_a_failure_of_ours(gateway: ProverStandIn, method: str):
    gateway.will(method, b"\xff\xff")
    error = await failure(gateway)
    assert isinstance(error, ProverFailed)
    assert "answer is none" in error.message


async def test_a_request_that_nobody_waits_for_is_cancelled_there(gateway: ProverStandIn):
    gateway.statuses = [ended(types_pb2.ASSIGNED)]
    gateway.will("CancelRequest", auction_pb2.CancelRequestResponse())
    async with proving(gateway.url) as prover:
        work = asyncio.ensure_future(prover.prove(a_task(), FAR))
        await asyncio.to_thread(gateway.asked("GetProofRequestStatus").wait, 30)
        work.cancel()
        with pytest.raises(asyncio.CancelledError):
            await within(work)
    (cancelled,) = gateway.requests("CancelRequest")
    body = auction_pb2.CancelRequestRequestBody.FromString(
        types_pb2.SignedRequest.FromString(cancelled).body
    )
    assert body.request_id == REQUEST_ID


async def test_a_gateway_that_cannot_cancel_is_just_left(gateway: ProverStandIn):
    gateway.statuses = [ended(types_pb2.ASSIGNED)]
    gateway.will("CancelRequest", Trouble(grpc.StatusCode.UNIMPLEMENTED))
    async with proving(gateway.url) as prover:
        work = asyncio.ensure_future(prover.prove(a_task(), FAR))
        await asyncio.to_thread(gateway.asked("GetProofRequestStatus").wait, 30)
        work.cancel()
        with pytest.raises(asyncio.CancelledError):
            await within(work)


# --- where inputs may go ---------------------------------------------------------------------


async def test_a_gateway_elsewhere_needs_the_operators_word():
    with pytest.raises(OffHostRefused, match=r"prover\.example is not allowed") as refused:
        async with proving("https://prover.example"):
            pass
    assert "--allow-off-host prover.example" in refused.value.advice
    async with proving("https://prover.example", allowed=("Prover.Example",)) as prover:
        assert prover.capabilities()[0].version == V6.text


@pytest.mark.parametrize(
    "url",
    [
        "https://bucket.example/put?token=TOKEN",
        "http://127.0.0.1.example/",
        "ftp://127.0.0.1/secret",
        "http://[::1/secret",
        "secret",
    ],
)
async def test_an_input_goes_to_no_place_that_was_not_allowed(gateway: ProverStandIn, url: str):
    gateway.registered = True
    gateway.place_hook = lambda _: url
    assert isinstance(await failure(gateway), OffHostRefused)
    assert gateway.puts == []


async def test_a_proof_comes_from_no_place_that_was_not_allowed(gateway: ProverStandIn):
    away = ended(types_pb2.FULFILLED)
    away.proof_uri = "https://bucket.example/proof?token=TOKEN"
    gateway.statuses = [away]
    assert isinstance(await failure(gateway), OffHostRefused)


def test_behind_an_encrypted_gateway_no_upload_is_in_clear():
    reach = Reach.of(["bucket.example"])
    reach.check("https://bucket.example/x", encrypted=True)
    reach.check("http://bucket.example/x")
    reach.check("http://127.0.0.1/x", encrypted=True)
    with pytest.raises(OffHostRefused, match="unencrypted"):
        reach.check("http://bucket.example/x", encrypted=True)


async def test_a_certificate_that_nobody_vouches_for_is_not_taken(tmp_path: Path):
    authority, stranger = trustme.CA(), trustme.CA()
    server = grpc.ssl_server_credentials([_chain(authority.issue_cert("localhost"))])
    gate = grpc.aio.server()
    port = gate.add_secure_port("127.0.0.1:0", server)
    await gate.start()
    try:
        async with proving(f"https://localhost:{port}", ca=_pem(stranger)) as prover:
            with pytest.raises(ProverUnavailable, match="UNAVAILABLE"):
                await within(prover.check())
        # Nothing is served there, which only somebody who trusts it can learn.
        async with proving(f"https://localhost:{port}", ca=_pem(authority)) as prover:
            with pytest.raises(ProverUnavailable, match="UNIMPLEMENTED"):
                await within(prover.check())
    finally:
        await gate.stop(None)


def _chain(cert: trustme.LeafCert) -> tuple[bytes, bytes]:
    chain = b"".join(blob.bytes() for blob in cert.cert_chain_pems)
    return cert.private_key_pem.bytes(), chain


def _pem(authority: trustme.CA) -> str:
    return authority.cert_pem.bytes().decode()


# --- in a worker -----------------------------------------------------------------------------


def gateway_settings(listener: WorkerListener, url: str | None, **changes: Any) -> Any:
    facts = {"prover": "gateway", "prover_url": url, "gateway_mock": True}
    return settings_for(listener, **{**facts, **changes})


async def test_a_worker_hands_in_what_the_gateway_made(
    listener: WorkerListener, gateway: ProverStandIn
):
    work = sample_work()
    listener.offer(work)
    facts = {"prover": "gateway", "prover_url": gateway.url, "gateway_mock": True}
    async with working(listener, **facts):
        await listener.eventually(lambda: work.finishes)
    assert work.proof == PROOF


async def test_a_gateways_proof_is_verified_here(
    listener: WorkerListener, gateway: ProverStandIn, tmp_path: Path
):
    gateway.fulfil(real_proof("compressed"))
    judge = GpuServer(tmp_path / "judge", info=info())
    for refuted in (b"", b"invalid evaluation"):
        judge.refuted = refuted
        with judge.serving():
            verifier = Verifier(ForeignServer(judge.path))
            line = Gateway(gateway.url, SIGNER, Reach())
            prover = GatewayProver(line, replace(OFFER, mock=False), verifier=verifier)
            listener.offer(work := sample_work(mode=Mode.COMPRESSED))
            async with working(listener, prover):
                await listener.eventually(lambda work=work: not work.open)
        assert bool(work.proof) is not bool(refuted)
    assert work.failure is not None
    assert "refuses the gateway's proof: invalid evaluation" in work.failure.text


async def test_a_mock_is_neither_verified_nor_is_a_proof_of_v5(tmp_path: Path):
    verifier = Verifier(ForeignServer(tmp_path / "nothing"))
    for offer, version in ((OFFER, V6), (replace(OFFER, mock=False), parse_version("sp1-v5.0.0"))):
        line = Gateway("http://127.0.0.1:9", SIGNER, Reach())
        prover = GatewayProver(line, offer, verifier=verifier)
        await prover.verify(a_task(version=version), Made(PROOF, b"a key"))
        await prover.aclose()


async def test_a_mock_is_not_taken_for_a_proof(listener: WorkerListener, gateway: ProverStandIn):
    work = sample_work()
    listener.offer(work)
    async with working(listener, prover="gateway", prover_url=gateway.url):
        await listener.eventually(lambda: work.failure)
    assert work.failure is not None
    assert "proves nothing" in work.failure.text


async def test_the_doctor_says_that_the_gateway_answers(
    listener: WorkerListener, gateway: ProverStandIn
):
    checks = {
        check.name: check for check in await check_up(gateway_settings(listener, gateway.url))
    }
    assert checks["prover"].ok
    assert checks["reach"].ok
    assert "another server on this machine" in checks["reach"].text


async def test_the_doctor_says_that_nobody_is_there(listener: WorkerListener):
    url = "http://127.0.0.1:9"
    checks = {check.name: check for check in await check_up(gateway_settings(listener, url))}
    assert not checks["prover"].ok
    assert "gateway" in checks["prover"].text


async def test_the_doctor_says_that_inputs_would_leave(listener: WorkerListener):
    told = gateway_settings(listener, "https://192.0.2.1")
    checks = {check.name: check for check in await check_up(told)}
    assert "192.0.2.1 is not allowed" in checks["prover"].text
    assert "--allow-off-host 192.0.2.1" in checks["prover"].advice


async def test_a_missing_address_is_a_finding(listener: WorkerListener):
    told = gateway_settings(listener, None)
    checks = {check.name: check for check in await check_up(told)}
    assert "--prover-url" in checks["prover"].advice
    with pytest.raises(ConfigError, match="address of the gateway is missing"):
        _ = told.gateway


# --- settings --------------------------------------------------------------------------------


def test_all_about_a_gateway_can_be_told(tmp_path: Path):
    secret, token = tmp_path / "key", tmp_path / "token"
    secret.write_text("11" * 32 + "\n")
    token.write_text("the-token\n")
    told = settings.load(
        FulfillSettings,
        "fulfill",
        environment={
            "SP1TEE_FULFILL_PROVER": "gateway",
            "SP1TEE_FULFILL_PROVER_URL": "https://one.example/",
            "SP1TEE_FULFILL_ALLOW_OFF_HOST": "one.example, two.example",
            "SP1TEE_FULFILL_GATEWAY_KEY_FILE": str(secret),
            "SP1TEE_FULFILL_GATEWAY_TOKEN_FILE": str(token),
            "SP1TEE_FULFILL_GATEWAY_VERSIONS": "sp1-v5.0.0,sp1-v6.1.0",
            "SP1TEE_FULFILL_GATEWAY_MODES": "core,compressed",
        },
    )
    assert told.gateway.url == "https://one.example"
    assert told.gateway.reach.allowed == {"one.example", "two.example"}
    assert told.gateway.signer.address == Signer.from_hex("11" * 32).address
    assert told.gateway.token == "the-token"
    assert told.gateway_offer == Offer(
        ("sp1-v5.0.0", "sp1-v6.1.0"), frozenset({Mode.CORE, Mode.COMPRESSED})
    )
    assert "the-token" not in f"{told} {told.gateway}"
    assert "1111" not in f"{told!r} {told.gateway!r}"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PROVER_URL", "https://user:SECRET@one.example"),
        ("PROVER_URL", "one.example"),
        ("GATEWAY_KEY", "SECRET"),
        ("GATEWAY_TOKEN", "SECRET SECRET"),
        ("GATEWAY_VERSIONS", "sp1-v4.0.0"),
        ("GATEWAY_MODES", "SECRET"),
        ("GATEWAY_MODES", ","),
    ],
)
def test_an_unusable_setting_is_named_and_not_repeated(name: str, value: str):
    with pytest.raises(ConfigError, match=name.lower()) as unusable:
        settings.load(FulfillSettings, "fulfill", environment={f"SP1TEE_FULFILL_{name}": value})
    assert "SECRET" not in str(unusable.value)


def test_every_start_has_a_key_of_its_own():
    told = FulfillSettings(prover="gateway", prover_url="http://127.0.0.1:1")
    assert told.gateway.signer.address != told.gateway.signer.address


def test_certificates_that_cannot_be_read_are_named(tmp_path: Path):
    told = FulfillSettings(prover_url="https://127.0.0.1:1", gateway_ca_file=tmp_path / "none")
    with pytest.raises(ConfigError) as unusable:
        _ = told.gateway
    assert "gateway_ca_file" in unusable.value.advice
