"""Waiting: every end of a request has its own error, and a server that restarts is no end."""

import grpc
import pytest
from support.prover_stand_in import ASSIGNED, FAR, REQUEST_ID, ProverStandIn, Told, Trouble
from support.wire_data import SAMPLE_PUBLIC_VALUES, SAMPLE_VK_HASH, real_proof

from sp1tee.client import (
    Execution,
    Expected,
    Fulfillment,
    Mode,
    Requester,
    Status,
    wait,
    waiting,
)
from sp1tee.errors import (
    BadReply,
    ClaimMismatch,
    ProofError,
    RequestExpired,
    RequestFailed,
    ServerRefusal,
    Sp1teeError,
    Unexecutable,
    Unfulfillable,
    UnknownRequest,
    Unreachable,
    WaitTimeout,
)
from sp1tee.wire.keys import VK_V6_SIZE
from sp1tee.wire.mock_proof import mock_proof
from sp1tee.wire.pb import types_pb2
from sp1tee.wire.versions import Family

COMPRESSED = Expected(SAMPLE_VK_HASH, Mode.COMPRESSED, "v6.1.0")


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "FIRST_POLL_S", 0.001)
    monkeypatch.setattr(waiting, "SLOWEST_POLL_S", 0.001)


def state(fulfillment: str, execution: str = "UNEXECUTED", deadline: int = FAR) -> object:
    return types_pb2.GetProofRequestStatusResponse(
        fulfillment_status=types_pb2.FulfillmentStatus.Value(fulfillment),
        execution_status=types_pb2.ExecutionStatus.Value(execution),
        deadline=deadline,
    )


def mock(mode: Mode) -> bytes:
    return mock_proof(mode, Family.V6, SAMPLE_VK_HASH, SAMPLE_PUBLIC_VALUES).encode_network()


@pytest.mark.parametrize("mode", ["core", "compressed"])
def test_a_proof_is_fetched_when_it_is_there(
    server: ProverStandIn, requester: Requester, mode: str
) -> None:
    server.will("GetProofRequestStatus", ASSIGNED, ASSIGNED)
    server.fulfil(real_proof(mode))
    received = wait(requester.session, REQUEST_ID, expected=Expected(SAMPLE_VK_HASH))
    assert received.proof.public_values == SAMPLE_PUBLIC_VALUES
    assert received.proof.encode_saved() == real_proof(mode)
    assert not received.mock
    assert received.program_checked is (mode == "compressed")


def test_the_first_question_comes_at_once_and_later_ones_slow_down(
    server: ProverStandIn, requester: Requester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    pauses: list[float] = []
    server.will("GetProofRequestStatus", *[ASSIGNED] * 12)
    server.fulfil(mock(Mode.CORE))
    session = requester.session
    slow = type(session)(
        session.calls, session.transfers, session.patience, session.progress, sleep=pauses.append
    )
    wait(slow, REQUEST_ID)
    assert pauses[0] == 0.5
    assert pauses == sorted(pauses)
    assert pauses[-1] == 2.0


@pytest.mark.parametrize(
    ("status", "error", "text"),
    [
        (state("UNFULFILLABLE", "UNEXECUTABLE"), Unexecutable, "does not run to its end"),
        (state("ASSIGNED", "UNEXECUTABLE"), Unexecutable, "on this input"),
        (state("UNFULFILLABLE"), Unfulfillable, "cannot be made"),
        (state("REVERTED"), Unfulfillable, "took the proof back"),
        (state("EXPIRED"), RequestExpired, "deadline"),
        (state("ASSIGNED", deadline=1), WaitTimeout, "deadline has passed"),
    ],
)
def test_each_end_without_a_proof_has_its_own_error(
    server: ProverStandIn,
    requester: Requester,
    status: types_pb2.GetProofRequestStatusResponse,
    error: type[Sp1teeError],
    text: str,
) -> None:
    server.will("GetProofRequestStatus", ASSIGNED, status)
    with pytest.raises(error, match=text) as caught:
        wait(requester.session, REQUEST_ID)
    assert caught.value.exit_code == 1


def test_the_servers_reason_is_told(server: ProverStandIn, requester: Requester) -> None:
    reason = "exit code 3 — 100 % certain"
    server.will("GetProofRequestStatus", Told(state("UNFULFILLABLE"), reason, "SP1TEE-F003"))
    with pytest.raises(Unfulfillable, match="exit code 3 — 100 % certain"):
        wait(requester.session, REQUEST_ID)


def test_a_failure_told_as_text_is_told_on(server: ProverStandIn, requester: Requester) -> None:
    failed = Trouble(grpc.StatusCode.FAILED_PRECONDITION, "the guest halted with exit code 3")
    server.will("GetProofRequestStatus", failed)
    with pytest.raises(RequestFailed, match="exit code 3"):
        wait(requester.session, REQUEST_ID)


def test_a_fulfilled_request_counts_after_its_deadline_too(
    server: ProverStandIn, requester: Requester
) -> None:
    server.fulfil(mock(Mode.CORE))
    late = types_pb2.GetProofRequestStatusResponse()
    late.CopyFrom(server.statuses[0])
    late.deadline = 1
    server.statuses = [late]
    assert wait(requester.session, REQUEST_ID).mock


def test_an_unknown_request_is_told_as_such(server: ProverStandIn, requester: Requester) -> None:
    server.will("GetProofRequestStatus", Trouble(grpc.StatusCode.NOT_FOUND))
    with pytest.raises(UnknownRequest):
        wait(requester.session, REQUEST_ID)


def test_a_refused_question_is_a_refusal(server: ProverStandIn, requester: Requester) -> None:
    server.will("GetProofRequestStatus", Trouble(grpc.StatusCode.UNAUTHENTICATED, "who?"))
    with pytest.raises(ServerRefusal, match="who"):
        wait(requester.session, REQUEST_ID)


def test_a_state_from_the_future_is_not_guessed_at(
    server: ProverStandIn, requester: Requester
) -> None:
    unknown = types_pb2.GetProofRequestStatusResponse(fulfillment_status=77, deadline=FAR)
    server.will("GetProofRequestStatus", unknown)
    with pytest.raises(BadReply, match="77"):
        wait(requester.session, REQUEST_ID)


def test_a_server_that_restarts_is_waited_for(server: ProverStandIn, requester: Requester) -> None:
    away = Trouble(grpc.StatusCode.UNAVAILABLE, "restarting")
    server.will("GetProofRequestStatus", ASSIGNED, *[away] * 10, ASSIGNED)
    server.fulfil(mock(Mode.CORE))
    server.get_answers.extend([None, 503])
    assert wait(requester.session, REQUEST_ID).mock


def test_time_to_wait_can_be_limited(server: ProverStandIn, requester: Requester) -> None:
    with pytest.raises(WaitTimeout, match="time to wait is over"):
        wait(requester.session, REQUEST_ID, timeout_s=0)
    away = Trouble(grpc.StatusCode.UNAVAILABLE, "restarting")
    server.will("GetProofRequestStatus", away)
    with pytest.raises(Unreachable):
        wait(requester.session, REQUEST_ID, timeout_s=0)


@pytest.mark.parametrize("announced", ["99999", "9" * 30])
def test_a_download_that_breaks_off_is_repeated(
    server: ProverStandIn, requester: Requester, announced: str
) -> None:
    server.fulfil(mock(Mode.CORE))
    server.announce.append(announced)
    assert wait(requester.session, REQUEST_ID).mock


def test_fulfilled_without_an_address_is_a_bad_reply(
    server: ProverStandIn, requester: Requester
) -> None:
    server.will("GetProofRequestStatus", state("FULFILLED"))
    with pytest.raises(BadReply, match="not where"):
        wait(requester.session, REQUEST_ID)


def test_a_proof_that_is_gone_is_a_refusal_without_its_address(
    server: ProverStandIn, requester: Requester
) -> None:
    server.fulfil(mock(Mode.CORE))
    server.get_answers.append(404)
    with pytest.raises(ServerRefusal, match="404") as caught:
        wait(requester.session, REQUEST_ID)
    assert "PROOFTOKEN" not in repr(caught.value)


def test_a_status_does_not_show_where_the_proof_is() -> None:
    status = Status(Fulfillment.FULFILLED, Execution.EXECUTED, FAR, proof_url="http://x/?SECRET")
    assert "SECRET" not in repr(status)


class TestClaims:
    @pytest.mark.parametrize("mode", [Mode.CORE, Mode.PLONK, Mode.GROTH16])
    def test_a_mock_is_called_one(
        self, server: ProverStandIn, requester: Requester, mode: Mode
    ) -> None:
        server.fulfil(mock(mode))
        assert wait(requester.session, REQUEST_ID, expected=Expected(mode=mode)).mock

    def test_a_mark_of_the_server_makes_a_mock_of_any_proof(
        self, server: ProverStandIn, requester: Requester
    ) -> None:
        server.reply_headers["sp1tee-mock"] = "true"
        server.fulfil(real_proof("compressed"))
        assert wait(requester.session, REQUEST_ID, expected=COMPRESSED).mock

    def test_a_proof_of_another_program_is_refused(
        self, server: ProverStandIn, requester: Requester
    ) -> None:
        server.fulfil(real_proof("compressed"))
        with pytest.raises(ClaimMismatch) as caught:
            wait(requester.session, REQUEST_ID, expected=Expected(bytes(32)))
        assert caught.value.claim == "program"

    def test_a_proof_of_other_public_values_is_refused(
        self, server: ProverStandIn, requester: Requester
    ) -> None:
        proof = mock(Mode.GROTH16).replace(SAMPLE_PUBLIC_VALUES, SAMPLE_PUBLIC_VALUES[::-1])
        server.fulfil(proof)
        with pytest.raises(ClaimMismatch) as caught:
            wait(requester.session, REQUEST_ID)
        assert caught.value.claim == "public values"

    def test_a_proof_of_a_run_that_failed_is_refused(
        self, server: ProverStandIn, requester: Requester
    ) -> None:
        proof = bytearray(real_proof("compressed"))
        exit_code = 4 + VK_V6_SIZE + 8 + 4 * 170
        proof[exit_code : exit_code + 4] = (3).to_bytes(4, "little")
        server.fulfil(bytes(proof))
        with pytest.raises(ClaimMismatch) as caught:
            wait(requester.session, REQUEST_ID, expected=COMPRESSED)
        assert caught.value.claim == "exit code"

    def test_a_proof_of_another_kind_is_refused(
        self, server: ProverStandIn, requester: Requester
    ) -> None:
        server.fulfil(mock(Mode.PLONK))
        with pytest.raises(ClaimMismatch, match="plonk, not groth16"):
            wait(requester.session, REQUEST_ID, expected=Expected(mode=Mode.GROTH16))

    def test_a_proof_of_another_circuit_version_is_refused(
        self, server: ProverStandIn, requester: Requester
    ) -> None:
        server.fulfil(mock(Mode.CORE))
        with pytest.raises(ProofError, match=r"v6\.0\.0"):
            wait(requester.session, REQUEST_ID, expected=Expected(circuit="v6.0.0"))

    @pytest.mark.parametrize("junk", [b"", b"<html>", bytes(4), bytes(100)])
    def test_what_is_no_proof_is_refused(
        self, server: ProverStandIn, requester: Requester, junk: bytes
    ) -> None:
        server.fulfil(junk)
        with pytest.raises(ProofError):
            wait(requester.session, REQUEST_ID)
