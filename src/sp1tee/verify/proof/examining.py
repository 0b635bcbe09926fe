"""What a proof says, and whether that is what was asked for."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
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
from sp1tee.wire.proof import Proof, SnarkProof, decode_proof

SIZE: Final = 16 * 1024 * 1024
"""How many bytes a proof may have: Groth16 and PLONK have 2 KB, Compressed 1.5 MB. Only Core has
some megabytes for every shard, and of a long run's no more is said here than that it is Core."""

_SHOWN: Final = 64
_OWN_WORDS: Final = "the proof's own words"
_Maker: TypeAlias = Callable[[str, Json, str], Fact]


def examine(data: bytes, key: ProgramKey, public_values: bytes | None) -> Findings:
    """Examine a proof as SP1's SDK saves it or as the network hands it out.

    Args:
        data: the file.
        key: the program that it should prove.
        public_values: what the program should have revealed; None if nobody says.
    """
    try:
        proof = decode_proof(data, public_values_hint=public_values)
        claims = read_claims(proof)
    except WireError as error:
        return Findings((rules.FORM.unevaluable(str(error), remedy=error.advice or None),))
    checks = (
        rules.FORM.passes(f"It is a {proof.mode} proof of SP1 {proof.sp1_version}."),
        _genuine(proof),
        _program(proof, claims, key),
        _public_values(proof, public_values),
        _commitment(proof, claims),
        _exit_code(proof, claims),
        *_complete(claims),
        _circuits(proof, claims),
        judge_validity(proof),
    )
    return Findings(checks, tuple(_facts(proof, claims, checks)))


def unreadable(error: VerifyError) -> Findings:
    """Return what there is to say about a file that could not even be read."""
    return Findings((rules.FORM.unevaluable(error),))


def _genuine(proof: Proof) -> Check:
    if is_mock(proof):
        return rules.GENUINE.refuses(
            "It is a mock: it has a proof's form and proves nothing.",
            remedy="Ask a server with a real prover: `sp1tee serve` without --mock.",
        )
    return rules.GENUINE.passes("There is a proof in it.")


def _program(proof: Proof, claims: Claims, key: ProgramKey) -> Check:
    rule = rules.PROGRAM
    if claims.vk_hash is None:
        return rule.unevaluable(
            f"A {proof.mode} proof does not say which program it is of: only verifying it with "
            "the program's key would tell.",
            expected=key.text,
        )
    if claims.vk_hash in key.vk_hashes:
        return rule.passes("It names this program.", expected=both_forms(claims.vk_hash))
    return rule.fails(
        "It is of another program.",
        expected=key.text,
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


def _facts(proof: Proof, claims: Claims, checks: Sequence[Check]) -> Iterator[Fact]:
    """Yield what the proof says; attested only by a valid proof of released circuits."""
    passed = {check.id for check in checks if check.status is Status.PASS}
    proved = {rules.CRYPTOGRAPHY.id, rules.CIRCUITS.id} <= passed
    make = (attested, _anchor(proof)) if proved else (claimed, _OWN_WORDS)
    yield from _made(make, _claimed_values(proof, claims))
    if rules.COMMITMENT.id not in passed:
        make = claimed, _OWN_WORDS
    yield from _made(make, {"public_values": _shown(proof.public_values)})
    digest = hashlib.sha256(proof.public_values).hexdigest()
    yield computed("proof.public_values_sha256", digest, "the public values")


def _made(make: tuple[_Maker, str], values: dict[str, Json]) -> Iterator[Fact]:
    return (make[0](f"proof.{name}", value, make[1]) for name, value in values.items())


def _anchor(proof: Proof) -> str:
    return f"SP1 {proof.mode} circuit {proof.sp1_version}"


def _claimed_values(proof: Proof, claims: Claims) -> dict[str, Json]:
    key, root = claims.vk_hash, claims.recursion_root
    contracts = None if key is None else contract_form(key)
    return {
        "mode": str(proof.mode),
        "version": proof.sp1_version,
        "vk_hash": None if key is None else key.hex(),
        "vk_bytes32": None if contracts is None else contracts.hex(),
        "exit_code": claims.exit_code,
        "recursion_root": None if root is None else root.hex(),
    }


def _shown(public_values: bytes) -> str:
    more = len(public_values) - _SHOWN
    return public_values[:_SHOWN].hex() + (f"… and {more} bytes more" if more > 0 else "")
