"""Whoever keeps evidence can change it, and the digests in its manifest with it.

What nobody signed may change; what is called attested may not, whatever is done to any byte, and
nothing passes for another host, guest or application than the one that was collected.
"""

import json
from functools import cache
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.bundles import AT, findings, genuine, opened, unmet

from sp1tee.errors import BundleError
from sp1tee.verify.checks import Findings
from sp1tee.verify.evidence import Bundle
from sp1tee.verify.facts import Basis
from sp1tee.verify.report import assemble
from sp1tee.verify.verdict import Verdict

PATHS = sorted(genuine().bodies)
SIGNED = ("ingress/0", "ingress/1", "ingress/2", "ingress/3", "collateral.json", "info.json")
"""What the quote and Intel's signatures bind, or what has to hash to it."""
LEAVES: st.SearchStrategy[Any] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-1, 2**33),
    st.sampled_from(["", "00", "kms", "UpToDate", "[]", "{}", "2026-01-01T00:00:00Z"]),
    st.text(max_size=8),
)
QUICK = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


def attested(found: Findings) -> dict[str, str]:
    return {
        fact.name: json.dumps(fact.value, sort_keys=True)
        for fact in found.facts
        if fact.basis is Basis.ATTESTED
    }


@cache
def original() -> dict[str, str]:
    return attested(findings(genuine()))


def with_body(path: str, body: bytes) -> Bundle:
    return opened(json.loads(genuine().text), {**genuine().bodies, path: body})


def holds(bundle: Bundle) -> Findings:
    """Appraise, and see that everything attested is what was attested of the untouched evidence."""
    found = findings(bundle)
    told = attested(found)
    assert told.items() <= original().items()
    report = assemble("a host", found, at=AT)
    assert (report.verdict is Verdict.PASS) == (not unmet(found))
    if report.verdict is Verdict.PASS:
        assert told == original()
    return found


@st.composite
def altered(draw: st.DrawFn, body: bytes) -> bytes:
    """Flip a bit, put something in, take something out, or say something twice."""
    at = draw(st.integers(0, max(len(body) - 1, 0)))
    size = draw(st.integers(1, 64))
    match draw(st.sampled_from(["flip", "flip", "flip", "insert", "cut", "repeat", "end"])):
        case "flip":
            changed = bytes([body[at] ^ (1 << draw(st.integers(0, 7)))]) if body else b""
            return body[:at] + changed + body[at + 1 :]
        case "insert":
            return body[:at] + draw(st.binary(min_size=1, max_size=8)) + body[at:]
        case "cut":
            return body[:at] + body[at + size :]
        case "repeat":
            return body[: at + size] + body[at:]
        case _:
            return body[:at]


@settings(QUICK, max_examples=100)
@given(st.data())
def test_no_changed_byte_changes_what_is_attested(data: st.DataObject) -> None:
    path = data.draw(st.sampled_from(PATHS))
    holds(with_body(path, data.draw(altered(genuine().bodies[path]))))


@settings(QUICK, max_examples=100)
@given(st.data())
def test_no_changed_byte_of_what_is_bound_changes_what_is_attested(data: st.DataObject) -> None:
    path = data.draw(st.sampled_from(SIGNED))
    holds(with_body(path, data.draw(altered(genuine().bodies[path]))))


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """List where something stands in a JSON value, JSON inside texts included."""
    value = inner(value)
    if isinstance(value, dict):
        return [
            place
            for key, each in value.items()
            for place in ((*path, key), *places(each, (*path, key)))
        ]
    if isinstance(value, list):
        return [
            place
            for at, each in enumerate(value)
            for place in ((*path, at), *places(each, (*path, at)))
        ]
    return []


def inner(value: Any) -> Any:
    """Open a text that holds JSON."""
    if isinstance(value, str) and value[:1] in {"{", "["}:
        return json.loads(value)
    return value


def put(value: Any, path: tuple[Any, ...], new: Any, *, gone: bool) -> Any:
    """Put something in a place, or take away what is there; texts that hold JSON stay texts."""
    opened_ = inner(value)
    key, *rest = path
    if rest:
        opened_[key] = put(opened_[key], tuple(rest), new, gone=gone)
    elif gone:
        del opened_[key]
    else:
        opened_[key] = new
    return json.dumps(opened_, separators=(",", ":")) if isinstance(value, str) else opened_


@pytest.mark.parametrize("path", [path for path in SIGNED if genuine().bodies[path][:1] == b"{"])
@settings(QUICK, max_examples=60)
@given(data=st.data())
def test_no_other_value_in_a_document_changes_what_is_attested(
    path: str, data: st.DataObject
) -> None:
    document = json.loads(genuine().bodies[path])
    place = data.draw(st.sampled_from(places(document)))
    changed = put(document, place, data.draw(LEAVES), gone=data.draw(st.booleans()))
    holds(with_body(path, json.dumps(changed).encode()))


@settings(QUICK, max_examples=100)
@given(st.data())
def test_no_other_manifest_changes_what_is_attested(data: st.DataObject) -> None:
    manifest = json.loads(genuine().text)
    del manifest["files"]
    place = data.draw(st.sampled_from(places(manifest)))
    other = st.one_of(LEAVES, st.sampled_from(PATHS))
    changed = put(manifest, place, data.draw(other), gone=data.draw(st.booleans()))
    try:
        bundle = opened(changed, genuine().bodies)
    except BundleError:
        return
    holds(bundle)


@settings(QUICK, max_examples=60)
@given(st.data())
def test_no_exchanged_bodies_change_what_is_attested(data: st.DataObject) -> None:
    one, other = data.draw(st.sampled_from(PATHS)), data.draw(st.sampled_from(PATHS))
    bodies = genuine().bodies
    swapped = {**bodies, one: bodies[other], other: bodies[one]}
    holds(opened(json.loads(genuine().text), swapped))
