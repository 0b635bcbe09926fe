"""The worker protocol's messages, read with suspicion and written from records."""

import hashlib
import hmac
from typing import Final

from sp1tee.errors import MalformedCall
from sp1tee.store.records import UNKNOWN_FAILURE, Capability, ExecutionFacts, Failure, Leased
from sp1tee.wire.modes import Mode
from sp1tee.wire.pb import worker_pb2

_HASH_SIZE: Final = 32
_NAME_LENGTH: Final = 128
_TEXT_LENGTH: Final = 1000
_PRINTED_LENGTH: Final = 2048
_MOST_CAPABILITIES: Final = 64
_MOST_KEYS: Final = 256
_MILLISECONDS: Final = 1000
_TENANT_LENGTH: Final = 16
_KNOWN_MODES: Final = frozenset(map(int, Mode))


def worker_name(name: str) -> str:
    """Check the name a worker chose; it is shown in logs and lists.

    Raises:
        MalformedCall: it is empty, too long, or has characters that are not shown as they are.
    """
    if not name or len(name) > _NAME_LENGTH or not name.isprintable():
        raise MalformedCall(
            "The worker has no proper name.",
            advice=f"Give 1 to {_NAME_LENGTH} printable characters.",
        )
    return name


def capabilities_of(request: worker_pb2.LeaseRequest) -> tuple[Capability, ...]:
    """Read what a worker can prove. Modes unknown here are left out: nobody can ask for them.

    Raises:
        MalformedCall: it says nothing, or too much.
    """
    if not 0 < len(request.capabilities) <= _MOST_CAPABILITIES:
        raise MalformedCall(
            "The worker does not say what it can prove.",
            advice=f"Give 1 to {_MOST_CAPABILITIES} capabilities.",
        )
    return tuple(
        Capability(offered.version, _KNOWN_MODES.intersection(offered.modes), offered.mock)
        for offered in request.capabilities
    )


def keys_of(request: worker_pb2.LeaseRequest) -> frozenset[bytes]:
    """Read which programs a worker has set up, as the hashes of their verifying keys.

    Raises:
        MalformedCall: there are too many, or one is no hash.
    """
    if len(request.keys) > _MOST_KEYS or any(len(key) != _HASH_SIZE for key in request.keys):
        raise MalformedCall(
            "The worker names its programs in a way that cannot be read.",
            advice=f"Give at most {_MOST_KEYS} hashes of {_HASH_SIZE} bytes.",
        )
    return frozenset(request.keys)


def execution_of(report: worker_pb2.ExecutionReport) -> ExecutionFacts:
    """Read what running the guest showed.

    Raises:
        MalformedCall: the hash is none.
    """
    if len(report.public_values_hash) != _HASH_SIZE:
        raise MalformedCall(
            "The execution report has no hash of the public values.",
            advice="Give their sha256, 32 bytes.",
        )
    gas = report.gas if report.HasField("gas") else None
    return ExecutionFacts(report.cycles, gas, report.public_values_hash)


def failure_of(request: worker_pb2.FailRequest) -> Failure:
    """Read why there will be no proof."""
    execution = execution_of(request.execution) if request.HasField("execution") else None
    return Failure(
        request.error or UNKNOWN_FAILURE,
        request.cause or None,
        _sentence(request.text) or "The prover could not prove it and did not say why.",
        execution,
    )


def printed_of(request: worker_pb2.FailRequest) -> str:
    """Read what the program printed last; the end of it, if it is too long."""
    return _line(request.printed[-_PRINTED_LENGTH:])


def lease_message(leased: Leased, ttl_s: float, tenant_key: bytes) -> worker_pb2.Lease:
    """Write what a worker is told about a request."""
    record = leased.record
    return worker_pb2.Lease(
        lease_id=leased.lease_id,
        lease_token=leased.token,
        request_id=record.request_id or b"",
        vk_hash=record.vk_hash,
        version=record.version,
        mode=record.mode,  # type: ignore[arg-type]  # the request's own, checked at admission
        deadline=record.deadline,
        cycle_limit=record.cycle_limit,
        gas_limit=record.gas_limit,
        stdin_size=leased.stdin.size or 0,
        program_size=leased.program.size,
        program_sha256=leased.program.sha256,
        vk=leased.program.vk,
        ttl_ms=round(ttl_s * _MILLISECONDS),
        attempt=record.attempts,
        tenant=_tenant(record.requester, tenant_key),
        request=record.key,
    )


def _tenant(requester: bytes, key: bytes) -> str:
    return hmac.digest(key, requester, hashlib.sha256)[:_TENANT_LENGTH].hex()


def _sentence(text: str) -> str:
    """Make a text from outside harmless: one line, not too long."""
    return _line(text[:_TEXT_LENGTH])


def _line(text: str) -> str:
    return "".join(c if c.isprintable() else " " for c in text).strip()
