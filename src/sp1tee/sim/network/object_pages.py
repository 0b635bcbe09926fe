"""What S3 answers, as far as SDKs and provers use it.

``PUT`` to a presigned URL; ``GET`` and ``HEAD`` of ``/{bucket}/{key}``, whole or one range. Errors
are XML as S3's are.
"""

import re
from email.utils import formatdate
from http import HTTPStatus

from sp1tee.errors import NetworkRefusal
from sp1tee.sim.network.faults import Faults
from sp1tee.sim.network.http import Exchange, Reply
from sp1tee.sim.network.objects import ObjectStore, StoredObject

_RANGE = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})")


class ObjectPages:
    """Answers requests for objects.

    Args:
        store: the objects.
        faults: what goes wrong with ``PUT`` and ``GET``.
        max_bytes: largest upload taken.
    """

    def __init__(self, store: ObjectStore, faults: Faults, *, max_bytes: int) -> None:
        self._store = store
        self._faults = faults
        self._max_bytes = max_bytes

    async def answer(self, exchange: Exchange, key: str) -> Reply:
        """Answer a request for the object `key`."""
        method = "GET" if exchange.method == "HEAD" else exchange.method
        if method not in ("GET", "PUT"):
            return _error(HTTPStatus.METHOD_NOT_ALLOWED, "MethodNotAllowed")
        try:
            await self._faults.before(method)
        except NetworkRefusal:
            return _error(HTTPStatus.SERVICE_UNAVAILABLE, "ServiceUnavailable")
        if not self._store.allows(method, key, exchange.query):
            return _error(HTTPStatus.FORBIDDEN, "AccessDenied")
        reply = await self._put(exchange, key) if method == "PUT" else self._get(exchange, key)
        if self._faults.lost_reply(method):
            return _error(HTTPStatus.SERVICE_UNAVAILABLE, "ServiceUnavailable")
        return reply

    async def _put(self, exchange: Exchange, key: str) -> Reply:
        if exchange.header("content-length") is None:
            return _error(HTTPStatus.LENGTH_REQUIRED, "MissingContentLength")
        data = await exchange.read(self._max_bytes)
        if data is None:
            return _error(HTTPStatus.BAD_REQUEST, "EntityTooLarge")
        self._store.put(key, data)
        return Reply(HTTPStatus.OK)

    def _get(self, exchange: Exchange, key: str) -> Reply:
        found = self._store.get(key)
        if found is None:
            return _error(HTTPStatus.NOT_FOUND, "NoSuchKey")
        reply = _part(found, exchange.header("range"))
        if exchange.method == "HEAD":
            length = {"content-length": str(len(reply.body))}
            return Reply(reply.status, headers={**reply.headers, **length})
        return reply


def _part(found: StoredObject, wanted: str | None) -> Reply:
    """Return an object or the part of it that a Range header names."""
    size, headers = len(found.data), _headers(found)
    match = _RANGE.fullmatch(wanted) if wanted else None
    if match is None:
        return Reply(HTTPStatus.OK, found.data, headers)
    start, end = _bounds(match[1], match[2], size)
    if start >= end:
        return _error(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, "InvalidRange")
    headers["content-range"] = f"bytes {start}-{end - 1}/{size}"
    return Reply(HTTPStatus.PARTIAL_CONTENT, found.data[start:end], headers)


def _bounds(first: str, last: str, size: int) -> tuple[int, int]:
    """Return a range as a slice; without a first byte it means the last bytes."""
    if not first:
        return (max(size - int(last), 0), size) if last else (0, 0)
    return int(first), min(int(last) + 1, size) if last else size


def _headers(found: StoredObject) -> dict[str, str]:
    return {
        "accept-ranges": "bytes",
        "content-type": "binary/octet-stream",
        "etag": found.etag,
        "last-modified": formatdate(found.uploaded_at, usegmt=True),
    }


def _error(status: HTTPStatus, code: str) -> Reply:
    body = f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{code}</Code></Error>'
    return Reply(status, body.encode(), {"content-type": "application/xml"})
