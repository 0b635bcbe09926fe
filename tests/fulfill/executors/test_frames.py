"""The bytes between an executor and the process that runs a guest."""

from io import BytesIO
from struct import pack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sp1tee.fulfill.executors import MAX_PRINTED, frames
from sp1tee.fulfill.executors.elf import REFUSALS
from sp1tee.fulfill.executors.frames import Allowance, FrameError, Job, OutOfMemory, Refused
from sp1tee.fulfill.executors.outcome import MAX_PUBLIC_VALUES, Outcome, Reason
from sp1tee.wire.versions import Family

HEADER = "<BBqQQIH"

jobs = st.builds(
    Job,
    st.sampled_from(Family),
    st.none() | st.integers(0, (1 << 64) - 2),
    st.integers(0, (1 << 64) - 1),
    st.binary(max_size=100),
    st.lists(st.binary(max_size=30), max_size=5).map(tuple),
)
clean = st.builds(
    Outcome,
    st.none(),
    st.just(0),
    st.just(0),
    st.integers(0, (1 << 64) - 1),
    st.binary(max_size=50),
    st.binary(max_size=MAX_PRINTED),
)
failed = st.builds(
    Outcome,
    st.sampled_from(Reason),
    st.integers(0, (1 << 64) - 1),
    st.none() | st.integers(0, (1 << 32) - 1),
    st.integers(0, (1 << 64) - 1),
    st.binary(max_size=50),
    st.binary(max_size=MAX_PRINTED),
)


def decode(data: bytes) -> frames.Result:
    header, body = data[: frames.RESULT_HEADER_SIZE], data[frames.RESULT_HEADER_SIZE :]
    assert frames.body_size(header) == len(body)
    return frames.decode_result(header, body)


@given(jobs)
def test_a_job_arrives_as_it_was_sent(job: Job):
    stream = BytesIO(b"".join(frames.encode_job(job)))

    assert frames.read_job(stream.read) == job
    assert not stream.read()


@given(st.builds(Allowance, st.integers(0, (1 << 64) - 1), st.integers(0, (1 << 64) - 1)))
def test_an_allowance_arrives_as_it_was_sent(allowance: Allowance):
    assert frames.read_allowance(BytesIO(frames.encode_allowance(allowance)).read) == allowance


def test_the_layout_of_a_job():
    job = Job(Family.V6, None, 3, b"elf", (b"a", b"bc"))

    assert b"".join(frames.encode_job(job)) == (
        pack("<BQQQI", 6, (1 << 64) - 1, 3, 3, 2) + pack("<QQ", 1, 2) + b"elfabc"
    )


def test_a_limit_that_no_run_reaches_is_none():
    job = Job(Family.V5, 1 << 70, 0, b"", ())

    assert frames.read_job(BytesIO(b"".join(frames.encode_job(job))).read).cycles is None


@given(clean | failed)
def test_an_outcome_arrives_as_it_was_sent(outcome: Outcome):
    assert decode(frames.encode_result(outcome)) == outcome


@pytest.mark.parametrize("text", REFUSALS)
def test_a_refusal_arrives_with_its_text(text: str):
    assert decode(frames.encode_result(Refused(text))) == Refused(text)


def test_running_out_of_memory_arrives():
    assert decode(frames.encode_result(OutOfMemory())) == OutOfMemory()


@pytest.mark.parametrize(
    "header",
    [
        pytest.param((3, 0, -1, 0, 0, 0, 0), id="an unknown verdict"),
        pytest.param((0, 200, 0, 0, 0, 0, 0), id="an unknown reason"),
        pytest.param((0, 0, 1, 0, 0, 0, 0), id="a clean end with another exit code"),
        pytest.param((0, 0, -1, 0, 0, 0, 0), id="a clean end without an exit code"),
        pytest.param((0, 1, 1 << 32, 0, 0, 0, 0), id="an exit code of more than 32 bits"),
        pytest.param((0, 1, -2, 0, 0, 0, 0), id="a negative exit code"),
        pytest.param((1, 255, -1, 0, 0, 0, 0), id="an unknown refusal"),
        pytest.param((0, 0, 0, 0, 0, 1, 0), id="public values that are missing"),
        pytest.param((0, 0, 0, 0, 0, 0, 1), id="words that are missing"),
    ],
)
def test_a_lie_is_refused(header: tuple[int, ...]):
    with pytest.raises(FrameError):
        frames.decode_result(pack(HEADER, *header), b"")


@pytest.mark.parametrize("verdict", [1, 2])
@pytest.mark.parametrize("sizes", [(1, 0), (0, 1)], ids=["public values", "words"])
def test_only_a_run_leaves_something_behind(verdict: int, sizes: tuple[int, int]):
    with pytest.raises(FrameError):
        frames.decode_result(pack(HEADER, verdict, 0, -1, 0, 0, *sizes), b"x")


@pytest.mark.parametrize("sizes", [(MAX_PUBLIC_VALUES + 1, 0), (0, MAX_PRINTED + 1)])
def test_nothing_is_awaited_beyond_its_cap(sizes: tuple[int, int]):
    with pytest.raises(FrameError):
        frames.body_size(pack(HEADER, 0, 0, 0, 0, 0, *sizes))


@given(st.binary(min_size=frames.RESULT_HEADER_SIZE, max_size=frames.RESULT_HEADER_SIZE))
def test_arbitrary_bytes_are_a_result_or_refused(header: bytes):
    try:
        size = frames.body_size(header)
        result = frames.decode_result(header, bytes(min(size, 100)))
    except FrameError:
        return
    if isinstance(result, Outcome):
        assert result.text == "" if result.reason is None else result.text.endswith(".")


@given(failed)
def test_every_reason_has_a_cause_and_a_sentence_of_one_line(outcome: Outcome):
    assert outcome.cause is not None
    assert outcome.text.endswith(".")
    assert outcome.text.isascii()
    assert "\n" not in outcome.text


def test_private_bytes_show_in_no_repr():
    private = b"SECRET"
    job = Job(Family.V6, None, 0, private, (private,))
    outcome = Outcome(None, 0, 0, 1, private, private)

    assert "SECRET" not in repr(job) + repr(outcome)
