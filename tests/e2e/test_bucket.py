"""Sealed files in a bucket, through real processes: server, S3 server, fulfiller."""

from pathlib import Path

import pytest
from support.people import detach, eventually, fetch, metrics, solvency
from support.s3_server import KEY_ID, SECRET, S3Server, client_of
from support.shelves import AtTheBucket

from sp1tee.sim.processes import LocalService, Process
from sp1tee.store.s3_bucket import Bucket

pytestmark = pytest.mark.e2e


def secret_file(folder: Path, name: str, content: str) -> str:
    path = folder / name
    path.write_text(content)
    path.chmod(0o600)
    return str(path)


@pytest.fixture
def reached(tmp_path: Path, s3: S3Server) -> tuple[Bucket, list[str]]:
    """A bucket, and the flags of a server that keeps its sealed files there."""
    bucket, keys = s3.bucket(), tmp_path / "keys"
    keys.mkdir()
    return bucket, [
        *("--vault-url", str(bucket), "--vault-endpoint", s3.endpoint),
        *("--vault-region", bucket.region or ""),
        *("--vault-access-key-id-file", secret_file(keys, "id", KEY_ID)),
        *("--vault-secret-access-key-file", secret_file(keys, "secret", SECRET)),
    ]


def start(service: LocalService, flags: list[str]) -> Process:
    return service.serve("--allow-mock", "--lease-ttl-s", "2", *flags)


def test_a_request_survives_a_killed_server_and_its_input_is_nowhere_in_the_bucket(
    service: LocalService,
    reached: tuple[Bucket, list[str]],
    folder: Path,
    key: Path,
    watched: list[bytes],
) -> None:
    bucket, flags = reached
    outside = AtTheBucket(client_of(bucket))
    server = start(service, flags)
    task = solvency(folder)
    watched.extend((*task.secret, SECRET.encode()))
    request_id = detach(task, server, key)
    server.kill()
    waiting = {name.split("_")[0] for name in outside.ids()}
    assert waiting == {"program", "stdin"}
    for content in outside.everything().values():
        assert not any(secret in content for secret in task.secret)

    server = start(service, flags)
    service.fulfill(server)
    result = fetch(request_id, server, folder / "proof.bin")
    assert result["public_values"] == task.public_values.hex()
    settled = 'sp1tee_requests{state="settled"} 1.0'
    assert settled in metrics(service, server)
    left = {"program", "proof"}
    eventually(
        lambda: {name.split("_")[0] for name in outside.ids()} == left or None,
        "an erased input",
    )
