"""Proofs as an auditor reads them."""

from fuzz import seeds
from fuzz.target import Target, chosen, each_way
from sp1tee.errors import VerifyError
from sp1tee.verify.proof.examining import examine
from sp1tee.verify.proof.gnark import read_key, read_proof
from sp1tee.verify.proof.program_key import program_key, read_key_file

_KEY = program_key(bytes(32))


def _points(data: bytes) -> None:
    way, rest = chosen(data, 2)
    (read_key, read_proof)[way](rest)


def _onchain() -> list[bytes]:
    found = [
        bytes.fromhex(text.decode().strip().removeprefix("0x"))
        for text in seeds.files("proofs/*onchain.hex")
    ]
    return [*found, *(data[4:] for data in found), bytes(256), bytes(500)]


TARGETS = (
    Target(
        "verify.proof",
        ("verify.proof.examining", "verify.proof.cryptography"),
        lambda data: examine(data, _KEY, None),
        (),
        seeds.proofs,
        size=1 << 13,
    ),
    Target(
        "verify.program_key",
        ("verify.proof.program_key",),
        read_key_file,
        (VerifyError,),
        lambda: [b"5a" * 32, *seeds.files("proofs/*-vk.bin"), bytes(32)],
        size=512,
    ),
    Target(
        "verify.groth16",
        ("verify.proof.gnark",),
        _points,
        (VerifyError,),
        lambda: each_way(2, _onchain()),
        size=1024,
    ),
)
