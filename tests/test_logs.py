"""What is logged can be read by anybody."""

import json
import logging
from collections.abc import Iterator

import pytest
import structlog
from structlog.testing import capture_logs

from sp1tee import logs

SECRET = "hunter2"


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level, configured = list(root.handlers), root.level, structlog.get_config()
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.configure(**configured)


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    out, err = capsys.readouterr()
    assert out == ""
    return [json.loads(line) for line in err.splitlines()]


def test_what_follows_a_logger_s_lines_does_so_however_often_logging_is_set_up() -> None:
    logs.configure(json=True)
    logger = logs.get("sp1tee.followed")
    logger.info("used, and so bound")
    logs.configure(json=True)
    with capture_logs() as lines:
        logger.info("seen")
    assert [line["event"] for line in lines] == ["seen"]


def test_an_event_is_one_json_object_on_stderr(capsys: pytest.CaptureFixture[str]):
    logs.configure(json=True)
    logs.get("sp1tee.here").info("started", port=8080)
    (line,) = lines(capsys)
    assert line["event"] == "started"
    assert line["logger"] == "sp1tee.here"
    assert line["level"] == "info"
    assert line["port"] == 8080
    assert str(line["timestamp"]).endswith("Z")


@pytest.mark.parametrize(
    "name", ["token", "lease_token", "vault_key", "Authorization", "key", "signature", "secrets"]
)
def test_a_value_with_a_secret_name_is_blotted_out(capsys: pytest.CaptureFixture[str], name: str):
    logs.configure(json=True)
    logs.get("sp1tee.here").warning("odd", **{name: "hunter2", "inner": {name: "hunter2"}})
    (line,) = lines(capsys)
    assert "hunter2" not in json.dumps(line)


@pytest.mark.parametrize(
    "text",
    [
        "https://prover.example.org/artifacts/stdin/a?token=hunter2",
        "PUT https://s3.example.org/x?X-Amz-Signature=hunter2&X-Amz-Credential=hunter2",
        "sent Bearer hunter2",
    ],
)
def test_a_token_inside_of_a_text_is_blotted_out(capsys: pytest.CaptureFixture[str], text: str):
    logs.configure(json=True)
    logs.get("sp1tee.here").error(text, also=text)
    assert "hunter2" not in json.dumps(lines(capsys))


def test_bytes_are_never_written(capsys: pytest.CaptureFixture[str]):
    logs.configure(json=True)
    logs.get("sp1tee.here").info("got", chunk=b"private", view=memoryview(b"private"))
    (line,) = lines(capsys)
    assert line["chunk"] == line["view"] == "[7 bytes]"


def test_a_traceback_shows_no_values_of_variables(capsys: pytest.CaptureFixture[str]):
    logs.configure(json=True)

    def fail(secret: str) -> None:
        raise ValueError(len(secret))

    try:
        fail(SECRET)
    except ValueError:
        logs.get("sp1tee.here").exception("failed")
    (line,) = lines(capsys)
    assert "ValueError: 7" in str(line["exception"])
    assert SECRET not in json.dumps(line)


def test_libraries_speak_in_the_same_form_and_only_from_warnings_on(
    capsys: pytest.CaptureFixture[str],
):
    logs.configure(json=True)
    logging.getLogger("httpx").info("GET https://s3.example.org/x?token=hunter2")
    logging.getLogger("httpx").warning("GET https://s3.example.org/x?token=hunter2 failed")
    (line,) = lines(capsys)
    assert line["event"] == "GET https://s3.example.org/x?token=[redacted] failed"


def test_quieter_levels_can_be_asked_for(capsys: pytest.CaptureFixture[str]):
    logs.configure(json=True, level="warning")
    logs.get("sp1tee.here").info("unheard")
    assert lines(capsys) == []


def test_on_a_terminal_lines_are_for_people(capsys: pytest.CaptureFixture[str]):
    logs.configure(json=False)
    logs.get("sp1tee.here").info("started", port=8080)
    _, err = capsys.readouterr()
    assert "started" in err
    assert "port=8080" in err
    assert "{" not in err
