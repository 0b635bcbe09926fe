"""A proof's claims against what was asked for, and whether anything stands behind them."""

import sys
from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import snarks
from support.snarks import Statement
from support.wire_data import SAMPLE_PUBLIC_VALUES, SAMPLE_VK_HASH, real_proof, sample

from sp1tee.errors import EvidenceMalformed
from sp1tee.verify.checks import Check, Findings, Status
from sp1tee.verify.facts import Basis
from sp1tee.verify.proof import RULES, examine, examining, read_key_file, read_program_key
from sp1tee.verify.verdict import Verdict, verdict
from sp1tee.wire.commitment import as_elements
from sp1tee.wire.keys import bytes32
from sp1tee.wire.mock_proof import mock_proof
from sp1tee.wire.modes import Mode
from sp1tee.wire.proof import Proof
from sp1tee.wire.versions import Family

KEY = read_program_key(SAMPLE_VK_HASH.hex())
OTHER_KEY = read_program_key("0x00" + "ab" * 31)


def check(findings: Findings, name: str) -> Check:
    return next(c for c in findings.checks if c.id == f"proof.{name}")


def statuses(findings: Findings) -> dict[str, str]:
    return {c.id.removeprefix("proof."): c.status.value for c in findings.checks}


def wrong(findings: Findings) -> set[str]:
    return {name for name, status in statuses(findings).items() if status in ("fail", "refused")}


our_circuit = pytest.mark.usefixtures("made_up_circuit")


def examined(proof: Proof, public_values: bytes | None = snarks.PUBLIC_VALUES) -> Findings:
    return examine(proof.encode_saved(), KEY, public_values)


@pytest.mark.parametrize("mode", ["core", "compressed"])
def test_the_claims_of_a_real_proof_fit_and_it_is_still_not_verified(mode: str):
    findings = examine(real_proof(mode), KEY, SAMPLE_PUBLIC_VALUES)

    assert not wrong(findings)
    assert check(findings, "cryptography").status is Status.UNEVALUABLE
    assert "nothing about this one was verified" in check(findings, "cryptography").summary
    assert verdict(findings.checks) is Verdict.UNEVALUABLE


def test_a_real_compressed_proof_says_everything():
    assert statuses(examine(real_proof("compressed"), KEY, SAMPLE_PUBLIC_VALUES)) == {
        **dict.fromkeys(["form", "genuine", "program", "public-values", "commitment"], "pass"),
        **dict.fromkeys(["exit-code", "complete", "circuits"], "pass"),
        "cryptography": "unevaluable",
    }


def test_a_core_proof_does_not_name_its_program():
    findings = examine(real_proof("core"), KEY, SAMPLE_PUBLIC_VALUES)

    assert check(findings, "program").status is Status.UNEVALUABLE
    assert check(findings, "circuits").status is Status.SKIPPED


def test_the_program_may_be_named_in_any_form():
    for text in (
        SAMPLE_VK_HASH.hex().upper(),
        "0x" + bytes32(SAMPLE_VK_HASH).hex(),
        sample("-vk.bin").hex(),
    ):
        findings = examine(real_proof("compressed"), read_program_key(text), None)
        assert check(findings, "program").status is Status.PASS


def test_another_program_fails_with_both_names():
    found = check(examine(real_proof("compressed"), OTHER_KEY, None), "program")

    assert found.status is Status.FAIL
    assert SAMPLE_VK_HASH.hex() in (found.actual or "")
    assert bytes32(SAMPLE_VK_HASH).hex() in (found.actual or "")


def test_other_public_values_fail():
    found = check(examine(real_proof("compressed"), KEY, b"other"), "public-values")

    assert (found.status, found.actual) == (Status.FAIL, SAMPLE_PUBLIC_VALUES.hex())


def test_public_values_that_nobody_asked_for_are_not_known_to_be_right():
    found = check(examine(real_proof("compressed"), KEY, None), "public-values")

    assert found.status is Status.SKIPPED


def test_a_truncated_proof_is_unevaluable():
    findings = examine(real_proof("compressed")[:-20], KEY, None)

    assert statuses(findings) == {"form": "unevaluable"}


@our_circuit
def test_a_valid_groth16_proof_passes_everything():
    findings = examined(snarks.proof())

    assert set(statuses(findings).values()) == {"pass"}
    assert verdict(findings.checks) is Verdict.PASS
    facts = {fact.name: fact for fact in findings.facts}
    assert facts["proof.vk_hash"].basis is Basis.ATTESTED
    assert facts["proof.public_values"].basis is Basis.ATTESTED


@our_circuit
def test_a_proof_of_another_statement_under_the_same_points_is_forged():
    points = snarks.points(Statement(nonce=1).inputs)

    findings = examined(snarks.proof(body=points))

    assert wrong(findings) == {"cryptography"}
    assert {fact.basis for fact in findings.facts} == {Basis.CLAIMED, Basis.COMPUTED}


@our_circuit
def test_points_that_are_none_are_forged():
    assert wrong(examined(snarks.proof(body=bytes(256)))) == {"cryptography"}
    assert wrong(examined(snarks.proof(body=b""))) == {"cryptography"}
    assert wrong(examined(replace(snarks.proof(), encoded_proof="zz"))) == {"cryptography"}


@our_circuit
def test_the_on_chain_form_must_state_the_same_inputs():
    heads = b"".join(map(snarks.number, Statement(nonce=7).inputs[2:]))

    found = check(examined(snarks.proof(heads=heads)), "cryptography")

    assert found.status is Status.FAIL
    assert "other public inputs" in found.summary


@our_circuit
def test_exchanged_public_values_beside_a_valid_proof_are_found():
    findings = examined(snarks.proof(public_values=b"forged"), b"forged")

    assert wrong(findings) == {"commitment"}
    facts = {fact.name: fact.basis for fact in findings.facts}
    assert facts["proof.vk_hash"] is Basis.ATTESTED
    assert facts["proof.public_values"] is Basis.CLAIMED


@our_circuit
def test_a_valid_proof_of_a_run_that_failed_is_found():
    assert wrong(examined(snarks.proof(Statement(exit_code=1)))) == {"exit-code"}


@our_circuit
def test_a_valid_proof_over_other_recursion_programs_attests_nothing():
    findings = examined(snarks.proof(Statement(root=bytes(31) + b"\1")))

    assert wrong(findings) == {"circuits"}
    assert all(fact.basis is not Basis.ATTESTED for fact in findings.facts)


def test_a_proof_under_a_circuit_of_ones_own_is_found():
    assert wrong(examined(snarks.proof())) == {"circuits", "cryptography"}


def test_a_plonk_proof_is_not_verified_here():
    circuit = examining.DIGESTS[Mode.PLONK, snarks.VERSION]

    findings = examined(snarks.proof(mode=Mode.PLONK, vkey_hash=circuit))

    assert not wrong(findings)
    assert check(findings, "cryptography").status is Status.UNEVALUABLE


@our_circuit
def test_without_its_library_a_groth16_proof_is_not_verified(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delitem(sys.modules, "sp1tee.verify.proof.groth16", raising=False)
    monkeypatch.delitem(sys.modules, "sp1tee.verify.proof.gnark", raising=False)
    monkeypatch.delitem(sys.modules, "sp1tee.verify.proof.curve", raising=False)
    for name in [name for name in sys.modules if name.startswith("py_ecc")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "py_ecc", None)

    found = check(examined(snarks.proof()), "cryptography")

    assert found.status is Status.UNEVALUABLE
    assert found.remedy == "Install it with: pip install 'sp1tee[groth16]'"


@pytest.mark.parametrize("family", Family)
@pytest.mark.parametrize("mode", [Mode.CORE, Mode.PLONK, Mode.GROTH16])
def test_a_mock_is_named_as_such_and_refused(mode: Mode, family: Family):
    mock = mock_proof(mode, family, SAMPLE_VK_HASH, b"x")

    findings = examine(mock.encode_network(), KEY, b"x")

    assert check(findings, "genuine").status is Status.REFUSED
    assert check(findings, "cryptography").status is Status.SKIPPED
    assert verdict(findings.checks) is Verdict.REFUSED


def test_a_mock_of_another_program_contradicts():
    mock = mock_proof(Mode.GROTH16, Family.V6, SAMPLE_VK_HASH, b"x")

    findings = examine(mock.encode_network(), OTHER_KEY, b"y")

    assert wrong(findings) == {"genuine", "program", "public-values"}
    assert verdict(findings.checks) is Verdict.FAIL


def test_a_version_whose_circuits_are_not_known_is_not_taken_for_released():
    data = real_proof("compressed").replace(b"v6.1.0", b"v6.0.0")

    assert check(examine(data, KEY, None), "circuits").status is Status.UNEVALUABLE


def test_a_claimed_program_that_is_no_key_is_only_shown():
    words = b"".join(SAMPLE_VK_HASH[i : i + 4][::-1] for i in range(0, 32, 4))
    data = real_proof("compressed").replace(words, b"\xff" * 32)

    findings = examine(data, KEY, None)

    assert check(findings, "program").actual == "ff" * 32
    facts = {fact.name: fact.value for fact in findings.facts}
    assert facts["proof.vk_bytes32"] is None


def test_a_changed_digest_in_a_real_proof_is_found():
    import hashlib

    digest = as_elements(hashlib.sha256(SAMPLE_PUBLIC_VALUES).digest())
    data = real_proof("compressed").replace(digest, as_elements(bytes(32)))

    findings = examine(data, KEY, SAMPLE_PUBLIC_VALUES)

    assert wrong(findings) == {"commitment"}


@pytest.mark.parametrize(
    "text", ["", "zz", "00" * 31, "00" * 33, "ff" * 32, "ff" * 104, "00" * 104 + "0"]
)
def test_what_names_no_program_is_refused(text: str):
    with pytest.raises(EvidenceMalformed):
        read_program_key(text)


@pytest.mark.parametrize(
    ("data", "whole"),
    [
        (sample("-vk.bin"), True),
        (sample("-vk.bin").hex().encode() + b"\n", True),
        (SAMPLE_VK_HASH, False),
        (b"0x" + bytes32(SAMPLE_VK_HASH).hex().encode() + b"\r\n", False),
    ],
)
def test_a_key_may_be_in_a_file_as_bytes_or_as_hex(data: bytes, whole: bool):
    key = read_key_file(data)

    assert SAMPLE_VK_HASH in key.vk_hashes
    assert key.whole == (sample("-vk.bin") if whole else None)


def test_a_whole_key_is_shown_by_its_hash():
    shown = read_program_key(sample("-vk.bin").hex()).shown

    assert shown == f"{SAMPLE_VK_HASH.hex()} (bytes32 0x{bytes32(SAMPLE_VK_HASH).hex()})"


@given(st.binary(max_size=300))
def test_no_file_brings_another_error(data: bytes):
    with suppress(EvidenceMalformed):
        read_key_file(data)


def test_rules_have_their_own_ids_and_codes_in_the_rooms_block():
    assert len({rule.id for rule in RULES}) == len({rule.code for rule in RULES}) == len(RULES)
    assert all(rule.code.startswith("SP1TEE-V80") for rule in RULES)
    assert [rule.id for rule in RULES if rule.waivable] == ["proof.exit-code"]


@given(st.binary(max_size=200))
def test_no_bytes_bring_an_exception_or_a_pass(data: bytes):
    assert verdict(examine(data, KEY, None).checks) is not Verdict.PASS


MOCK = mock_proof(Mode.GROTH16, Family.V6, SAMPLE_VK_HASH, b"x").encode_saved()


@settings(max_examples=200)
@given(st.integers(0, len(MOCK) - 1), st.binary(min_size=1, max_size=9))
def test_no_damage_brings_an_exception_or_a_pass(start: int, patch: bytes):
    data = MOCK[:start] + patch + MOCK[start + len(patch) :]

    assert verdict(examine(data, KEY, b"x").checks) is not Verdict.PASS


@given(st.text(max_size=70))
def test_no_text_brings_another_error(text: str):
    with suppress(EvidenceMalformed):
        read_program_key(text)
