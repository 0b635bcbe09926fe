"""The way of a request: the SDK's calls in the SDK's order, repeated where that helps."""

from pathlib import Path

import grpc
import pytest
from support.oracle import Oracle
from support.prover_stand_in import REQUEST_ID, ProverStandIn, Trouble
from support.wire_data import (
    SAMPLE_PUBLIC_VALUES,
    SAMPLE_VK_HASH,
    key,
    real_proof,
    recorded_requests,
    recording,
    sample,
)

from sp1tee.client import (
    Endpoint,
    Mode,
    Order,
    Patience,
    Program,
    Requester,
    SdkDialect,
    Strategy,
    raw_buffers,
)
from sp1tee.errors import (
    BadReply,
    ConfigError,
    ProofRefuted,
    ServerRefusal,
    Unreachable,
    VerifyingKeyMissing,
)
from sp1tee.wire.artifacts import unpack
from sp1tee.wire.dialect import Dialect, dialect_of
from sp1tee.wire.pb import artifact_pb2, auction_pb2, types_pb2
from sp1tee.wire.program import decode_program
from sp1tee.wire.retry_hint import KEY, encode_hint
from sp1tee.wire.signing import CREATE_ARTIFACT_TEXT, Signer, recover
from sp1tee.wire.stdin import Stdin, decode_stdin

INPUT = raw_buffers([b"secret", b""])
AWAY = Trouble(grpc.StatusCode.UNAVAILABLE, "restarting")
REFUSED = Trouble(grpc.StatusCode.INVALID_ARGUMENT, "no")


def body_of(envelope: bytes) -> types_pb2.RequestProofRequestBody:
    return types_pb2.RequestProofRequestBody.FromString(
        types_pb2.SignedRequest.FromString(envelope).body
    )


def test_a_new_program_takes_the_calls_that_the_sdk_makes(
    server: ProverStandIn, requester: Requester, program: Program
) -> None:
    server.fulfil(real_proof("compressed"))
    requester.prove(program, INPUT, Order(mode=Mode.COMPRESSED))
    recorded = [r["method"].rpartition("/")[2] for r in recording("6.10.0/reserved")["rpcs"]]
    assert server.methods == recorded[: len(server.methods)]
    assert server.methods[-1] == "GetProofRequestStatus"


@pytest.mark.parametrize(
    ("name", "order"),
    [
        ("6.10.0/reserved", Order()),
        ("6.10.0/hosted", Order(strategy=Strategy.HOSTED)),
        ("6.10.0/private-stdin", Order(private_stdin=True)),
        ("6.10.0/mainnet", Order(dialect=SdkDialect.V6_MAINNET, mode=Mode.COMPRESSED)),
    ],
)
@pytest.mark.parametrize(
    "method", ["CreateArtifact", "GetNonce", "GetProofRequestParams", "GetProversByUptime"]
)
def test_calls_that_name_no_program_have_the_recorded_bytes(
    server: ProverStandIn, program: Program, name: str, order: Order, method: str
) -> None:
    with Requester.at(server.url, Signer.from_hex("11" * 32)) as requester:
        requester.request(program, INPUT, order)
    assert server.requests(method) == recorded_requests(name, method)


def test_uploads_are_what_the_sdk_uploads(
    server: ProverStandIn, requester: Requester, program: Program
) -> None:
    requester.request(program, INPUT, Order())
    program_put, stdin_put = server.puts
    assert decode_program(unpack(program_put.body, 1 << 20), 1 << 20) == sample(".elf")
    assert decode_stdin(unpack(stdin_put.body, 1 << 20)) == Stdin.of(b"secret", b"")
    for put in server.puts:
        assert put.headers["content-length"] == str(len(put.body))
        assert "transfer-encoding" not in put.headers
        assert "authorization" not in put.headers


def test_a_registered_program_is_not_uploaded_again(
    server: ProverStandIn, requester: Requester, program: Program
) -> None:
    server.registered = True
    requester.request(program, INPUT, Order())
    assert len(server.puts) == 1
    assert "CreateProgram" not in server.methods


def test_a_program_that_was_registered_meanwhile_is_as_good_as_ones_own(
    server: ProverStandIn, requester: Requester, program: Program
) -> None:
    taken = Trouble(grpc.StatusCode.ALREADY_EXISTS, "program already exists")
    server.will("CreateProgram", AWAY, taken)
    assert requester.request(program, INPUT, Order()).request_id == REQUEST_ID
    assert server.methods.count("CreateProgram") == 2


def test_a_hash_alone_is_enough_for_a_registered_program(
    server: ProverStandIn, requester: Requester, elf: Path
) -> None:
    server.registered = True
    program = Program.read(elf, vk_hash=SAMPLE_VK_HASH)
    assert requester.request(program, INPUT, Order()).request_id == REQUEST_ID


def test_an_unknown_program_without_a_key_is_told_how_to_make_one(
    requester: Requester, elf: Path
) -> None:
    with pytest.raises(VerifyingKeyMissing) as caught:
        requester.request(Program.read(elf, vk_hash=SAMPLE_VK_HASH), INPUT, Order())
    assert "bincode::serialize(pk.verifying_key())" in caught.value.advice


def test_everything_is_signed_by_the_requester(
    server: ProverStandIn, requester: Requester, program: Program
) -> None:
    requester.request(program, INPUT, Order())
    address = key("test_key_1").address
    for request in server.requests("CreateArtifact"):
        signature = artifact_pb2.CreateArtifactRequest.FromString(request).signature
        assert signature[-1] in (54, 55)
        assert recover(CREATE_ARTIFACT_TEXT, signature) == address
    for request in server.requests("CreateProgram") + server.requests("RequestProof"):
        envelope = types_pb2.SignedRequest.FromString(request)
        assert recover(envelope.body, envelope.signature) == address


@pytest.mark.parametrize(
    ("order", "sent"),
    [
        (Order(), (types_pb2.RESERVED, 100_000_000, 1_000_000_000)),
        (Order(strategy=Strategy.HOSTED), (types_pb2.HOSTED, 2**64 - 1, 2**64 - 1)),
        (Order(cycle_limit=5, gas_limit=0), (types_pb2.RESERVED, 5, 0)),
    ],
)
def test_limits_are_those_asked_for_or_the_sdks_own(
    server: ProverStandIn,
    requester: Requester,
    program: Program,
    order: Order,
    sent: tuple[int, int, int],
) -> None:
    requester.request(program, INPUT, order)
    body = body_of(*server.requests("RequestProof"))
    assert (body.strategy, body.cycle_limit, body.gas_limit) == sent


def test_the_deadline_is_the_timeout_from_now(
    server: ProverStandIn, requester: Requester, program: Program
) -> None:
    before = int(requester.session.clock())
    ticket = requester.request(program, INPUT, Order(timeout_s=600))
    body = body_of(*server.requests("RequestProof"))
    assert body.deadline == ticket.deadline
    assert before + 600 <= ticket.deadline <= int(requester.session.clock()) + 600


def test_private_stdin_asks_for_private_storage(
    server: ProverStandIn, requester: Requester, program: Program
) -> None:
    requester.request(program, INPUT, Order(private_stdin=True))
    kinds = [
        artifact_pb2.CreateArtifactRequest.FromString(r).artifact_type
        for r in server.requests("CreateArtifact")
    ]
    assert kinds == [artifact_pb2.PROGRAM, artifact_pb2.PRIVATE_STDIN]
    assert body_of(*server.requests("RequestProof")).stdin_private


def test_a_bearer_token_goes_with_every_call_and_no_upload(
    server: ProverStandIn, program: Program
) -> None:
    endpoint = Endpoint.parse(server.url, bearer_token="letmein")
    with Requester.at(endpoint, key("test_key_1")) as requester:
        requester.request(program, INPUT, Order())
    assert {call.metadata.get("authorization") for call in server.calls} == {"Bearer letmein"}
    assert not any("authorization" in put.headers for put in server.puts)


@pytest.mark.parametrize(
    "method", ["GetProgram", "CreateArtifact", "GetNonce", "CreateProgram", "RequestProof"]
)
@pytest.mark.parametrize(
    "status", ["UNAVAILABLE", "DEADLINE_EXCEEDED", "INTERNAL", "ABORTED", "CANCELLED"]
)
def test_a_passing_trouble_is_waited_out(
    server: ProverStandIn, requester: Requester, program: Program, method: str, status: str
) -> None:
    server.will(method, *[Trouble(grpc.StatusCode[status])] * 3)
    assert requester.request(program, INPUT, Order()).request_id == REQUEST_ID


def test_an_answer_that_cannot_be_read_is_asked_for_again(
    server: ProverStandIn, requester: Requester, program: Program
) -> None:
    server.will("GetNonce", b"\xff\xff")
    assert requester.request(program, INPUT, Order()).request_id == REQUEST_ID


def test_a_repeated_request_carries_a_fresh_nonce_and_is_otherwise_the_same(
    server: ProverStandIn, requester: Requester, program: Program
) -> None:
    server.registered = True
    server.will("GetNonce", types_pb2.GetNonceResponse(nonce=3))
    server.will("RequestProof", Trouble(grpc.StatusCode.ABORTED, "stale nonce"))
    requester.request(program, INPUT, Order())
    first, second = map(body_of, server.requests("RequestProof"))
    assert (first.nonce, second.nonce) == (3, 7)
    second.nonce = 3
    assert first == second


@pytest.mark.parametrize(
    "status",
    [
        "INVALID_ARGUMENT",
        "FAILED_PRECONDITION",
        "PERMISSION_DENIED",
        "UNAUTHENTICATED",
        "RESOURCE_EXHAUSTED",
        "UNIMPLEMENTED",
        "NOT_FOUND",
        "UNKNOWN",
    ],
)
def test_a_refusal_ends_it_with_the_servers_words_and_code(
    server: ProverStandIn, requester: Requester, program: Program, status: str
) -> None:
    refusal = Trouble(grpc.StatusCode[status], "not today", (("sp1tee-code", "SP1TEE-R004"),))
    server.will("RequestProof", refusal)
    with pytest.raises(ServerRefusal, match="not today") as caught:
        requester.request(program, INPUT, Order())
    assert caught.value.status == status
    assert caught.value.server_code == "SP1TEE-R004"
    assert caught.value.exit_code == 4
    assert server.methods.count("RequestProof") == 1


def test_a_full_server_is_asked_again_when_it_says(
    server: ProverStandIn, requester: Requester, program: Program
) -> None:
    hint = encode_hint(8, "Full.", 0.01)
    code = ("sp1tee-code", "SP1TEE-R006")
    full = Trouble(grpc.StatusCode.RESOURCE_EXHAUSTED, "Full.", (code, (KEY, hint)))
    server.will("RequestProof", full)
    assert requester.request(program, INPUT, Order())
    assert server.methods.count("RequestProof") == 2


@pytest.mark.parametrize("hint", [b"", b"\xff", b"x" * 5000])
def test_a_full_server_whose_hint_is_none_is_not_asked_again(
    server: ProverStandIn, requester: Requester, program: Program, hint: bytes
) -> None:
    full = Trouble(grpc.StatusCode.RESOURCE_EXHAUSTED, "Full.", ((KEY, hint),))
    server.will("RequestProof", full)
    with pytest.raises(ServerRefusal, match="Full"):
        requester.request(program, INPUT, Order())


def test_a_servers_words_cannot_drive_the_terminal(
    server: ProverStandIn, requester: Requester, program: Program
) -> None:
    server.will("GetProgram", Trouble(grpc.StatusCode.PERMISSION_DENIED, "\x1b[2Jgo\n" * 999))
    with pytest.raises(ServerRefusal) as caught:
        requester.request(program, INPUT, Order())
    assert "\x1b" not in caught.value.message
    assert "\n" not in caught.value.message
    assert len(caught.value.message) < 700


def test_patience_ends(server: ProverStandIn, program: Program) -> None:
    server.will("GetProgram", *[AWAY] * 50)
    hardly_any = Patience(give_up_s=0.05, first_wait_s=0.01, longest_wait_s=0.01, jitter_s=0)
    with (
        Requester.at(server.url, key("test_key_1"), patience=hardly_any) as requester,
        pytest.raises(Unreachable, match="restarting"),
    ):
        requester.request(program, INPUT, Order())


def test_nobody_there_is_told_as_such(program: Program) -> None:
    at_once = Patience(give_up_s=0)
    with (
        Requester.at("http://127.0.0.1:1", key("test_key_1"), patience=at_once) as requester,
        pytest.raises(Unreachable, match=r"cannot be reached: Connection refused\.$"),
    ):
        requester.request(program, INPUT, Order())


class TestDialects:
    def test_mainnet_sends_an_auction_body_with_the_networks_terms(
        self, server: ProverStandIn, requester: Requester, program: Program
    ) -> None:
        requester.request(program, INPUT, Order(dialect=SdkDialect.V6_MAINNET))
        [request] = server.requests("RequestProof")
        envelope = types_pb2.SignedRequest.FromString(request)
        assert dialect_of(envelope.body) is Dialect.AUCTION
        body = auction_pb2.RequestProofRequestBody.FromString(envelope.body)
        assert body.strategy == types_pb2.AUCTION
        assert body.max_price_per_pgu == "240000"
        assert list(body.whitelist) == [b"\x06" * 20]
        assert body.cycle_limit == 10**12

    def test_auto_speaks_the_base_dialect_where_it_is_taken(
        self, server: ProverStandIn, requester: Requester, program: Program
    ) -> None:
        requester.request(program, INPUT, Order())
        assert "GetProofRequestParams" not in server.methods

    def test_auto_goes_to_auction_where_a_network_wants_it(
        self, server: ProverStandIn, requester: Requester, program: Program
    ) -> None:
        server.will("RequestProof", REFUSED)
        requester.request(program, INPUT, Order())
        dialects = [
            dialect_of(types_pb2.SignedRequest.FromString(r).body)
            for r in server.requests("RequestProof")
        ]
        assert dialects == [Dialect.BASE, Dialect.AUCTION]

    def test_auto_takes_a_refusal_of_a_private_server_at_its_word(
        self, server: ProverStandIn, requester: Requester, program: Program
    ) -> None:
        coded = Trouble(grpc.StatusCode.INVALID_ARGUMENT, "no", (("sp1tee-code", "SP1TEE-R011"),))
        server.will("RequestProof", coded)
        with pytest.raises(ServerRefusal):
            requester.request(program, INPUT, Order())
        assert server.methods.count("RequestProof") == 1

    def test_auto_reports_the_first_refusal_where_there_is_no_auction(
        self, server: ProverStandIn, requester: Requester, program: Program
    ) -> None:
        server.will("RequestProof", Trouble(grpc.StatusCode.INVALID_ARGUMENT, "bad version"))
        server.will("GetProofRequestParams", Trouble(grpc.StatusCode.UNIMPLEMENTED))
        with pytest.raises(ServerRefusal, match="bad version"):
            requester.request(program, INPUT, Order())

    def test_a_dialect_asked_for_is_not_left(
        self, server: ProverStandIn, requester: Requester, program: Program
    ) -> None:
        server.will("RequestProof", REFUSED)
        with pytest.raises(ServerRefusal):
            requester.request(program, INPUT, Order(dialect=SdkDialect.V6))

    def test_a_dialect_of_another_generation_is_refused_before_anything_is_sent(
        self, server: ProverStandIn, requester: Requester, program: Program
    ) -> None:
        with pytest.raises(ConfigError, match="Dialect 5"):
            requester.request(program, INPUT, Order(dialect=SdkDialect.V5))
        assert server.calls == []

    @pytest.mark.parametrize("price", ["", "-1", "1.5", "lots", "9" * 5000, str(2**64), "٣"])
    def test_a_price_that_is_no_number_is_a_bad_reply(
        self, server: ProverStandIn, requester: Requester, program: Program, price: str
    ) -> None:
        terms = auction_pb2.GetProofRequestParamsResponse(max_price_per_pgu=price)
        server.will("GetProofRequestParams", terms)
        with pytest.raises(BadReply, match="no number"):
            requester.request(program, INPUT, Order(dialect=SdkDialect.V6_MAINNET))


class TestV5:
    @pytest.fixture
    def program(self, tmp_path: Path) -> Program:
        elf = tmp_path / "guest.elf"
        header = bytearray(64)
        header[:7] = b"\x7fELF\x01\x01\x01"
        header[18:20] = (243).to_bytes(2, "little")
        elf.write_bytes(header)
        vk = tmp_path / "key"
        vk.write_bytes(b"opaque")
        return Program.read(elf, vk_file=vk, vk_hash=b"\x01" * 32)

    def test_uploads_are_plain(
        self, server: ProverStandIn, requester: Requester, program: Program
    ) -> None:
        requester.request(program, INPUT, Order())
        program_put, stdin_put = server.puts
        assert len(decode_program(program_put.body, 64)) == 64
        assert decode_stdin(stdin_put.body) == Stdin.of(b"secret", b"")

    def test_the_version_is_that_of_all_v5_sdks(
        self, server: ProverStandIn, requester: Requester, program: Program
    ) -> None:
        requester.request(program, INPUT, Order())
        body = body_of(*server.requests("RequestProof"))
        assert (body.version, body.min_auction_period) == ("sp1-v5.0.0", 1)

    def test_private_stdin_does_not_exist(self, requester: Requester, program: Program) -> None:
        with pytest.raises(ConfigError, match="no switch"):
            requester.request(program, INPUT, Order(private_stdin=True))


@pytest.mark.parametrize("options", [{"cycle_limit": -1}, {"gas_limit": 2**64}, {"timeout_s": 0}])
def test_an_order_that_cannot_be_sent_is_refused(options: dict[str, int]) -> None:
    with pytest.raises(ConfigError):
        Order(**options)


def test_a_short_request_id_is_no_answer(
    server: ProverStandIn, requester: Requester, program: Program
) -> None:
    server.will("RequestProof", types_pb2.RequestProofResponse())
    with pytest.raises(BadReply, match="0 bytes"):
        requester.request(program, INPUT, Order())


def test_a_judge_is_shown_the_proof_and_the_programs_key(
    server: ProverStandIn, program: Program
) -> None:
    server.fulfil(real_proof("core"))
    judge = Oracle()
    with Requester.at(server.url, key("test_key_1"), judge=judge) as requester:
        received = requester.prove(program, INPUT, Order())
    assert received.verified is True
    assert judge.asked == [(sample("-vk.bin"), SAMPLE_PUBLIC_VALUES, real_proof("core"))]


def test_a_proof_that_the_judge_refutes_is_not_received(
    server: ProverStandIn, program: Program
) -> None:
    server.fulfil(real_proof("core"))
    with (
        Requester.at(server.url, key("test_key_1"), judge=Oracle("no")) as requester,
        pytest.raises(ProofRefuted),
    ):
        requester.prove(program, INPUT, Order())
