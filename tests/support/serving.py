"""What a requester sends, made by hand: artifacts, programs, requests in both dialects."""

import struct
from dataclasses import dataclass, field, replace
from typing import Any

from sp1tee.store.records import RequestRecord, State
from sp1tee.wire.artifacts import pack
from sp1tee.wire.dialect import Dialect, request_fingerprint
from sp1tee.wire.keys import parse_vk_v6
from sp1tee.wire.pb import artifact_pb2, auction_pb2, types_pb2
from sp1tee.wire.program import encode_program
from sp1tee.wire.signing import Signer
from sp1tee.wire.stdin import Stdin
from sp1tee.wire.versions import Family
from support.wire_data import SAMPLE_VK_HASH, sample

NOW = 1_790_000_000.0
PUBLIC_URL = "http://prover.test"
VERSION = "sp1-v6.1.0"

ALICE = Signer.from_bytes(b"\x0a" * 32)
BOB = Signer.from_bytes(b"\x0b" * 32)

STDIN = pack(Stdin.of(b"a private input").encode(), Family.V6)


@dataclass
class Clock:
    """Time that passes when told to."""

    now: float = NOW

    def __call__(self) -> float:
        return self.now

    def pass_by(self, seconds: float) -> None:
        self.now += seconds


@dataclass(frozen=True)
class ProgramFixture:
    """A program, its key and how an SDK uploads it."""

    vk_hash: bytes
    vk: bytes
    upload: bytes = field(repr=False)


def real_program() -> ProgramFixture:
    """A v6 program with its real verifying key."""
    return ProgramFixture(
        SAMPLE_VK_HASH, sample("-vk.bin"), pack(encode_program(sample(".elf")), Family.V6)
    )


def another_program(name: str = "another") -> ProgramFixture:
    """Another program under the same key, as far as anybody can tell without SP1's setup."""
    real = real_program()
    elf = elf_header(Family.V6, parse_vk_v6(real.vk).pc_start_address) + name.encode()
    return replace(real, upload=pack(encode_program(elf), Family.V6))


def elf_header(family: Family, entry: int, *, machine: int = 243, kind: int = 2) -> bytes:
    """The least of an ELF that passes for a program."""
    wide = family is Family.V6
    ident = b"\x7fELF" + bytes([2 if wide else 1, 1, 1]) + bytes(9)
    return ident + struct.pack("<HHIQ" if wide else "<HHII", kind, machine, 1, entry) + bytes(32)


def sealed(signer: Signer, body: bytes) -> bytes:
    """A signed envelope around an encoded body."""
    return types_pb2.SignedRequest(
        format=types_pb2.BINARY, signature=signer.sign(body), body=body
    ).SerializeToString()


def ask_for_artifact(signer: Signer, kind: int = artifact_pb2.STDIN) -> bytes:
    return artifact_pb2.CreateArtifactRequest(
        signature=signer.sign_create_artifact(),
        artifact_type=artifact_pb2.ArtifactType.ValueType(kind),
    ).SerializeToString()


def program_body(program: ProgramFixture, uri: str, **changes: Any) -> bytes:
    given = {"nonce": 0, "vk_hash": program.vk_hash, "vk": program.vk, "program_uri": uri}
    return types_pb2.CreateProgramRequestBody(**(given | changes)).SerializeToString()


def proof_body(stdin_uri: str, dialect: Dialect = Dialect.BASE, /, **changes: Any) -> bytes:
    """A RequestProof body as an SDK makes it, with `changes` to its fields."""
    given = {
        "nonce": 0,
        "vk_hash": SAMPLE_VK_HASH,
        "version": VERSION,
        "mode": types_pb2.COMPRESSED,
        "strategy": types_pb2.RESERVED,
        "stdin_uri": stdin_uri,
        "deadline": int(NOW) + 3600,
        "cycle_limit": 1_000_000,
        "gas_limit": 1_000_000_000,
    }
    if dialect is Dialect.BASE:
        return types_pb2.RequestProofRequestBody(**(given | changes)).SerializeToString()
    auction = {
        "strategy": types_pb2.AUCTION,
        "domain": b"\x11" * 32,
        "auctioneer": b"\x02" * 20,
        "executor": b"\x03" * 20,
        "verifier": b"\x04" * 20,
        "treasury": b"\x05" * 20,
        "public_values_hash": b"\x06" * 32,
        "base_fee": "0",
        "max_price_per_pgu": "240000",
    }
    return auction_pb2.RequestProofRequestBody(**(given | auction | changes)).SerializeToString()


def fingerprint(signer: Signer, body: bytes) -> bytes:
    return request_fingerprint(signer.address, body)


def record(**changes: Any) -> RequestRecord:
    """A request as the store hands it out."""
    given: dict[str, Any] = {
        "fingerprint": b"\x0f" * 32,
        "requester": ALICE.address,
        "dialect": "base",
        "signature": bytes(65),
        "body": proof_body("http://prover.test/artifacts/stdin/1"),
        "vk_hash": SAMPLE_VK_HASH,
        "program_owner": ALICE.address,
        "version": VERSION,
        "mode": types_pb2.COMPRESSED,
        "strategy": types_pb2.RESERVED,
        "stdin_artifact": "artifact_1",
        "deadline": int(NOW) + 3600,
        "cycle_limit": 1_000_000,
        "gas_limit": 1_000_000_000,
        "nonce": 0,
        "request_id": b"\x1d" * 32,
        "tx_hash": b"\x7e" * 32,
        "key": "req_1",
        "state": State.QUEUED,
        "created_at": int(NOW),
        "updated_at": int(NOW),
    }
    return RequestRecord(**(given | changes))
