"""What holds as a proof in a chaos run, so that a lie of the prover's is one."""

from chaos.proofs import Marker, mock, public_values, revealed_by, sealed, why_not

VALUES = public_values(1_000_007)


def test_what_the_stand_in_and_the_mock_make_holds() -> None:
    assert why_not(sealed(VALUES), VALUES) == ""
    assert why_not(mock(VALUES), VALUES) == ""


def test_lies_do_not_hold() -> None:
    assert why_not(sealed(VALUES, seal=bytes(32)), VALUES)
    assert why_not(sealed(public_values(0)), VALUES)
    assert why_not(mock(public_values(0)), VALUES)
    assert why_not(b"\xff" * 64, VALUES)


def test_an_input_reveals_its_amount_and_carries_the_marker() -> None:
    marker = Marker.new()
    encoded = marker.input(1_000_007).encode()
    assert revealed_by(encoded) == VALUES
    assert marker.balances in encoded
    assert marker.balances.hex() not in repr(marker)
