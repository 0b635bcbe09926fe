"""A bucket of a real S3 server that a cluster and a worker share."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sp1tee.fulfill.provers.cluster.bucket_store import Bucket
from support.s3_server import REGION, s3_server


@dataclass(frozen=True)
class SharedBucket:
    """A bucket, and the folder that its objects are files of."""

    endpoint: str
    folder: Path

    @property
    def bucket(self) -> Bucket:
        return Bucket(self.folder.name, REGION, self.endpoint)

    @property
    def objects(self) -> dict[str, bytes]:
        """What the bucket holds, by key."""
        files = (path for path in self.folder.rglob("*") if path.is_file())
        found = {str(path.relative_to(self.folder)): path.read_bytes() for path in files}
        return {key: content for key, content in found.items() if not key.startswith(".")}

    def read(self, name: str) -> bytes | None:
        """Find an artifact where sp1-cluster's workers look (crates/artifact/src/s3.rs)."""
        kinds = ("programs", "private-stdins")
        held = self.objects
        return next((held[f"{kind}/{name}"] for kind in kinds if f"{kind}/{name}" in held), None)

    def write(self, name: str, packed: bytes) -> None:
        path = self.folder / "proofs" / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(packed)


@contextmanager
def shared_bucket() -> Iterator[SharedBucket]:
    """Run a server for as long as the block lasts; without one, the test is skipped."""
    with s3_server() as server:
        folder = server.root / "artifacts"
        folder.mkdir()
        yield SharedBucket(server.endpoint, folder)
