"""Clients poll every two seconds, each of them; the network is asked once a second at most."""

import asyncio
from typing import Any

import pytest
from structlog.testing import capture_logs

from sp1tee.errors import BadReply, UpstreamError
from sp1tee.serve.network.polling import UpstreamStatuses
from sp1tee.wire.pb import types_pb2

pytestmark = pytest.mark.anyio

ONE, OTHER = b"\x01" * 32, b"\x02" * 32


class Network:
    """Answers GetProofRequestStatus and counts how often it is asked."""

    def __init__(self) -> None:
        self.asked: list[bytes] = []
        self.status = types_pb2.ASSIGNED
        self.error: UpstreamError | None = None
        self.answer: bytes | None = None

    async def call(self, method: str, request: bytes) -> bytes:
        assert method == "GetProofRequestStatus"
        self.asked.append(types_pb2.GetProofRequestStatusRequest.FromString(request).request_id)
        await asyncio.sleep(0)
        if self.error is not None:
            raise self.error
        if self.answer is not None:
            return self.answer
        return types_pb2.GetProofRequestStatusResponse(
            fulfillment_status=self.status
        ).SerializeToString()


@pytest.fixture
def network() -> Network:
    return Network()


@pytest.fixture
def now() -> list[float]:
    return [100.0]


@pytest.fixture
def statuses(network: Any, now: list[float]) -> UpstreamStatuses:
    return UpstreamStatuses(network, lambda: now[0])


async def test_many_polls_at_once_are_one_question(
    statuses: UpstreamStatuses, network: Network
) -> None:
    answers = await asyncio.gather(*(statuses.get(ONE) for _ in range(100)))
    assert len({id(answer) for answer in answers}) == 1
    assert network.asked == [ONE]


async def test_within_a_second_the_answer_is_the_same(
    statuses: UpstreamStatuses, network: Network, now: list[float]
) -> None:
    await statuses.get(ONE)
    now[0] += 0.9
    await statuses.get(ONE)
    assert network.asked == [ONE]
    now[0] += 0.2
    await statuses.get(ONE)
    assert network.asked == [ONE, ONE]


@pytest.mark.parametrize(
    "status",
    [types_pb2.FULFILLED, types_pb2.UNFULFILLABLE, types_pb2.REVERTED, types_pb2.EXPIRED],
)
async def test_a_final_status_is_never_asked_for_again(
    statuses: UpstreamStatuses, network: Network, now: list[float], status: Any
) -> None:
    network.status = status
    await statuses.get(ONE)
    now[0] += 1_000_000
    assert (await statuses.get(ONE)).is_final
    assert network.asked == [ONE]


async def test_each_request_is_its_own_question(
    statuses: UpstreamStatuses, network: Network
) -> None:
    await asyncio.gather(statuses.get(ONE), statuses.get(OTHER))
    assert sorted(network.asked) == [ONE, OTHER]


async def test_an_outage_is_not_hammered_on(
    statuses: UpstreamStatuses, network: Network, now: list[float]
) -> None:
    network.error = UpstreamError("down", status="UNAVAILABLE")
    outcomes = await asyncio.gather(*(statuses.get(ONE) for _ in range(9)), return_exceptions=True)
    assert all(isinstance(outcome, UpstreamError) for outcome in outcomes)
    with pytest.raises(UpstreamError):
        await statuses.get(ONE)
    assert network.asked == [ONE]
    network.error = None
    now[0] += 1
    await statuses.get(ONE)


async def test_an_outage_is_logged_once_a_question_however_many_poll(
    statuses: UpstreamStatuses, network: Network
) -> None:
    network.error = UpstreamError("down", status="UNAVAILABLE")
    with capture_logs() as lines:
        polls = (statuses.get(ONE, about="req_1") for _ in range(9))
        await asyncio.gather(*polls, return_exceptions=True)
        with pytest.raises(UpstreamError):
            await statuses.get(ONE)
    (line,) = lines
    assert (line["event"], line["request"]) == ("status_unknown", "req_1")


async def test_the_network_s_name_of_a_request_is_in_no_log(
    statuses: UpstreamStatuses, network: Network
) -> None:
    network.error = UpstreamError("down", status="UNAVAILABLE")
    with capture_logs() as lines, pytest.raises(UpstreamError):
        await statuses.get(ONE)
    assert ONE.hex() not in str(lines)
    assert repr(ONE) not in str(lines)


async def test_an_answer_that_makes_no_sense_is_an_error(
    statuses: UpstreamStatuses, network: Network
) -> None:
    network.answer = b"\xff"
    with pytest.raises(BadReply):
        await statuses.get(ONE)


async def test_what_was_heard_last_can_be_looked_at(
    statuses: UpstreamStatuses, network: Network
) -> None:
    assert statuses.peek(ONE) is None
    heard = await statuses.get(ONE)
    assert statuses.peek(ONE) is heard


async def test_what_is_known_to_be_out_of_date_is_asked_for_anew(
    statuses: UpstreamStatuses, network: Network
) -> None:
    await statuses.get(ONE)
    statuses.forget(ONE)
    await statuses.get(ONE)
    assert network.asked == [ONE, ONE]
