"""The bytes between a worker and SP1's own programs."""

import struct
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.gpu_server import OURS, counted, info, u32

from sp1tee.errors import NativeGarbled
from sp1tee.native import frames
from sp1tee.native.frames import (
    Done,
    Executed,
    Failed,
    Info,
    Proved,
    RunOutcome,
    SetUp,
    Verified,
    decode_answer,
)
from sp1tee.wire.modes import Mode

KEY = b"\x07" * 32


def u64(number: int) -> bytes:
    return struct.pack("<Q", number)


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        pytest.param(frames.setup(b"ELF"), u32(0) + counted(b"ELF"), id="setup"),
        pytest.param(
            frames.prove(Mode.COMPRESSED, KEY, b"stdin"),
            u32(1) + u32(2) + KEY + b"stdin" + bytes(16),
            id="prove",
        ),
        pytest.param(frames.destroy(KEY), u32(2) + KEY, id="destroy"),
        pytest.param(frames.info(), u32(OURS), id="info"),
        pytest.param(
            frames.execute(b"ELF", b"stdin", cycles=10, gas=None, milliseconds=30),
            u32(OURS + 1) + u64(10) + u64(2**64 - 1) + u64(30) + counted(b"ELF") + b"stdin",
            id="execute",
        ),
        pytest.param(
            frames.verify(b"vk", b"values", b"proof"),
            u32(OURS + 2) + counted(b"vk") + counted(b"values") + b"proof",
            id="verify",
        ),
    ],
)
def test_the_layout_of_every_request(parts: frames.Parts, expected: bytes):
    assert b"".join(parts) == expected
    assert frames.length(parts) == len(expected)


RUN = u32(1) + u32(5) + u64(0) + u64(9) + u64(8) + counted(b"pv")
TEXTS = counted(b"too long") + counted(b"out") + counted("é".encode())


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (u32(0), Done()),
        (u32(1) + KEY + b"vk", SetUp(KEY, b"vk")),
        (u32(2) + b"proof", Proved(b"proof")),
        (u32(3) + counted(b"why"), Failed(proving=True, text="why")),
        (u32(4) + counted(b"why"), Failed(proving=False, text="why")),
        (u32(5), Failed(proving=False, text="The connection is closed.")),
        (
            info(1, 2),
            Info(
                "sp1tee-prover",
                "0.1.0",
                "6.10.0",
                "v6.1.0",
                frozenset({Mode.CORE, Mode.COMPRESSED}),
                "NAME=value\n",
            ),
        ),
        (
            u32(OURS + 1) + RUN + TEXTS,
            Executed(RunOutcome.FAILED, 5, 0, 9, 8, b"pv", "too long", "out", "é"),
        ),
        (u32(OURS + 2) + u32(0) + counted(b""), Verified("")),
        (u32(OURS + 2) + u32(1) + counted(b"no"), Verified("no")),
    ],
)
def test_every_answer_is_read(body: bytes, expected: frames.Answer):
    assert decode_answer(body) == expected


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"\0\0\0", id="half a tag"),
        pytest.param(u32(0) + b"x", id="more than asked"),
        pytest.param(u32(6), id="an unknown tag"),
        pytest.param(u32(OURS + 3), id="an unknown tag of ours"),
        pytest.param(u32(1) + KEY[1:], id="a short key"),
        pytest.param(u32(1) + KEY + bytes(1 << 17), id="an endless verifying key"),
        pytest.param(u32(3) + u64(2**64 - 1) + b"x", id="a huge text"),
        pytest.param(u32(3) + counted(bytes(1 << 17)), id="a long text"),
        pytest.param(u32(4) + counted(b"\xff"), id="a text that is none"),
        pytest.param(info(1, 9), id="a mode that does not exist"),
        pytest.param(info(1, 2, 3, 4, 1), id="too many modes"),
        pytest.param(u32(OURS + 1) + u32(3) + RUN[4:] + TEXTS, id="an unknown outcome"),
        pytest.param(u32(OURS + 2) + u32(1) + counted(b""), id="refuted without a reason"),
        pytest.param(u32(OURS + 2) + u32(0) + counted(b"no"), id="holds with a reason"),
        pytest.param(u32(OURS + 2) + u32(2) + counted(b"no"), id="neither true nor false"),
    ],
)
def test_what_is_no_answer_is_refused(body: bytes):
    with pytest.raises(NativeGarbled):
        decode_answer(body)


tags = st.sampled_from([0, 1, 2, 3, 4, 5, 6, OURS, OURS + 1, OURS + 2, OURS + 3]).map(u32)


@given(st.binary(max_size=300) | st.tuples(tags, st.binary(max_size=300)).map(b"".join))
def test_any_bytes_are_an_answer_or_garbled(body: bytes):
    with suppress(NativeGarbled):
        decode_answer(body)


def test_private_bytes_show_in_no_repr():
    run = Executed(RunOutcome.COMPLETED, 0, 0, 1, 1, b"SECRET", "", "SECRET", "SECRET")
    assert "SECRET" not in repr((run, Proved(b"SECRET"), Failed(proving=True, text="SECRET")))
