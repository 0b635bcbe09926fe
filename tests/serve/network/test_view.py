"""What is polled is kept in memory, as new as the store's last change."""

from pathlib import Path
from typing import Any

import pytest
from support.serving import record

from sp1tee.errors import NoProof, NoSuchRequest
from sp1tee.serve.view import StatusView
from sp1tee.store.records import RequestRecord, State
from sp1tee.wire.pb import types_pb2

pytestmark = pytest.mark.anyio


class Store:
    """Hands out records and tells of changes."""

    def __init__(self) -> None:
        self.records: dict[bytes, RequestRecord] = {}
        self.asked = 0
        self.tell: Any = None

    @property
    def requests(self) -> "Store":
        return self

    def subscribe(self, listener: Any) -> Any:
        self.tell = listener
        return lambda: setattr(self, "tell", None)

    async def get(self, request_id: bytes) -> RequestRecord | None:
        self.asked += 1
        return self.records.get(request_id)


@pytest.fixture
def store() -> Store:
    return Store()


def view_of(store: Any, **options: Any) -> StatusView:
    return StatusView(store, proof_base="http://prover.test/proofs/", **options)


def request_id(number: int) -> bytes:
    return bytes([number]) * 32


async def shown(view: StatusView, asked: bytes) -> types_pb2.GetProofRequestStatusResponse:
    return types_pb2.GetProofRequestStatusResponse.FromString((await view.reply(asked)).encoded)


async def test_a_change_is_shown_without_asking_the_store(store: Store) -> None:
    view = view_of(store)
    store.tell(record(state=State.QUEUED))
    assert (await shown(view, record().request_id)).fulfillment_status == types_pb2.ASSIGNED
    store.tell(record(state=State.SETTLED, proof_token="t"))
    assert (await shown(view, record().request_id)).proof_uri == "http://prover.test/proofs/t"
    assert store.asked == 0


async def test_a_reply_is_encoded_once_per_change(store: Store) -> None:
    view = view_of(store)
    store.tell(record())
    first = await view.reply(record().request_id)
    assert await view.reply(record().request_id) is first
    store.tell(record())
    assert await view.reply(record().request_id) is not first


async def test_what_is_not_in_memory_is_read_once(store: Store) -> None:
    view = view_of(store)
    store.records[record().request_id] = record()
    for _ in range(3):
        await view.reply(record().request_id)
    assert store.asked == 1


async def test_an_unknown_request_is_not_remembered(store: Store) -> None:
    view = view_of(store)
    for _ in range(2):
        with pytest.raises(NoSuchRequest):
            await view.reply(request_id(9))
    assert store.asked == 2


async def test_a_change_during_a_look_up_wins(store: Store) -> None:
    view = view_of(store)
    newer = record(state=State.SETTLED)

    async def slow(asked: bytes) -> RequestRecord:
        store.tell(newer)
        return record(state=State.QUEUED)

    store.get = slow  # type: ignore[method-assign]
    assert await view.find(record().request_id) is newer


async def test_memory_is_bounded_and_the_least_used_goes_first(store: Store) -> None:
    view = view_of(store, capacity=2)
    for number in (1, 2):
        store.tell(record(request_id=request_id(number)))
    await view.reply(request_id(1))
    store.tell(record(request_id=request_id(3)))
    await view.reply(request_id(1))
    assert store.asked == 0
    with pytest.raises(NoSuchRequest):
        await view.reply(request_id(2))


async def test_an_intent_without_an_id_is_not_shown(store: Store) -> None:
    view_of(store)
    store.tell(record(request_id=None))


async def test_failures_are_errors_where_text_is_wanted(store: Store) -> None:
    view = view_of(store, text_replies=True)
    store.tell(record(state=State.FAILED, text="It ran out of cycles."))
    with pytest.raises(NoProof, match="out of cycles"):
        await view.reply(record().request_id)


async def test_a_closed_view_listens_no_more(store: Store, tmp_path: Path) -> None:
    view_of(store).close()
    assert store.tell is None
