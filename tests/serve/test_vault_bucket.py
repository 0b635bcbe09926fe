"""A server whose sealed files lie in a bucket."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from support.running import Running, holder, running, settings
from support.s3_server import KEY_ID, SECRET, S3Server
from support.shelves import outsider

from sp1tee.errors import BucketMissing, ConfigError
from sp1tee.serve.vault_bucket import open_bucket
from sp1tee.settings import load
from sp1tee.store.s3_bucket import Bucket

pytestmark = pytest.mark.anyio

INPUT = b"CANARY of an input " * 400_000
KEYS = {"vault_access_key_id": KEY_ID, "vault_secret_access_key": SECRET}


def in_bucket(bucket: Bucket) -> dict[str, Any]:
    return {
        "vault_url": str(bucket),
        "vault_endpoint": bucket.endpoint,
        "vault_region": bucket.region,
        **KEYS,
    }


@pytest.fixture
async def bucket(s3: S3Server) -> Bucket:
    return s3.own_bucket()


@pytest.fixture
async def served(tmp_path: Path, bucket: Bucket, anyio_backend: str) -> AsyncIterator[Running]:
    async with running(tmp_path, **in_bucket(bucket)) as served:
        yield served


class TestAServer:
    async def test_an_upload_lies_sealed_in_the_bucket_and_comes_back(
        self, served: Running
    ) -> None:
        place = await served.place()
        assert (await served.public.put(place.path, content=INPUT)).status_code == 200
        assert await served.content(place) == INPUT
        everything = outsider(served.room).everything()
        assert sum(map(len, everything.values())) > len(INPUT)
        assert not any(b"CANARY" in content for content in everything.values())
        assert list((served.server.core.settings.data_dir).rglob("stdin_*")) == []

    async def test_a_worker_gets_ranges_of_an_input(self, served: Running) -> None:
        lease = await served.leased()
        path = f"/blobs/stdin/{lease.lease_id}"
        whole = await served.worker.get(path, headers=holder(lease))
        some = await served.worker.get(path, headers=holder(lease) | {"range": "bytes=3-5"})
        assert (whole.status_code, some.status_code) == (200, 206)
        assert some.content == whole.content[3:6]

    async def test_it_is_ready_while_the_bucket_can_be_written(self, served: Running) -> None:
        said = (await served.worker.get("/health/ready")).json()
        assert (said["ready"], said["store"], said["vault"]) == (True, "ok", "ok")

    async def test_readiness_names_the_vault_when_its_bucket_is_gone(
        self, served: Running, s3: S3Server, bucket: Bucket
    ) -> None:
        s3.take_away(bucket)
        answer = await served.worker.get("/health/ready")
        assert answer.status_code == 503
        assert answer.json()["why_not"] == {"vault": BucketMissing.code}
        assert answer.json()["store"] == "ok"

    async def test_an_upload_that_the_bucket_refuses_may_be_sent_again(
        self, served: Running, s3: S3Server, bucket: Bucket
    ) -> None:
        place = await served.place()
        s3.take_away(bucket)
        answer = await served.public.put(place.path, content=INPUT)
        assert answer.status_code == 503
        assert BucketMissing.code in answer.text
        assert bucket.name not in answer.text
        (s3.root / bucket.name).mkdir()
        assert (await served.public.put(place.path, content=INPUT)).status_code == 200
        assert await served.content(place) == INPUT


class TestSettings:
    async def test_without_a_url_there_is_no_bucket(self, tmp_path: Path) -> None:
        assert open_bucket(settings(tmp_path), {}) is None

    async def test_files_hold_the_credentials(self, tmp_path: Path) -> None:
        for name, content in KEYS.items():
            (tmp_path / name).write_text(content + "\n")
            (tmp_path / name).chmod(0o600)
        variables = {f"SP1TEE_SERVE_{name.upper()}_FILE": str(tmp_path / name) for name in KEYS}
        made = load(
            type(settings(tmp_path)),
            "serve",
            environment={"SP1TEE_SERVE_VAULT_URL": "s3://bucket/a", **variables},
        )
        assert open_bucket(made, {}) == Bucket(
            "bucket", "a", access_key_id=KEY_ID, secret_access_key=SECRET
        )

    @pytest.mark.parametrize("variable", ["AWS_ACCESS_KEY_ID", "AWS_WEB_IDENTITY_TOKEN_FILE"])
    async def test_so_may_the_usual_variables(self, tmp_path: Path, variable: str) -> None:
        made = settings(tmp_path, vault_url="s3://bucket")
        assert open_bucket(made, {variable: "something"}) == Bucket("bucket")
        with pytest.raises(ConfigError) as caught:
            open_bucket(made, {variable: ""})
        assert "vault_access_key_id_file" in caught.value.advice

    async def test_certificates_are_read(self, tmp_path: Path) -> None:
        (tmp_path / "ca.pem").write_bytes(b"certificates")
        made = settings(
            tmp_path, vault_url="s3://bucket", vault_ca_file=tmp_path / "ca.pem", **KEYS
        )
        found = open_bucket(made, {})
        assert found is not None
        assert found.ca_pem == b"certificates"
        (tmp_path / "ca.pem").unlink()
        with pytest.raises(ConfigError):
            open_bucket(made, {})

    @pytest.mark.parametrize(
        "changes",
        [
            {"vault_endpoint": "https://s3.example.org"},
            {"vault_region": "eu-test-1"},
            KEYS,
            {"vault_url": "s3://bucket", "vault_access_key_id": KEY_ID},
            {"vault_url": "s3://bucket", "vault_secret_access_key": SECRET},
            {"vault_url": "s3://bucket", "vault_endpoint": "s3.example.org"},
        ],
        ids=str,
    )
    async def test_what_does_not_fit_together_is_refused(
        self, tmp_path: Path, changes: dict[str, Any]
    ) -> None:
        with pytest.raises(ValidationError):
            settings(tmp_path, **changes)

    async def test_no_secret_shows(self, tmp_path: Path) -> None:
        made = settings(tmp_path, vault_url="s3://bucket", **KEYS)
        assert SECRET not in repr(made)
        assert KEY_ID not in repr(made)
