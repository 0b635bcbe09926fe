"""When to try again, in gRPC's own words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sp1tee.wire.retry_hint import LONGEST_S, decode_hint, encode_hint

# Written by Google's own classes (googleapis-common-protos 1.76.0): google.rpc.Status, code 8,
# "Full.", with a RetryInfo of 30.5 s; the same behind a DebugInfo; RetryInfo alone, of -5 and 10⁹ s.
TYPE = b"type.googleapis.com/google.rpc.RetryInfo".hex()
GOOGLE_S = bytes.fromhex(f"0808120546756c6c2e1a360a28{TYPE}120a0a08081e1080cab5ee01")
BEHIND_ANOTHER = bytes.fromhex(
    "0808120546756c6c2e1a3c0a28747970652e676f6f676c65617069732e636f6d2f676f6f676c652e7270632e4465"
    "627567496e666f1210120e736f6d657468696e6720656c7365"
    f"1a360a28{TYPE}120a0a08081e1080cab5ee01"
)
NEGATIVE = bytes.fromhex(f"1a390a28{TYPE}120d0a0b08fbffffffffffffffff01")
ENDLESS = bytes.fromhex(f"1a340a28{TYPE}12080a06088094ebdc03")
NO_DETAILS = bytes.fromhex("0808120546756c6c2e")


def test_it_is_written_as_google_s_own_classes_write_it() -> None:
    assert encode_hint(8, "Full.", 30.5) == GOOGLE_S


def test_what_google_s_own_classes_write_is_read() -> None:
    assert decode_hint(GOOGLE_S) == decode_hint(BEHIND_ANOTHER) == 30.5


@given(st.floats(0, LONGEST_S))
def test_every_hint_comes_back(seconds: float) -> None:
    assert decode_hint(encode_hint(8, "Full.", seconds)) == pytest.approx(seconds, abs=1e-8)


def test_a_hint_beyond_reason_is_bounded() -> None:
    assert decode_hint(NEGATIVE) == 0
    assert decode_hint(ENDLESS) == LONGEST_S


@pytest.mark.parametrize("data", [b"", NO_DETAILS, GOOGLE_S[:-3], GOOGLE_S + bytes(9000)])
def test_a_status_without_a_hint_has_none(data: bytes) -> None:
    assert decode_hint(data) is None


@given(st.binary(max_size=9000))
def test_any_bytes_are_a_hint_within_bounds_or_none(data: bytes) -> None:
    seconds = decode_hint(data)
    assert seconds is None or 0 <= seconds <= LONGEST_S
