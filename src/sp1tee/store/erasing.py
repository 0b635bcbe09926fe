"""Blob keys: recorded when a blob comes into use, deleted when its content must be unreadable."""

from typing import Any, Final

from sqlalchemy import bindparam, delete, exists, insert, select, update

from sp1tee.store.records import WAITING_STATES, SealedBlob
from sp1tee.store.schema import artifacts, blobs, in_states, requests
from sp1tee.store.writer import Tx

_WANTED: Final = select(
    exists().where(requests.c.stdin_artifact == bindparam("artifact"), in_states(WAITING_STATES))
)
_BLOB_OF: Final = select(artifacts.c.blob).where(artifacts.c.id == bindparam("artifact"))
_ERASED: Final[dict[str, Any]] = {"state": "erased", "blob": None, "token_hash": None}


def keep_blob(tx: Tx, sealed: SealedBlob) -> None:
    """Record a blob's key: from now on it can be read."""
    tx.connection.execute(
        insert(blobs),
        {
            "id": sealed.id,
            "wrapped_key": sealed.wrapped_key,
            "size": sealed.size,
            "sha256": sealed.sha256,
        },
    )


def erase_blob(tx: Tx, blob_id: str) -> None:
    """Delete a blob's key: from now on nobody can read it. Its file goes after the commit."""
    tx.connection.execute(delete(blobs).where(blobs.c.id == blob_id))
    tx.erased.append(blob_id)


def erase_artifact(tx: Tx, artifact_id: str) -> None:
    """Close an upload place, and erase what was uploaded there."""
    blob = tx.connection.execute(_BLOB_OF, {"artifact": artifact_id}).scalar_one_or_none()
    tx.connection.execute(update(artifacts).where(artifacts.c.id == artifact_id).values(_ERASED))
    if blob is not None:
        erase_blob(tx, blob)


def release_input(tx: Tx, artifact_id: str) -> None:
    """Erase an input unless a request still waits for a proof of it."""
    if not tx.connection.execute(_WANTED, {"artifact": artifact_id}).scalar_one():
        erase_artifact(tx, artifact_id)
