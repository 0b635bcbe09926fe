"""The table of known images."""

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import event_logs

from sp1tee.errors import EvidenceMalformed, EvidenceTooLarge, VerifyError
from sp1tee.verify.osimage import LIMIT, load_table

ENTRY = {
    "name": "mine",
    "dev": False,
    "mrtd": ["00" * 48],
    "rtmr1": ["11" * 48],
    "rtmr2": "22" * 48,
    "source": "built here",
}


def table(*images: dict[str, Any], **more: Any) -> bytes:
    return json.dumps({"schema": "sp1tee.os-images.v1", "images": list(images), **more}).encode()


def test_the_shipped_table_holds_the_published_measurements_and_nothing_else() -> None:
    known = {image.name: image for image in load_table(None).images}
    assert known.keys() == {"dstack-0.5.8", "dstack-dev-0.5.8"}
    for name, file in (
        ("dstack-0.5.8", "near-mpc-tcb_info"),
        ("dstack-dev-0.5.8", "near-mpc-tcb_info_dev"),
    ):
        published = event_logs.load(f"os-measurements/{file}.json")
        image = known[name]
        assert image.mrtd == (published["mrtd"],)
        assert image.rtmr1 == (published["rtmr1"],)
        assert image.rtmr2 == published["rtmr2"]
        assert image.os_image_hash == published["os_image_hash"]
        assert image.dev == name.startswith("dstack-dev")
        assert image.source


def test_a_table_of_ones_own_is_read() -> None:
    [image] = load_table(table(ENTRY | {"mrtd": ["0x" + "AA" * 48, "bb" * 48]})).images
    assert image.mrtd == ("aa" * 48, "bb" * 48)
    assert image.version is None
    assert image.os_image_hash is None


def test_an_empty_table_knows_nothing() -> None:
    assert load_table(table()).images == ()


@pytest.mark.parametrize(
    "change",
    [
        {"name": ""},
        {"name": 3},
        {"dev": "no"},
        {"dev": 0},
        {"mrtd": "00" * 48},
        {"mrtd": []},
        {"mrtd": ["00" * 47]},
        {"mrtd": ["00" * 48] * 17},
        {"rtmr1": ["zz" * 48]},
        {"rtmr2": None},
        {"os_image_hash": "00"},
        {"source": ""},
        {"rtmr0": "00" * 48},
    ],
    ids=str,
)
def test_an_entry_of_another_form_is_refused_and_named(change: dict[str, Any]) -> None:
    with pytest.raises(EvidenceMalformed, match=rf"images\.0\.{next(iter(change))}"):
        load_table(table(ENTRY | change))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"{}",
        table(schema="sp1tee.os-images.v2"),
        table(more=1),
        table(ENTRY, ENTRY),
        table(ENTRY).replace(b'"dev"', b'"dev": true, "dev"'),
        b"\xff",
    ],
    ids=["empty", "list", "object", "version", "more", "twice", "key twice", "bytes"],
)
def test_what_is_no_table_is_refused(data: bytes) -> None:
    with pytest.raises(EvidenceMalformed):
        load_table(data)


def test_a_huge_table_is_refused() -> None:
    with pytest.raises(EvidenceTooLarge):
        load_table(b" " * (LIMIT + 1))


@settings(max_examples=100, deadline=None)
@given(
    st.binary(max_size=200)
    | st.dictionaries(
        st.sampled_from([*ENTRY, "schema", "images", "version", "os_image_hash"]),
        st.none() | st.booleans() | st.integers() | st.text() | st.lists(st.text()),
    ).map(lambda change: table(ENTRY | change, **change))
)
def test_whatever_is_read_only_documented_errors_come_out(data: bytes) -> None:
    with contextlib.suppress(VerifyError):
        load_table(data)
