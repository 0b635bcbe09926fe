"""A proof that came back: what it says is compared with what was asked for, then it is kept."""

import contextlib
import os
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from sp1tee.client.transfer import Download
from sp1tee.client.verification import MOCK, verify
from sp1tee.errors import ClaimMismatch, OutputFileError, ProofError, VerifyingKeyMismatch
from sp1tee.wire.claims import check_claims, read_claims
from sp1tee.wire.keys import HASH_SIZE, vk_hash_v6
from sp1tee.wire.mock_proof import is_mock
from sp1tee.wire.modes import Mode
from sp1tee.wire.proof import Proof, decode_proof
from sp1tee.wire.verifier import Verifier


@dataclass(frozen=True, slots=True)
class Expected:
    """What a proof should prove, as far as the one who waits knows it.

    Attributes:
        vk_hash: the program.
        mode: the kind of proof.
        circuit: the circuit version, e.g. ``v6.1.0``.
        vk: the program's whole key (SP1 v6), without which no proof can be verified; the key that
            `vk_hash` is of.

    Raises:
        VerifyingKeyError: `vk` is no key of SP1 v6.
        VerifyingKeyMismatch: it has another hash.
    """

    vk_hash: bytes | None = None
    mode: Mode | None = None
    circuit: str | None = None
    vk: bytes | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if self.vk is not None and vk_hash_v6(self.vk) != self.vk_hash:
            raise VerifyingKeyMismatch("The verifying key has another hash than the program.")


@dataclass(frozen=True, slots=True)
class Received:
    """A proof whose claims have been checked, and which SP1's verifier did not refute if asked.

    Attributes:
        request_id: the request it answers.
        proof: the proof.
        mock: whether it proves nothing at all.
        program_checked: whether it is known to be of the expected program: it names it or, as
            Core proofs name none, was verified under its key.
        verified: True: SP1's verifier accepted it. False: nobody asked it. None: it broke.
        verification: the same in words: who accepted it, or why nobody did.
    """

    request_id: bytes
    proof: Proof = field(repr=False)
    mock: bool
    program_checked: bool
    verified: bool | None
    verification: str

    def save(self, path: Path) -> int:
        """Write what the Rust SDK's ``SP1ProofWithPublicValues::load`` reads; returns its size.

        The file appears whole or not at all.

        Raises:
            OutputFileError: it cannot be written there.
        """
        data = self.proof.encode_saved()
        try:
            _write_whole(path, data)
        except OSError as error:
            raise OutputFileError(f"{path} cannot be written: {error.strerror}.") from None
        return len(data)


def examine(
    request_id: bytes, download: Download, expected: Expected, judge: Verifier | None = None
) -> Received:
    """Decode a downloaded proof, compare its claims with what was asked for, and have it verified.

    Raises:
        ProofError: it is no SP1 proof, or its claims cannot be read.
        ClaimMismatch: it proves something else, or of a run that failed.
        ProofRefuted: `judge` says that it does not hold.
    """
    proof = decode_proof(download.data)
    _check_kind(proof, expected)
    named = read_claims(proof).vk_hash
    # Without an expectation the program is taken at the proof's word; the rest is still checked.
    # A Core proof names no program, so any well-formed hash does.
    vk_hash = expected.vk_hash or named or bytes(HASH_SIZE)
    check_claims(proof, vk_hash=vk_hash, public_values=proof.public_values)
    mock = download.mock or is_mock(proof)
    found = MOCK if mock else verify(proof, download.data, expected.vk, judge)
    return Received(
        request_id=request_id,
        proof=proof,
        mock=mock,
        program_checked=bool(found.accepted) or None not in (expected.vk_hash, named),
        verified=found.accepted,
        verification=found.words,
    )


def check_writable(path: Path) -> None:
    """Find out before an hour of proving whether its result can be written.

    Raises:
        OutputFileError: it cannot.
    """
    if path.is_dir():
        raise OutputFileError(f"{path} is a folder.", advice="Name a file in it.")
    if not os.access(path.parent, os.W_OK):
        raise OutputFileError(f"{path.parent} is no folder that can be written to.")


def _check_kind(proof: Proof, expected: Expected) -> None:
    if expected.mode not in (None, proof.mode):
        raise ClaimMismatch(
            f"The proof is of mode {proof.mode}, not {expected.mode}.", claim="mode"
        )
    if expected.circuit not in (None, proof.sp1_version):
        raise ProofError(
            f"The proof is of another circuit version than {expected.circuit}.",
            advice="The SDK refuses such a proof. Ask the operator which versions are served.",
        )


def _write_whole(path: Path, data: bytes) -> None:
    descriptor, scratch = tempfile.mkstemp(dir=path.parent, prefix=path.name, suffix=".part")
    try:
        with open(descriptor, "wb") as file:  # noqa: PTH123 - Path cannot wrap a descriptor
            file.write(data)
        Path(scratch).chmod(_usual_mode())
        Path(scratch).replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(scratch).unlink()
        raise


def _usual_mode() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask
