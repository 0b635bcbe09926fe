"""What a worker is told."""

from pathlib import Path

import pytest

from sp1tee import settings
from sp1tee.errors import ConfigError
from sp1tee.fulfill.settings import FulfillSettings


def load(**environment: str) -> FulfillSettings:
    return settings.load(FulfillSettings, "fulfill", environment=environment)


@pytest.fixture(autouse=True)
def empty_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_a_server_and_a_token_file_are_enough(tmp_path: Path):
    token = tmp_path / "worker.token"
    token.write_text("the-token\n")
    worker = load(SP1TEE_FULFILL_SERVER="http://server:8081", SP1TEE_FULFILL_TOKEN_FILE=str(token))
    assert worker.endpoint.url == "http://server:8081"
    assert worker.endpoint.metadata == (("authorization", "Bearer the-token"),)


def test_without_a_token_it_says_where_to_find_one():
    with pytest.raises(ConfigError, match="worker token") as missing:
        _ = load().endpoint
    assert "worker.token" in missing.value.advice


def test_a_token_file_may_be_written_later(tmp_path: Path):
    path = tmp_path / "worker.token"
    worker = load(SP1TEE_FULFILL_TOKEN_FILE=str(path), WORKER_COUNT="2")
    assert worker.token is None
    path.write_text("the-token\n")
    complete = worker.with_token_read()
    assert complete.endpoint.metadata == (("authorization", "Bearer the-token"),)
    assert complete.hints == worker.hints
    assert "the-token" not in repr(complete)


def test_the_token_shows_in_no_repr():
    assert "the-token" not in repr(load(SP1TEE_FULFILL_TOKEN="the-token"))


def test_two_workers_on_one_host_have_different_names_by_default():
    assert load().name
    assert load(SP1TEE_FULFILL_NAME="gpu-7").name == "gpu-7"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SERVER", "not a url"),
        ("PROVER", "unheard-of"),
        ("SLOTS", "0"),
        ("PREFETCH", "-1"),
        ("MAX_STDIN_BYTES", "0"),
        ("EXECUTE_SECONDS", "0"),
        ("WORKERS", "1"),
        ("TOKEN", "two words"),
        ("NAME", "a\nb"),
    ],
)
def test_a_setting_that_cannot_be_is_refused(name: str, value: str):
    with pytest.raises(ConfigError):
        load(**{f"SP1TEE_FULFILL_{name}": value})


def test_sizes_can_be_written_for_people():
    assert load(SP1TEE_FULFILL_MAX_STDIN_BYTES="512MiB").max_stdin_bytes == 512 << 20


def test_the_originals_variables_are_understood_with_a_hint():
    worker = load(PRIVATE_SERVER_RPC_URL="http://server:8081", WORKER_COUNT="2")
    assert (worker.server, worker.slots) == ("http://server:8081", 2)
    assert len(worker.hints) == 2


def test_the_originals_network_key_is_not_wanted_here():
    [hint] = load(FULFILLER_PRIVATE_KEY="0x01").hints
    assert "hold no key" in hint
