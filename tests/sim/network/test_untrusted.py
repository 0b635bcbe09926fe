"""Whatever arrives over HTTP is answered; nothing of it breaks a page."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from support.network_peer import Clock

from sp1tee.sim.network.faults import FAULT, Faults
from sp1tee.sim.network.http import Exchange
from sp1tee.sim.network.object_pages import ObjectPages
from sp1tee.sim.network.objects import ObjectStore

pytestmark = pytest.mark.anyio

KEY = "programs/artifact_x"
ANSWERS = {
    HTTPStatus.OK,
    HTTPStatus.PARTIAL_CONTENT,
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.FORBIDDEN,
    HTTPStatus.NOT_FOUND,
    HTTPStatus.METHOD_NOT_ALLOWED,
    HTTPStatus.LENGTH_REQUIRED,
    HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE,
}

ranges = st.one_of(st.text(max_size=40), st.from_regex(r"bytes=[0-9]*-[0-9]*", fullmatch=True))


async def body() -> Mapping[str, Any]:
    return {"type": "http.request", "body": b"content", "more_body": False}


def pages() -> ObjectPages:
    store = ObjectStore("bucket", ttl_s=60, clock=Clock())
    store.put(KEY, b"some bytes")
    return ObjectPages(store, Faults(), max_bytes=100)


@given(
    method=st.sampled_from(["GET", "HEAD", "PUT", "POST", "x"]),
    key=st.one_of(st.just(KEY), st.text(max_size=60)),
    query=st.one_of(st.binary(max_size=80), st.just(b"X-Sim-Expires=%C3%A9&X-Sim-Signature=1")),
    wanted=ranges,
)
async def test_any_request_for_an_object_is_answered(
    method: str, key: str, query: bytes, wanted: str
):
    headers = [(b"content-length", b"7"), (b"range", wanted.encode("utf-8", "replace"))]
    scope = {"method": method, "path": f"/{key}", "query_string": query, "headers": headers}
    reply = await pages().answer(Exchange(scope, body), key)
    assert reply.status in ANSWERS


@given(st.one_of(st.binary(max_size=200), st.text(max_size=200).map(str.encode)))
def test_any_bytes_are_a_fault_or_refused(data: bytes):
    with pytest.raises(ValidationError):
        FAULT.validate_json(data)
