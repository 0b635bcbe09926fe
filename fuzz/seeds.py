"""Well-formed inputs: recorded, published or made by the stand-ins that ship."""

import json
import lzma
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

DATA = Path(__file__).parents[1] / "tests" / "data"
AT = 1_790_000_000
HOST = "tee.example.test"


def files(*patterns: str, most: int = 1 << 16) -> Iterator[bytes]:
    """Yield the content of files below tests/data, as long as it is."""
    for pattern in patterns:
        for path in sorted(DATA.glob(pattern)):
            if path.stat().st_size <= most:
                yield path.read_bytes()


@cache
def recordings() -> tuple[dict[str, Any], ...]:
    """Return everything that was recorded of unmodified SDKs."""
    paths = sorted((DATA / "sdk-traffic").glob("*/*.json"))
    return tuple(json.loads(path.read_text()) for path in paths)


def recorded(*methods: str) -> Iterator[bytes]:
    """Yield recorded requests of some methods; of all of them if none is named."""
    for recording in recordings():
        for rpc in recording["rpcs"]:
            if not methods or rpc["method"].rpartition("/")[2] in methods:
                yield bytes.fromhex(rpc["request"])


def bodies() -> Iterator[bytes]:
    """Yield what stands signed in recorded requests."""
    from sp1tee.wire.pb import types_pb2  # noqa: PLC0415 - watched when a child imports it

    for envelope in recorded("RequestProof", "CreateProgram"):
        yield types_pb2.SignedRequest.FromString(envelope).body


@cache
def vectors() -> dict[str, Any]:
    """Return the golden vectors of the wire."""
    content: dict[str, Any] = json.loads((DATA / "wire" / "vectors.json").read_text())
    return content


def real_proof(mode: str) -> bytes:
    """Return a real proof of SP1 v6."""
    return lzma.decompress((DATA / "proofs" / f"solvency-sample-{mode}.bin.xz").read_bytes())


@cache
def genuine() -> Mapping[str, bytes]:
    """Return the evidence of an honest synthetic host, by path; its manifest as ``""``."""
    from sp1tee.sim.ingress import Host, build, saved  # noqa: PLC0415

    bundle = saved.save(build(Host(at=AT)))
    return {"": bundle.text, **bundle.bodies}


@cache
def trusted() -> Mapping[str, bytes]:
    """Return what an auditor of that host holds: policy, roots, logs."""
    from sp1tee.sim.ingress import Host, reader  # noqa: PLC0415

    return reader.files(Host(at=AT))


def evidence(*beginnings: str) -> list[bytes]:
    """Return parts of that evidence whose paths begin so."""
    return [body for path, body in genuine().items() if path.startswith(beginnings)]


PUBLIC_VALUES = bytes.fromhex("e80300000000000001")


def proofs() -> Iterator[bytes]:
    """Yield mock proofs of every kind, and a STARK proof whose body is short."""
    from sp1tee.errors import UnsupportedMock  # noqa: PLC0415
    from sp1tee.wire.mock_proof import mock_proof  # noqa: PLC0415
    from sp1tee.wire.modes import Mode  # noqa: PLC0415
    from sp1tee.wire.proof import StarkProof  # noqa: PLC0415
    from sp1tee.wire.versions import Family  # noqa: PLC0415

    for family in Family:
        for mode in Mode:
            try:
                proof = mock_proof(mode, family, bytes(32), PUBLIC_VALUES)
            except UnsupportedMock:
                continue
            yield proof.encode_network()
            yield proof.encode_saved()
    for mode in (Mode.CORE, Mode.COMPRESSED):
        for body in (bytes(900), real_proof(mode.name.lower())[4:2000]):
            proof = StarkProof(
                mode=mode, body=body, public_values=PUBLIC_VALUES, sp1_version="v6.1.0"
            )
            yield proof.encode_network()
