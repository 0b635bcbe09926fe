"""What anybody's bytes go through first: messages, signatures, uploads, proofs."""

from collections.abc import Iterator

from fuzz import seeds
from fuzz.target import Target, chosen, each_way, text_of
from sp1tee.errors import MalformedMessage, WireError
from sp1tee.wire import (
    artifacts,
    claims,
    dialect,
    hexes,
    ids,
    keys,
    mock_proof,
    modes,
    retry_hint,
    signing,
    stdin,
    versions,
)
from sp1tee.wire import program as programs
from sp1tee.wire import proof as proofs
from sp1tee.wire.bincode import Reader

_UNPACKED = 1 << 16
_READS = ("u8", "u32", "u64", "option_byte", "byte_string", "string")


def _bincode(data: bytes) -> None:
    count, rest = chosen(data, 16)
    reader = Reader(rest[count:])
    for choice in rest[:count]:
        getattr(reader, _READS[choice % len(_READS)])()
    reader.expect_end()


def _unpack(data: bytes) -> None:
    cut, rest = chosen(data, 256)
    unpacker = artifacts.Unpacker(_UNPACKED)
    made = unpacker.feed(rest[:cut]) + unpacker.feed(rest[cut:]) + unpacker.finish()
    assert len(made) <= _UNPACKED


def _packed() -> Iterator[bytes]:
    for upload in (b"", b"abc", bytes(9000), *seeds.files("proofs/*.stdin")):
        yield from (bytes([4]) + artifacts.pack(upload, family) for family in versions.Family)


def _stdin(data: bytes) -> None:
    decoded = stdin.decode_stdin(data)
    assert decoded.encode() == data


def _proof(data: bytes) -> None:
    hint, body = chosen(data, 2)
    proof = proofs.decode_proof(body, public_values_hint=seeds.PUBLIC_VALUES if hint else None)
    mock_proof.is_mock(proof)
    claims.read_claims(proof)
    proof.encode_network()
    proof.encode_saved()
    claims.check_claims(proof, vk_hash=bytes(32), public_values=proof.public_values)


def _proofs() -> list[bytes]:
    return each_way(2, seeds.proofs())


def _message(data: bytes) -> None:
    way, body = chosen(data, 3)
    if way == 0:
        for field in dialect.walk(body):
            assert field.number
    elif way == 1:
        dialect.dialect_of(body)
    else:
        dialect.request_fingerprint(bytes(20), body)


def _texts(data: bytes) -> None:
    way, rest = chosen(data, 7)
    text = text_of(rest)
    readers = (
        lambda: hexes.from_hex(text),
        lambda: ids.parse_id(text, "req"),
        lambda: versions.parse_version(text),
        lambda: versions.parse_circuit(text),
        lambda: modes.Mode.parse(text),
        lambda: signing.parse_address(text),
        lambda: signing.Signer.from_hex(text),
    )
    readers[way]()


_TEXTS = (
    *(b"0x" + b"ab" * 20, b"11" * 32, b"req_01h455vb4pex5vsknk084sn02q", b"sp1-v6.1.0", b"v5.0.0"),
    *(b"groth16", b"Compressed", b"0x19E7E376E7C213B7E7e7e46cc70A5dD086DAff2A"),
)


def _key(data: bytes) -> None:
    way, rest = chosen(data, 3)
    (keys.parse_vk_v6, keys.hash_bn254, keys.vk_hash_from_bytes32)[way](rest)


def _hint(data: bytes) -> None:
    seconds = retry_hint.decode_hint(data)
    assert seconds is None or 0 <= seconds <= retry_hint.LONGEST_S


def _signature(data: bytes) -> None:
    signing.recover(data[65:], data[:65])


def _signed() -> Iterator[bytes]:
    signer = signing.Signer.from_bytes(b"\x11" * 32)
    yield from (signer.sign(body) + body for body in seeds.bodies())
    yield signer.sign_create_artifact() + signing.CREATE_ARTIFACT_TEXT


TARGETS = (
    Target("wire.bincode", ("wire.bincode",), _bincode, (WireError,), lambda: [b"\4\0\1\2\3" * 9]),
    Target("wire.upload", ("wire.artifacts",), _unpack, (WireError,), _packed),
    Target(
        "wire.stdin",
        ("wire.stdin",),
        _stdin,
        (WireError,),
        lambda: seeds.files("proofs/*.stdin"),
    ),
    Target(
        "wire.program",
        ("wire.program",),
        lambda data: programs.decode_program(data, 1 << 12),
        (WireError,),
        lambda: [programs.encode_program(b"\x7fELF" + bytes(60))],
    ),
    Target(
        "wire.proof",
        ("wire.proof", "wire.stark_tail", "wire.claims", "wire.mock_proof"),
        _proof,
        (WireError,),
        _proofs,
        size=1 << 14,
    ),
    Target(
        "wire.message",
        ("wire.dialect",),
        _message,
        (MalformedMessage,),
        lambda: each_way(3, [*seeds.recorded(), *seeds.bodies()]),
    ),
    Target(
        "wire.text",
        ("wire.hexes", "wire.ids", "wire.versions", "wire.modes"),
        _texts,
        (WireError,),
        lambda: each_way(7, _TEXTS),
        size=256,
    ),
    Target(
        "wire.key",
        ("wire.keys",),
        _key,
        (WireError,),
        lambda: each_way(3, [*seeds.files("proofs/*-vk.bin"), bytes(32), b"\1" * 32]),
        size=256,
    ),
    Target(
        "wire.retry_hint",
        ("wire.retry_hint",),
        _hint,
        (),
        lambda: [retry_hint.encode_hint(8, "full", 3)],
    ),
    Target("wire.signature", ("wire.signing",), _signature, (WireError,), _signed),
)
