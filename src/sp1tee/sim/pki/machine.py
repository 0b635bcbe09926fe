"""A TDX machine: what its PCK certificate says of it (Intel SGX PCK Certificate profile)."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from cryptography import x509

from sp1tee.sim.pki.certificates import FROM, UNTIL

_SGX: Final = (1, 2, 840, 113741, 1, 13, 1)
_SEQUENCE, _OID, _OCTETS, _INTEGER, _ENUMERATED, _BOOLEAN = 0x30, 0x06, 0x04, 0x02, 0x0A, 0x01


@dataclass(frozen=True, slots=True)
class Machine:
    """What a PCK certificate says of its machine.

    Attributes:
        name: which of a synthetic Intel's machines; its keys follow from it.
        ppid: 16 bytes that are this machine's alone.
        fmspc: 6 bytes, its kind; collateral is for one kind.
        pce_id: 2 bytes.
        cpu_svn: versions of the 16 SGX components.
        pce_svn: version of the provisioning certification enclave.
        sgx_type: 1 for a scalable platform, as TDX servers are.
        instance_id: 16 bytes.
        valid: the certificate's span.
    """

    name: str = "machine"
    ppid: bytes = bytes.fromhex("5e" * 16)
    fmspc: bytes = bytes.fromhex("b0c06f000000")
    pce_id: bytes = bytes(2)
    cpu_svn: bytes = bytes.fromhex("04040202040100050000000000000000")
    pce_svn: int = 11
    sgx_type: int = 1
    instance_id: bytes = bytes.fromhex("1d" * 16)
    dynamic: bool = True
    cached_keys: bool = True
    smt: bool = True
    valid: tuple[datetime, datetime] = (FROM, UNTIL)


def sgx_extension(machine: Machine) -> x509.UnrecognizedExtension:
    """Write the extension 1.2.840.113741.1.13.1 that dcap verifiers read."""
    svns = [
        _entry((2, number), _INTEGER, _positive(svn))
        for number, svn in enumerate(machine.cpu_svn, 1)
    ]
    tcb = b"".join(
        (
            *svns,
            _entry((2, 17), _INTEGER, _positive(machine.pce_svn)),
            _entry((2, 18), _OCTETS, machine.cpu_svn),
        )
    )
    flags = (machine.dynamic, machine.cached_keys, machine.smt)
    configuration = b"".join(
        _entry((7, number), _BOOLEAN, b"\xff" if flag else b"\0")
        for number, flag in enumerate(flags, 1)
    )
    content = (
        _entry((1,), _OCTETS, machine.ppid)
        + _entry((2,), _SEQUENCE, tcb)
        + _entry((3,), _OCTETS, machine.pce_id)
        + _entry((4,), _OCTETS, machine.fmspc)
        + _entry((5,), _ENUMERATED, bytes([machine.sgx_type]))
        + _entry((6,), _OCTETS, machine.instance_id)
        + _entry((7,), _SEQUENCE, configuration)
    )
    oid = x509.ObjectIdentifier(".".join(map(str, _SGX)))
    return x509.UnrecognizedExtension(oid, _der(_SEQUENCE, content))


def _entry(path: tuple[int, ...], tag: int, content: bytes) -> bytes:
    oid = bytes([_SGX[0] * 40 + _SGX[1]]) + b"".join(map(_base128, (*_SGX[2:], *path)))
    return _der(_SEQUENCE, _der(_OID, oid) + _der(tag, content))


def _der(tag: int, content: bytes) -> bytes:
    size = len(content)
    if size < 0x80:  # noqa: PLR2004 - the short form of X.690 §8.1.3
        return bytes([tag, size]) + content
    length = size.to_bytes((size.bit_length() + 7) // 8)
    return bytes([tag, 0x80 | len(length)]) + length + content


def _base128(arc: int) -> bytes:
    digits = [arc & 0x7F]
    while arc := arc >> 7:
        digits.append(arc & 0x7F | 0x80)
    return bytes(reversed(digits))


def _positive(number: int) -> bytes:
    return number.to_bytes(number.bit_length() // 8 + 1)
