"""Settings come from a file, the environment and flags, and nothing unknown or unsafe gets in."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sp1tee.errors import ConfigError
from sp1tee.hosts import split_address
from sp1tee.serve.settings import ServeSettings
from sp1tee.settings import load

SECRET = "correct-horse-battery-staple"


def serve(file: Path | None = None, environment: dict[str, str] | None = None, **flags: object):
    return load(ServeSettings, "serve", file, environment=environment or {}, **flags)


@pytest.fixture(autouse=True)
def empty_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_without_anything_the_documented_defaults_hold():
    settings = serve()
    assert settings.listen == "0.0.0.0:8080"
    assert settings.worker_listen == "127.0.0.1:8081"
    assert settings.max_stdin_bytes == 2 * 1024**3
    assert settings.network == "standalone"
    assert settings.hints == ()


def test_the_environment_wins_over_the_file_and_flags_over_both(tmp_path: Path):
    file = tmp_path / "other.toml"
    file.write_text('[serve]\nlisten = "127.0.0.1:1"\nlease_ttl_s = 7\ndrain_s = 3\n')
    variables = {"SP1TEE_SERVE_LISTEN": "127.0.0.1:2", "SP1TEE_SERVE_LEASE_TTL_S": "8"}
    settings = serve(file, variables, listen="127.0.0.1:3", public_lists=None)
    assert (settings.listen, settings.lease_ttl_s, settings.drain_s) == ("127.0.0.1:3", 8, 3)


def test_a_file_in_the_working_directory_is_found_by_its_name():
    Path("sp1tee.toml").write_text("[serve]\nlease_ttl_s = 7\n[fulfill]\nprefetch = 2\n")
    assert serve().lease_ttl_s == 7


def test_sizes_and_lists_can_be_written_for_people():
    variables = {
        "SP1TEE_SERVE_MAX_STDIN_BYTES": "512MiB",
        "SP1TEE_SERVE_PROGRAM_SOURCES": "s3://mine/, https://programs.example.org/",
    }
    settings = serve(environment=variables)
    assert settings.max_stdin_bytes == 512 * 1024**2
    assert settings.program_sources == ("s3://mine/", "https://programs.example.org/")


def test_an_empty_variable_counts_as_not_given():
    assert serve(environment={"SP1TEE_SERVE_PUBLIC_URL": ""}).public_url is None


def test_a_secret_can_stand_in_a_file(tmp_path: Path):
    file = tmp_path / "token"
    file.write_text(SECRET + "\n")
    settings = serve(worker_token_file=file)
    assert settings.worker_token is not None
    assert settings.worker_token.get_secret_value() == SECRET
    assert SECRET not in repr(settings)


def test_a_secret_from_a_flag_replaces_the_file_from_the_environment(tmp_path: Path):
    variables = {"SP1TEE_SERVE_WORKER_TOKEN_FILE": str(tmp_path / "absent")}
    settings = serve(environment=variables, worker_token=SECRET)
    assert settings.worker_token is not None


@pytest.mark.parametrize(
    ("flags", "complaint"),
    [
        ({"listen": "8080"}, "ADDRESS:PORT"),
        ({"listen": "0.0.0.0:70000"}, "ADDRESS:PORT"),
        ({"listen": "prover.example.org:80"}, "in figures"),
        ({"listen": "127.0.0.1:9", "worker_listen": "127.0.0.1:9"}, "same address"),
        ({"public_url": "prover.example.org"}, "scheme"),
        ({"public_url": "ftp://prover.example.org"}, "scheme"),
        ({"public_url": "https://prover.example.org/path"}, "origin alone"),
        ({"public_url": "https://u:p@prover.example.org"}, "origin alone"),
        ({"network": "upstream"}, "upstream_url and fulfiller_key"),
        ({"worker_token": "short"}, "at least 16"),
        ({"bearer_token": "has a space in it, and is long"}, "without spaces"),
        ({"allow_requesters": "0x12"}, "allow_requesters"),
        ({"evidences_dir": "/nonexistent"}, "no directory"),
        ({"lease_ttl_s": 0}, "greater than 0"),
        ({"max_stdin_bytes": "lots"}, "max_stdin_bytes"),
        ({"worker_token_file": "/nonexistent"}, "cannot be read"),
        ({"no_such_thing": 1}, "no such setting"),
    ],
)
def test_an_unsafe_or_ambiguous_value_is_refused_with_its_reason(
    flags: dict[str, object], complaint: str
):
    with pytest.raises(ConfigError) as caught:
        serve(**flags)
    assert complaint in caught.value.message


def test_a_refused_secret_is_not_repeated():
    with pytest.raises(ConfigError) as caught:
        serve(worker_token="tiny-secret", fulfiller_key=SECRET, lease_ttl_s="nine")
    text = caught.value.message + caught.value.advice
    assert "tiny-secret" not in text
    assert SECRET not in text
    assert "nine" not in text


def test_a_secret_given_twice_in_one_place_is_refused(tmp_path: Path):
    with pytest.raises(ConfigError, match="Both worker_token and worker_token_file"):
        ServeSettings(worker_token=SECRET, worker_token_file=tmp_path / "token")


def test_an_unknown_variable_is_refused_by_name():
    with pytest.raises(ConfigError, match="SP1TEE_SERVE_LISTN"):
        serve(environment={"SP1TEE_SERVE_LISTN": "127.0.0.1:1"})


def test_variables_of_other_sections_do_not_matter():
    serve(environment={"SP1TEE_FULFILL_SERVER": "http://127.0.0.1:1"})


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[serve", "not TOML"),
        ("[srve]\n", "unknown sections: srve"),
        ("serve = 3\n", "no section"),
        ("[serve]\nlistn = 'x'\n", "serve.listn"),
    ],
)
def test_a_broken_file_is_refused_with_its_reason(tmp_path: Path, text: str, complaint: str):
    file = tmp_path / "broken.toml"
    file.write_text(text)
    with pytest.raises(ConfigError) as caught:
        serve(file)
    assert complaint in caught.value.message


def test_a_named_file_must_exist(tmp_path: Path):
    with pytest.raises(ConfigError, match="cannot be read"):
        serve(tmp_path / "absent.toml")


def test_a_slash_at_the_end_of_the_public_url_does_not_double():
    assert (
        serve(public_url="https://prover.example.org/").public_url == "https://prover.example.org"
    )


def test_the_originals_variables_are_understood_with_a_hint():
    variables = {
        "HOSTNAME": "https://prover.example.org/",
        "NETWORK_RPC_URL": "https://rpc.example.org",
    }
    settings = serve(environment=variables)
    assert settings.public_url == "https://prover.example.org"
    assert settings.upstream_url == "https://rpc.example.org"
    assert [hint.split()[0] for hint in settings.hints] == ["NETWORK_RPC_URL", "HOSTNAME"]


def test_a_containers_hostname_is_not_taken_for_a_url():
    settings = serve(environment={"HOSTNAME": "3f1c9a0b77de"})
    assert settings.public_url is None
    assert settings.hints == ()


def test_our_own_variable_wins_over_the_originals():
    variables = {
        "HOSTNAME": "https://old.example.org",
        "SP1TEE_SERVE_PUBLIC_URL": "https://new.example.org",
    }
    assert serve(environment=variables).public_url == "https://new.example.org"


def test_an_ipv6_address_stands_in_brackets():
    assert split_address("[::1]:0") == ("::1", 0)


@given(st.text())
def test_any_text_is_an_address_or_is_refused(text: str):
    try:
        host, port = split_address(text)
    except ValueError:
        return
    assert host
    assert 0 <= port <= 65535


def test_of_very_many_problems_the_first_are_named_and_the_others_counted():
    variables = {"SP1TEE_SERVE_ALLOW_REQUESTERS": ",".join(["nobody"] * 500)}
    with pytest.raises(ConfigError) as caught:
        serve(environment=variables)
    assert "serve.allow_requesters.9:" in caught.value.message
    assert "serve.allow_requesters.10:" not in caught.value.message
    assert caught.value.message.endswith("and 490 more.")
