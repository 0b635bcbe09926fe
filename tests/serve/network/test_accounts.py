"""Who may call: signatures over the bytes that came, the allow-list, the bearer token."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.serving import ALICE, BOB, proof_body, sealed

from sp1tee.errors import BadSignature, MalformedCall, NotAllowed, NotAuthorized, Refusal
from sp1tee.serve.accounts import Accounts
from sp1tee.wire.pb import types_pb2

BODY = proof_body("http://prover.test/artifacts/stdin/x")
TOKEN = "correct-horse-battery-staple"


def envelope(**changes: object) -> bytes:
    fields = {"format": types_pb2.BINARY, "signature": ALICE.sign(BODY), "body": BODY}
    return types_pb2.SignedRequest(**(fields | changes)).SerializeToString()


def test_the_signer_is_named() -> None:
    call = Accounts().signed(sealed(ALICE, BODY))
    assert (call.signer, call.body) == (ALICE.address, BODY)


def test_the_envelope_goes_on_as_it_came() -> None:
    came = sealed(ALICE, BODY)
    assert Accounts().signed(came).envelope() == came


def test_fields_around_the_envelope_do_not_go_on() -> None:
    came = sealed(ALICE, BODY)
    assert Accounts().signed(came + b"\x7a\x03odd").envelope() == came


def test_the_signature_covers_a_body_that_is_not_canonical() -> None:
    odd = BODY + b"\x08\x05"  # field 1 once more, which another encoder would drop
    assert Accounts().signed(sealed(ALICE, odd)).body == odd


def test_another_signer_is_named_when_a_byte_changes() -> None:
    changed = bytearray(BODY)
    changed[-1] ^= 1
    call = Accounts().signed(envelope(body=bytes(changed)))
    assert call.signer != ALICE.address


@pytest.mark.parametrize("signature", [b"", bytes(64), bytes(66), bytes(65), b"\xff" * 65])
def test_a_bad_signature_is_refused(signature: bytes) -> None:
    with pytest.raises(BadSignature):
        Accounts().signed(envelope(signature=signature))


def test_a_signature_over_json_is_refused() -> None:
    with pytest.raises(MalformedCall, match="BINARY"):
        Accounts().signed(envelope(format=types_pb2.JSON))


def test_an_envelope_without_a_body_is_refused() -> None:
    with pytest.raises(MalformedCall, match="missing"):
        Accounts().signed(envelope(body=b""))


def test_an_account_that_is_not_on_the_allow_list_is_refused_by_name() -> None:
    with pytest.raises(NotAllowed, match="0x"):
        Accounts([BOB.address]).signed(sealed(ALICE, BODY))


def test_an_account_on_the_allow_list_is_served() -> None:
    assert Accounts([ALICE.address]).signed(sealed(ALICE, BODY)).signer == ALICE.address


def test_the_sdk_signs_create_artifact_with_its_own_v() -> None:
    signature = ALICE.sign_create_artifact()
    assert signature[-1] in (54, 55)
    assert Accounts().artifact_owner(signature) == ALICE.address


def test_without_a_token_configured_none_is_asked_for() -> None:
    Accounts().authorize([])


@pytest.mark.parametrize(
    "metadata",
    [
        [],
        None,
        [("authorization", TOKEN)],
        [("authorization", f"Basic {TOKEN}")],
        [("authorization", "Bearer ")],
        [("authorization", f"Bearer {TOKEN}x")],
        [("authorization-bin", b"x")],
        [("authorization", b"Bearer x")],
    ],
)
def test_a_missing_or_wrong_token_is_refused(metadata: list[tuple[str, str]] | None) -> None:
    with pytest.raises(NotAuthorized) as refused:
        Accounts(bearer_token=TOKEN).authorize(metadata)
    assert TOKEN not in str(refused.value)


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_the_right_token_passes(scheme: str) -> None:
    Accounts(bearer_token=TOKEN).authorize([("authorization", f"{scheme} {TOKEN}")])


@given(st.binary(max_size=300))
def test_any_envelope_is_opened_or_refused(data: bytes) -> None:
    with contextlib.suppress(Refusal):
        Accounts().signed(data)


@given(st.binary(max_size=80))
def test_any_artifact_signature_names_somebody_or_is_refused(data: bytes) -> None:
    with contextlib.suppress(BadSignature):
        Accounts().artifact_owner(data)
