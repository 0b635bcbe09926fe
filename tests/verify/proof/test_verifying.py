"""SP1's own verifier beside the claims: what it accepts, refutes, breaks on and is never shown."""

from dataclasses import replace

import pytest
from support import snarks
from support.findings import check_of
from support.oracle import Oracle
from support.snarks import Statement
from support.wire_data import SAMPLE_PUBLIC_VALUES, SAMPLE_VK_HASH, real_proof, sample

from sp1tee.errors import (
    EvidenceTooLarge,
    NativeError,
    NativeFailed,
    NativeGone,
    NativeTimeout,
)
from sp1tee.verify.checks import Check, Findings, Status
from sp1tee.verify.facts import Basis
from sp1tee.verify.proof import (
    Verifier,
    examine,
    examining,
    read_program_key,
    size_limit,
    unreadable,
)
from sp1tee.verify.verdict import Verdict, verdict
from sp1tee.wire.keys import bytes32
from sp1tee.wire.mock_proof import mock_proof
from sp1tee.wire.modes import Mode
from sp1tee.wire.proof import SnarkProof
from sp1tee.wire.versions import Family

VK = sample("-vk.bin")
HASH = read_program_key(SAMPLE_VK_HASH.hex())
WHOLE_KEY = read_program_key(VK.hex())


def check(findings: Findings, name: str) -> Check:
    return check_of("proof", findings, name)


def statuses(findings: Findings) -> set[str]:
    return {c.status.value for c in findings.checks}


def wrong(findings: Findings) -> set[str]:
    bad = (Status.FAIL, Status.REFUSED)
    return {c.id.removeprefix("proof.") for c in findings.checks if c.status in bad}


our_circuit = pytest.mark.usefixtures("made_up_circuit")


def snarks_v5() -> SnarkProof:
    """What looks like a Groth16 proof of SP1 v5 that is no mock."""
    mock = mock_proof(Mode.GROTH16, Family.V5, SAMPLE_VK_HASH, b"x")
    assert isinstance(mock, SnarkProof)
    return replace(mock, encoded_proof="00", raw_proof="00")


@pytest.mark.parametrize("mode", ["core", "compressed"])
def test_a_proof_that_it_accepts_passes_and_attests(mode: str):
    oracle = Oracle()
    findings = examine(real_proof(mode), WHOLE_KEY, SAMPLE_PUBLIC_VALUES, oracle)

    assert statuses(findings) <= {"pass", "skipped"}
    assert verdict(findings.checks) is Verdict.PASS
    circuit = f"SP1 {mode} circuit v6.1.0"
    assert check(findings, "cryptography").anchors == (circuit, oracle.name)
    facts = {fact.name: fact for fact in findings.facts}
    for name in ("mode", "version", "vk_hash", "vk_bytes32", "exit_code", "public_values"):
        fact = facts[f"proof.{name}"]
        assert fact.basis is Basis.ATTESTED
        assert fact.anchor == f"{circuit}, verified by {oracle.name}"
    assert facts["proof.vk_hash"].value == SAMPLE_VK_HASH.hex()
    assert facts["proof.verified_by"].value == oracle.name
    assert oracle.asked == [(VK, SAMPLE_PUBLIC_VALUES, real_proof(mode))]


def test_a_core_proof_that_it_accepts_is_of_this_program():
    findings = examine(real_proof("core"), WHOLE_KEY, None, Oracle())

    found = check(findings, "program")
    assert found.status is Status.PASS
    assert "verified under this program's key" in found.summary
    assert bytes32(SAMPLE_VK_HASH).hex() in (found.expected or "")


@pytest.mark.parametrize("mode", ["core", "compressed"])
def test_a_proof_that_it_refutes_fails_with_its_reason(mode: str):
    findings = examine(real_proof(mode), WHOLE_KEY, None, Oracle("shard 1\n is \x1b wrong."))

    found = check(findings, "cryptography")
    assert wrong(findings) == {"cryptography"}
    assert found.summary == "SP1's verifier refutes it: shard 1 is wrong."
    assert all(fact.basis is not Basis.ATTESTED for fact in findings.facts)
    assert "proof.verified_by" not in {fact.name for fact in findings.facts}


def test_a_refuted_core_proof_is_of_nobody_knows_which_program():
    findings = examine(real_proof("core"), WHOLE_KEY, None, Oracle("no"))

    assert check(findings, "program").status is Status.UNEVALUABLE


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (NativeGone("It hung up."), ()),
        (NativeTimeout("It did not answer in time."), ()),
        (NativeFailed("a panic at x.rs:1\n", proving=False), ("It said: a panic at x.rs:1",)),
    ],
)
def test_where_it_breaks_nothing_is_known(error: NativeError, said: tuple[str, ...]):
    findings = examine(real_proof("core"), WHOLE_KEY, None, Oracle(error=error))

    found = check(findings, "cryptography")
    assert not wrong(findings)
    assert (found.status, found.reason) == (Status.UNEVALUABLE, error.code)
    assert error.message in found.summary
    assert found.details == said
    assert found.remedy


def test_a_bare_hash_is_not_enough_for_it():
    oracle = Oracle()
    found = check(examine(real_proof("core"), HASH, None, oracle), "cryptography")

    assert found.status is Status.UNEVALUABLE
    assert "only its hash was given" in found.summary
    assert "--program" in (found.remedy or "")
    assert not oracle.asked


def test_without_it_a_proof_that_takes_it_says_what_is_missing():
    key = check(examine(real_proof("core"), WHOLE_KEY, None), "cryptography").remedy or ""
    hash_ = check(examine(real_proof("core"), HASH, None), "cryptography").remedy or ""

    assert "--prover-program" in key
    assert "--program)" not in key
    assert "--prover-program" in hash_
    assert "--program)" in hash_


@our_circuit
@pytest.mark.parametrize("mode", [Mode.GROTH16, Mode.PLONK])
def test_it_goes_before_our_own_check(mode: Mode):
    oracle, proof = Oracle("forged"), snarks.proof(mode=mode)

    findings = examine(proof.encode_saved(), WHOLE_KEY, None, oracle)

    assert check(findings, "cryptography").status is Status.FAIL
    assert len(oracle.asked) == 1


@our_circuit
def test_a_groth16_proof_needs_it_no_more_than_a_whole_key():
    oracle = Oracle("forged")

    assert verdict(examine(snarks.proof().encode_saved(), HASH, None, oracle).checks) is (
        Verdict.PASS
    )
    assert not oracle.asked


def test_a_plonk_proof_that_it_accepts_passes():
    circuit = examining.DIGESTS[Mode.PLONK, snarks.VERSION]
    proof = snarks.proof(mode=Mode.PLONK, vkey_hash=circuit)

    findings = examine(proof.encode_saved(), WHOLE_KEY, snarks.PUBLIC_VALUES, Oracle())

    assert statuses(findings) == {"pass"}


def test_a_mock_is_not_shown_to_it():
    oracle = Oracle()
    mock = mock_proof(Mode.GROTH16, Family.V6, SAMPLE_VK_HASH, b"x")

    findings = examine(mock.encode_saved(), WHOLE_KEY, b"x", oracle)

    assert check(findings, "cryptography").status is Status.SKIPPED
    assert not oracle.asked


def test_a_proof_of_v5_is_not_shown_to_it():
    oracle = Oracle()
    data = snarks_v5().encode_saved()

    found = check(examine(data, WHOLE_KEY, None, oracle), "cryptography")

    assert found.status is Status.UNEVALUABLE
    assert "SDK of SP1 v5" in (found.remedy or "")
    assert not oracle.asked


def test_a_proof_of_another_circuit_version_is_not_shown_to_it():
    oracle = Oracle()
    data = real_proof("compressed").replace(b"v6.1.0", b"v6.0.0")

    found = check(examine(data, WHOLE_KEY, None, oracle), "cryptography")

    assert found.status is Status.UNEVALUABLE
    assert "for proofs of v6.1.0, and this one is of v6.0.0" in found.summary
    assert not oracle.asked


def test_a_run_that_failed_is_not_shown_to_it():
    oracle = Oracle("Unexpected exit code: 1")
    circuit = examining.DIGESTS[Mode.PLONK, snarks.VERSION]
    proof = snarks.proof(Statement(exit_code=1), mode=Mode.PLONK, vkey_hash=circuit)

    findings = examine(proof.encode_saved(), WHOLE_KEY, None, oracle)

    assert wrong(findings) == {"exit-code"}
    assert check(findings, "cryptography").status is Status.UNEVALUABLE
    assert not oracle.asked


def test_a_long_proof_is_read_only_where_it_can_be_verified():
    oracle: Verifier = Oracle()

    assert size_limit(WHOLE_KEY, oracle) == 1 << 30
    assert size_limit(WHOLE_KEY, None) == size_limit(HASH, oracle) == 16 << 20
    for limit, told in ((16 << 20, True), (1 << 30, False)):
        found = check(unreadable(EvidenceTooLarge("It is too long."), limit), "form")
        assert found.status is Status.UNEVALUABLE
        assert ("sp1tee-prover" in (found.remedy or "")) is told
