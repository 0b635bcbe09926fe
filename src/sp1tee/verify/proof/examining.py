"""What a proof says, and whether that is what was asked for."""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final, TypeAlias

from sp1tee.errors import VerifyError, WireError
from sp1tee.verify.checks import Check, Findings, Status
from sp1tee.verify.facts import Fact, Json, attested, claimed, computed
from sp1tee.verify.proof import rules
from sp1tee.verify.proof.circuits import DIGESTS
from sp1tee.verify.proof.cryptography import judge_validity
from sp1tee.verify.proof.program_key import ProgramKey, both_forms, contract_form
from sp1tee.wire.claims import RECURSION_ROOTS, Claims, read_claims
from sp1tee.wire.commitment import digests, masked
from sp1tee.wire.mock_proof import is_mock
from sp1tee.wire.proof import MAX_PROOF_SIZE, Proof, SnarkProof, decode_proof
from sp1tee.wire.verifier import Verifier

_SIZE: Final = 16 * 1024 * 1024
_LONG: Final = (
    "Only a core proof is so long, and only SP1's verifier can judge one: have sp1tee-prover here, "
    "and give the program's whole key or the program."
)
_SHOWN: Final = 64
_OWN_WORDS: Final = "the proof's own words"
_Maker: TypeAlias = Callable[[str, Json, str], Fact]


def size_limit(key: ProgramKey, verifier: Verifier | None) -> int:
    """Return how many bytes of a proof are worth reading.

    Groth16 and PLONK proofs have 2 KB, Compressed ones 1.3 MB. Core proofs have 1.4 MB a shard
    and name no program: of a long one there is nothing to say unless it can be verified.
    """
    return _SIZE if verifier is None or key.whole is None else MAX_PROOF_SIZE


def examine(
    data: bytes, key: ProgramKey, public_values: bytes | None, verifier: Verifier | None = None
) -> Findings:
    """Examine a proof as SP1's SDK saves it or as the network hands it out.

    Args:
        data: the file.
        key: the program that it should prove.
        public_values: what the program should have revealed; None if nobody says.
        verifier: SP1's own; None if there is none here.
    """
    try:
        proof = decode_proof(data, public_values_hint=public_values)
        claims = read_claims(proof)
    except WireError as error:
        return Findings((rules.FORM.unevaluable(str(error), remedy=error.advice or None),))
    validity = judge_validity(proof, data, claims, key, verifier)
    checks = (
        rules.FORM.passes(f"It is a {proof.mode} proof of SP1 {proof.sp1_version}."),
        _genuine(proof),
        _program(proof, claims, key, validity),
        _public_values(proof, public_values),
        _commitment(proof, claims),
        _exit_code(proof, claims),
        *_complete(claims),
        _circuits(proof, claims),
        validity,
    )
    return Findings(checks, tuple(_facts(proof, claims, key, checks)))


def unreadable(error: VerifyError, limit: int) -> Findings:
    """Return what there is to say about a file of more than `limit` bytes."""
    if limit < MAX_PROOF_SIZE:
        return Findings((rules.FORM.unevaluable(error, remedy=_LONG),))
    return Findings((rules.FORM.unevaluable(error),))


def _genuine(proof: Proof) -> Check:
    if is_mock(proof):
        return rules.GENUINE.refuses(
            "It is a mock: it has a proof's form and proves nothing.",
            remedy="Ask a server with a real prover: `sp1tee serve` without --mock.",
        )
    return rules.GENUINE.passes("There is a proof in it.")


def _program(proof: Proof, claims: Claims, key: ProgramKey, validity: Check) -> Check:
    rule = rules.PROGRAM
    if claims.vk_hash is None and validity.status is Status.PASS:
        return rule.passes(
            f"A {proof.mode} proof names no program, but this one was verified under this "
            "program's key.",
            expected=key.shown,
            anchors=validity.anchors,
        )
    if claims.vk_hash is None:
        return rule.unevaluable(
            f"A {proof.mode} proof does not say which program it is of: only verifying it with "
            "the program's key would tell.",
            expected=key.shown,
        )
    if claims.vk_hash in key.vk_hashes:
        return rule.passes("It names this program.", expected=both_forms(claims.vk_hash))
    return rule.fails(
        "It is of another program.",
        expected=key.shown,
        actual=both_forms(claims.vk_hash),
        remedy="Compare the program's key: `cargo prove vkey` prints its bytes32.",
    )


def _public_values(proof: Proof, expected: bytes | None) -> Check:
    rule, actual = rules.PUBLIC_VALUES, _shown(proof.public_values)
    if expected is None:
        return rule.skips(
            "Nobody said which they should be: what the proof reveals was compared with nothing.",
            actual=actual,
        )
    if proof.public_values == expected:
        return rule.passes("It carries them.", expected=actual)
    return rule.fails("It carries other ones.", expected=_shown(expected), actual=actual)


def _commitment(proof: Proof, claims: Claims) -> Check:
    rule, actual = rules.COMMITMENT, claims.public_values_digest
    if actual is None:
        return rule.skips("A mock of a core proof commits to nothing.")
    accepted = digests(proof.public_values)
    if proof.mode.is_snark:
        accepted = masked(accepted[0]), masked(accepted[1])
    if actual in accepted:
        return rule.passes("It commits to the digest of what it carries.", expected=actual.hex())
    return rule.fails(
        "It commits to other public values than it carries.",
        expected=accepted[0].hex(),
        actual=actual.hex(),
    )


def _exit_code(proof: Proof, claims: Claims) -> Check:
    code = claims.exit_code
    if code is None:
        return rules.EXIT_CODE.skips(f"A {proof.mode} proof of {proof.sp1_version} does not say.")
    if code == 0:
        return rules.EXIT_CODE.passes("The exit code is 0.", expected="0")
    return rules.EXIT_CODE.fails(
        "The run failed.",
        expected="0",
        actual=str(code),
        remedy="Execute the program on this input to see why: `sp1tee execute`.",
    )


def _complete(claims: Claims) -> Iterator[Check]:
    if claims.complete is True:
        yield rules.COMPLETE.passes("It covers every shard.")
    elif claims.complete is False:
        yield rules.COMPLETE.fails("It covers only a part of the run.")


def _circuits(proof: Proof, claims: Claims) -> Check:
    """Compare the recursion programs, and what proves that they ran."""
    rule = rules.CIRCUITS
    if is_mock(proof) or claims.recursion_root is None:
        return rule.skips(f"This {proof.mode} proof says nothing about its circuits.")
    pairs = [(RECURSION_ROOTS.get(proof.sp1_version), claims.recursion_root)]
    if isinstance(proof, SnarkProof):
        pairs.append((DIGESTS.get((proof.mode, proof.sp1_version)), proof.vkey_hash))
    for released, actual in pairs:
        if released is None:
            return rule.unevaluable(f"The circuits of {proof.sp1_version} are not known here.")
        if actual != released:
            return rule.fails(
                "Its circuits are not the released ones.",
                expected=released.hex(),
                actual=actual.hex(),
            )
    return rule.passes("Its circuits are the released ones.", expected=pairs[-1][1].hex())


def _facts(
    proof: Proof, claims: Claims, key: ProgramKey, checks: Sequence[Check]
) -> Iterator[Fact]:
    """Yield what the proof says; attested only by a valid proof of released circuits."""
    passed = {check.id: check for check in checks if check.status is Status.PASS}
    make = _basis({check.id: check for check in checks})
    named = claims.vk_hash
    if named is None and rules.PROGRAM.id in passed:
        named = key.vk_hashes[0]
    yield from _made(make, _claimed_values(proof, claims, named))
    if rules.COMMITMENT.id not in passed:
        make = claimed, _OWN_WORDS
    yield from _made(make, {"public_values": _shown(proof.public_values)})
    digest = hashlib.sha256(proof.public_values).hexdigest()
    yield computed("proof.public_values_sha256", digest, "the public values")
    if validity := passed.get(rules.CRYPTOGRAPHY.id):
        yield computed("proof.verified_by", validity.anchors[-1], "this machine")


def _made(make: tuple[_Maker, str], values: dict[str, Json]) -> Iterator[Fact]:
    """Yield what is said; what is not said stands on nobody's word but the proof's."""
    for name, value in values.items():
        maker, anchor = (claimed, _OWN_WORDS) if value is None else make
        yield maker(f"proof.{name}", value, anchor)


def _basis(checks: Mapping[str, Check]) -> tuple[_Maker, str]:
    """Say how far the proof can be believed. Core proofs have no circuits that could be others."""
    validity, circuits = checks[rules.CRYPTOGRAPHY.id], checks[rules.CIRCUITS.id]
    released = circuits.status in (Status.PASS, Status.SKIPPED)
    if validity.status is Status.PASS and released:
        return attested, ", verified by ".join(validity.anchors)
    return claimed, _OWN_WORDS


def _claimed_values(proof: Proof, claims: Claims, named: bytes | None) -> dict[str, Json]:
    root = claims.recursion_root
    contracts = None if named is None else contract_form(named)
    return {
        "mode": str(proof.mode),
        "version": proof.sp1_version,
        "vk_hash": None if named is None else named.hex(),
        "vk_bytes32": None if contracts is None else contracts.hex(),
        "exit_code": claims.exit_code,
        "recursion_root": None if root is None else root.hex(),
    }


def _shown(public_values: bytes) -> str:
    more = len(public_values) - _SHOWN
    return public_values[:_SHOWN].hex() + (f"… and {more} bytes more" if more > 0 else "")
