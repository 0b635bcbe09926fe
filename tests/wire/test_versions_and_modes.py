"""Circuit versions and proof modes."""

import pytest

from sp1tee.errors import ModeError, VersionError
from sp1tee.wire.modes import Mode
from sp1tee.wire.versions import SUPPORTED, Family, latest, parse_circuit, parse_version


@pytest.mark.parametrize(
    ("text", "family", "circuit"),
    [
        ("sp1-v5.0.0", Family.V5, "v5.0.0"),
        ("sp1-v6.0.0", Family.V6, "v6.0.0"),
        ("sp1-v6.1.0", Family.V6, "v6.1.0"),
    ],
)
def test_the_versions_in_the_field_are_known(text: str, family: Family, circuit: str) -> None:
    version = parse_version(text)
    assert (version.text, version.family, version.circuit) == (text, family, circuit)
    assert parse_circuit(circuit) is version
    assert version in SUPPORTED
    assert str(version) == text


@pytest.mark.parametrize(
    "text", ["", "v6.1.0", "sp1-v6.1", "sp1-v7.0.0", "sp1-v4.0.0", "SP1-V6.1.0"]
)
def test_an_unknown_version_is_refused_and_the_known_ones_are_named(text: str) -> None:
    with pytest.raises(VersionError) as caught:
        parse_version(text)
    assert "sp1-v5.0.0, sp1-v6.0.0, sp1-v6.1.0" in caught.value.advice


def test_the_newest_version_of_each_family_is_what_current_sdks_use() -> None:
    assert [latest(family).circuit for family in Family] == ["v5.0.0", "v6.1.0"]


def test_modes_have_the_networks_numbers_and_the_proofs_variants() -> None:
    assert [(str(m), int(m), m.variant) for m in Mode] == [
        ("core", 1, 0),
        ("compressed", 2, 1),
        ("plonk", 3, 2),
        ("groth16", 4, 3),
    ]


def test_modes_are_read_by_name_and_by_number() -> None:
    assert Mode.parse("Groth16") is Mode.from_wire(4) is Mode.GROTH16
    assert [m for m in Mode if m.is_snark] == [Mode.PLONK, Mode.GROTH16]


@pytest.mark.parametrize("number", [0, 5, -1])
def test_an_unknown_mode_is_refused_and_the_known_ones_are_named(number: int) -> None:
    with pytest.raises(ModeError) as caught:
        Mode.from_wire(number)
    assert "core (1), compressed (2), plonk (3), groth16 (4)" in caught.value.advice
    with pytest.raises(ModeError):
        Mode.parse("stark")
