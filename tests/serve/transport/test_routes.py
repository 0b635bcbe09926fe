"""Which path leads where."""

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sp1tee.errors import (
    BlobErased,
    LeaseLost,
    Refusal,
    Sp1teeError,
    StoreError,
    StoreFull,
    UploadRefused,
)
from sp1tee.serve.http import Exchange
from sp1tee.serve.http_status import http_status
from sp1tee.serve.routes import Route, find

ROUTES = (
    Route("/health", {}),
    Route("/proofs/{token}", {}),
    Route("/evidences/{path...}", {}),
)


@pytest.mark.parametrize(
    ("path", "template", "parameters"),
    [
        ("/health", "/health", {}),
        ("/proofs/abc", "/proofs/{token}", {"token": "abc"}),
        ("/proofs/", "/proofs/{token}", {"token": ""}),
        ("/evidences/a", "/evidences/{path...}", {"path": "a"}),
        ("/evidences/a/b/c", "/evidences/{path...}", {"path": "a/b/c"}),
    ],
)
def test_a_path_finds_its_route(path: str, template: str, parameters: dict[str, str]):
    found = find(ROUTES, path)
    assert found is not None
    assert (found[0].template, found[1]) == (template, parameters)


@pytest.mark.parametrize("path", ["", "/", "/healthy", "/health/", "/proofs", "/proofs/a/b", "*"])
def test_other_paths_find_nothing(path: str):
    assert find(ROUTES, path) is None


@given(st.text())
def test_any_path_finds_a_route_or_nothing(path: str):
    found = find(ROUTES, path)
    assert found is None or found[0] in ROUTES


@given(st.binary(max_size=200))
def test_any_query_has_a_token_or_none(query: bytes):
    exchange = Exchange({"query_string": query}, _never, _never, "1")
    token = exchange.query("token")
    assert token is None or isinstance(token, str)


async def _never(*_: Any) -> Any:
    raise AssertionError


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (UploadRefused("x"), 403),
        (LeaseLost("x"), 410),
        (BlobErased("x"), 410),
        (StoreFull("x"), 507),
        (StoreError("x"), 500),
        (Sp1teeError("x"), 500),
    ],
)
def test_an_error_has_one_http_status(error: Sp1teeError, status: int):
    assert http_status(error) == status


def test_no_refusal_looks_like_a_failure_of_the_server():
    todo: list[Any] = [Refusal]
    while todo:
        kind = todo.pop()
        todo.extend(kind.__subclasses__())
        with contextlib.suppress(TypeError):  # some want more than a text
            assert http_status(kind("x")) != 500
