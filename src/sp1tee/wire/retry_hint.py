"""When a refused call may be tried again: `google.rpc.RetryInfo` in a call's trailing metadata.

It travels as `google.rpc.Status` under the key `grpc-status-details-bin`
(https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md, "Status-Details").
"""

from typing import Final

from google.protobuf.message import DecodeError

from sp1tee.wire.pb import retry_hint_pb2

KEY: Final = "grpc-status-details-bin"
LONGEST_S: Final = 3600.0
"""No hint counts for more."""

_TYPE: Final = "type.googleapis.com/google.rpc.RetryInfo"
_MOST_BYTES: Final = 8192
_NANOS: Final = 1_000_000_000


def encode_hint(code: int, text: str, seconds: float) -> bytes:
    """Write a status with a hint.

    Args:
        code: the number of the call's `grpc.StatusCode`.
        text: the call's status message.
        seconds: how long to wait.
    """
    whole = int(seconds)
    delay = retry_hint_pb2.Delay(seconds=whole, nanos=int((seconds - whole) * _NANOS))
    info = retry_hint_pb2.RetryInfo(retry_delay=delay).SerializeToString()
    details = [retry_hint_pb2.Detail(type_url=_TYPE, value=info)]
    return retry_hint_pb2.Status(code=code, message=text, details=details).SerializeToString()


def decode_hint(data: bytes) -> float | None:
    """Read how long to wait, in seconds, at most `LONGEST_S`; None where nothing says it."""
    if len(data) > _MOST_BYTES:
        return None
    try:
        status = retry_hint_pb2.Status.FromString(data)
        for detail in status.details:
            if detail.type_url == _TYPE:
                return _seconds(retry_hint_pb2.RetryInfo.FromString(detail.value))
    except DecodeError:
        return None
    return None


def _seconds(info: retry_hint_pb2.RetryInfo) -> float | None:
    if not info.HasField("retry_delay"):
        return None
    delay = info.retry_delay.seconds + info.retry_delay.nanos / _NANOS
    return min(max(delay, 0.0), LONGEST_S)
