"""Where artifacts lie: an object store as S3 would be, in memory.

Keys are ``<folder>/<artifact id>``. A presigned URL carries when it expires and a keyed digest over
method, key and expiry, so that it works for one method, one object and a while, and can be used
again within it, as on S3. Everybody may read but the private inputs.
"""

import hashlib
import hmac
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlencode

from sp1tee.errors import NetworkRefusal
from sp1tee.sim.network.rules import PRIVATE_FOLDER
from sp1tee.wire.ids import new_id
from sp1tee.wire.pb import artifact_pb2

FOLDERS: Mapping[int, str] = {
    artifact_pb2.PROGRAM: "programs",
    artifact_pb2.STDIN: "stdins",
    artifact_pb2.PROOF: "proofs",
    artifact_pb2.TRANSACTION: "transactions",
    artifact_pb2.PRIVATE_STDIN: PRIVATE_FOLDER,
}
"""Folders by artifact type (succinctlabs/network, crates/network/artifacts); no other is stored."""

_EXPIRES = "X-Sim-Expires"
_SIGNATURE = "X-Sim-Signature"


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An uploaded object."""

    data: bytes = field(repr=False)
    uploaded_at: float

    @property
    def etag(self) -> str:
        """S3's name for this content."""
        return f'"{hashlib.md5(self.data, usedforsecurity=False).hexdigest()}"'


class ObjectStore:
    """Objects of one bucket.

    Args:
        bucket: its name.
        ttl_s: seconds for which a presigned URL works.
        clock: Unix seconds.
    """

    def __init__(self, bucket: str, *, ttl_s: float, clock: Callable[[], float]) -> None:
        self.bucket = bucket
        self.base_url = ""
        self._ttl_s = ttl_s
        self._clock = clock
        self._secret = secrets.token_bytes(32)
        self._objects: dict[str, StoredObject] = {}

    def new_key(self, kind: int) -> str:
        """Make up a key for an artifact of a kind.

        Raises:
            NetworkRefusal: such artifacts are not stored.
        """
        try:
            return f"{FOLDERS[kind]}/{new_id('artifact')}"
        except KeyError:
            raise NetworkRefusal("unsupported artifact type") from None

    def uri(self, key: str) -> str:
        """Name an object as requests and programs do."""
        return f"s3://{self.bucket}/{key}"

    def url(self, key: str) -> str:
        """Where an object can be read by everybody, unless it is private."""
        return f"{self.base_url}/{self.bucket}/{key}"

    def public_url(self, uri: str) -> str:
        """Return the HTTP form of any artifact URI; empty for private inputs of ours."""
        key = self.key_of(uri)
        if key is None:
            return uri if uri.startswith("http") else ""
        return "" if key.startswith(PRIVATE_FOLDER) else self.url(key)

    def key_of(self, uri: str) -> str | None:
        """Return the key in a URI of this bucket, None for any other URI."""
        prefix = self.uri("")
        return uri.removeprefix(prefix) if uri.startswith(prefix) else None

    def expiry(self) -> int:
        """When a URL that is presigned now stops working, Unix seconds."""
        return int(self._clock() + self._ttl_s)

    def presign(self, method: str, key: str) -> str:
        """Make a URL with which anybody may use `method` on an object for a while."""
        expires = str(self.expiry())
        query = {_EXPIRES: expires, _SIGNATURE: self._sign(method, key, expires)}
        return f"{self.url(key)}?{urlencode(query)}"

    def allows(self, method: str, key: str, query: Mapping[str, str]) -> bool:
        """Tell whether a request for an object may go ahead."""
        if method == "GET" and not key.startswith(PRIVATE_FOLDER):
            return True
        expires, signature = query.get(_EXPIRES, ""), query.get(_SIGNATURE, "")
        genuine = hmac.compare_digest(signature.encode(), self._sign(method, key, expires).encode())
        return genuine and int(expires) > self._clock()

    def put(self, key: str, data: bytes) -> None:
        """Store an object, in place of an older one."""
        self._objects[key] = StoredObject(data, self._clock())

    def get(self, key: str) -> StoredObject | None:
        """Return an object, None if there is none."""
        return self._objects.get(key)

    def _sign(self, method: str, key: str, expires: str) -> str:
        text = f"{method}\n{key}\n{expires}".encode()
        return hmac.new(self._secret, text, hashlib.sha256).hexdigest()
