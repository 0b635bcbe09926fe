"""Everything that can be handed to an auditor's command, and is not what it asks for.

A file that is there and is rubbish gives a report that does not pass; what was typed wrongly is a
mistake of usage; and nothing but the report is ever on stdout.
"""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import jsonschema
import pytest
import xmlschema
from support.commands import Ran
from support.rubbish import CONTENTS, NOWHERE, write_rubbish
from support.tls_servers import raw_server

from sp1tee.cli.app import run
from sp1tee.cli.render import talk
from sp1tee.sim.ingress import Host, attacked, build, reader
from sp1tee.sim.ingress.saved import save
from sp1tee.verify.evidence import save_bundle

ROOT: Final = Path(__file__).parents[2]
SCHEMAS: Final = ROOT / "tests" / "data" / "schemas"
AT: Final = 1_790_000_000
HOST: Final = "tee.example.test"
NOBODY: Final = "tls://127.0.0.1:1"
"""A resolver that refuses at once."""
LAYOUT: Final = "\n\u200b"
"""What is not printable and yet harmless: Markdown keeps addresses from becoming links with it."""
UNREACHABLE: Final = (
    "--resolver",
    NOBODY,
    "--connect",
    "127.0.0.1:1",
    "--pccs",
    "http://127.0.0.1:1",
)

REPORT = jsonschema.Draft202012Validator(
    json.loads((ROOT / "schemas" / "report.v1.json").read_text("utf-8"))
)
SARIF = jsonschema.Draft4Validator(
    json.loads((SCHEMAS / "sarif-2.1.0-rtm.5.json").read_text("utf-8"))
)
JUNIT = xmlschema.XMLSchema(str(SCHEMAS / "jenkins-junit.xsd"))


@dataclass(frozen=True)
class Room:
    """What there is to work with."""

    folder: Path
    rubbish: dict[str, Path]

    def __getitem__(self, name: str) -> str:
        return str(self.folder / name)


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Room:
    """A host's evidence, a policy that fits it, and rubbish."""
    folder = tmp_path_factory.mktemp("room")
    honest = Host(at=AT, seed=b"bad input")
    for name, content in reader.files(honest).items():
        (folder / name).write_bytes(content)
    for name, attacks in (("pass", ()), ("fail", ("relay",)), ("refused", ("out-of-date",))):
        save_bundle(save(build(attacked(honest, attacks))), folder / f"{name}.tar")
    (folder / "quote.json").write_bytes(build(honest).evidence["quote.json"].body)
    return Room(folder, write_rubbish(folder))


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    yield
    talk.cache_clear()


@pytest.fixture
def typed(capsys: pytest.CaptureFixture[str]) -> Callable[..., Ran]:
    """Run a command line in this process."""

    def run_it(*arguments: str) -> Ran:
        talk.cache_clear()
        capsys.readouterr()
        code = run(list(arguments))
        ran = Ran(code, *capsys.readouterr())
        shown = ran.out + ran.err
        assert "Traceback" not in shown
        assert all(c.isprintable() or c in LAYOUT for c in shown)
        return ran

    return run_it


def reported(ran: Ran) -> dict[str, Any]:
    """Read the report, which is all there is on stdout."""
    report: dict[str, Any] = json.loads(ran.out)
    REPORT.validate(report)
    assert report["exit_code"] == ran.code
    return report


# What is judged: a file of it that is rubbish gives a report.
JUDGED: Final[dict[str, str]] = {
    "quote": "verify quote {} --offline",
    "quote, collateral": "verify quote quote.json --collateral {}",
    "quote, bundle": "verify quote --bundle {}",
    "rtmr3": "verify rtmr3 --offline --quote {}",
    "rtmr3, event log": "verify rtmr3 --trust-quote --quote quote.json --event-log {}",
    "rtmr3, app-compose": "verify rtmr3 --trust-quote --quote quote.json --app-compose {}",
    "rtmr3, bundle": "verify rtmr3 --bundle {}",
    "cert, bundle": "verify cert --bundle {}",
    "caa, bundle": f"verify caa {HOST} --account https://ca.example/1 --bundle {{}}",
    "digests": "verify digests {} --offline",
    "digests, oci-archive": "verify digests --offline docker-compose.yml --built server=oci-archive:{}",
    "digests, docker-archive": "verify digests --offline docker-compose.yml --built server=docker-archive:{}",
    "digests, tar": "verify digests --offline docker-compose.yml --built server={}",
    "digests, bundle": "verify digests --bundle {}",
    "proof": f"verify proof {{}} --vkey {'00' * 32}",
    "all": "verify all {}",
    "all, bundle": "verify all --bundle {}",
}

# What judges, or is compared with: the reader's own, and so a mistake of theirs.
OWN: Final[dict[str, str]] = {
    "policy": "verify all pass.tar --policy {}",
    "root": "verify quote quote.json --offline --root {}",
    "CAs": f"verify cert {HOST} --offline --ca-file {{}}",
    "CT logs": f"verify cert {HOST} --offline --ct-logs {{}}",
    "registries' CAs": "verify digests docker-compose.yml --offline --ca-file {}",
    "anchors": "policy init pass.tar --anchors {}",
    "policy to explain": "policy explain {}",
    "key provider": "verify rtmr3 --trust-quote --quote quote.json --key-provider {}",
}

# Commands without a report, which just fail.
PLAIN: Final[dict[str, str]] = {
    "show": "evidence show {}",
    "init": "policy init {}",
}


def line(room: Room, pattern: str, file: str) -> list[str]:
    """Make a command line of a pattern: names of the room's files become paths."""
    words = [word.format(file) for word in pattern.split()]
    names = {path.name for path in room.folder.iterdir()}
    return [room[word] if word in names else word for word in words]


@pytest.mark.parametrize("kind", [*CONTENTS, "gigantic"])
@pytest.mark.parametrize("command", JUDGED)
def test_a_file_that_is_rubbish_gives_a_report_that_does_not_pass(
    typed: Callable[..., Ran], room: Room, command: str, kind: str
) -> None:
    ran = typed(*line(room, JUDGED[command], str(room.rubbish[kind])), "--format", "json")
    report = reported(ran)
    assert ran.code in {1, 3}, report["verdict"]
    spoilt = [c for c in report["checks"] if c["status"] in {"fail", "unevaluable"}]
    assert all(check["code"].startswith("SP1TEE-V") and check["summary"] for check in spoilt)


@pytest.mark.parametrize("kind", [*CONTENTS, "gigantic"])
@pytest.mark.parametrize("command", OWN)
def test_an_anchor_or_policy_that_is_rubbish_is_a_mistake_of_usage(
    typed: Callable[..., Ran], room: Room, command: str, kind: str
) -> None:
    ran = typed(*line(room, OWN[command], str(room.rubbish[kind])))
    assert (ran.code, ran.out) == (2, "")
    assert "SP1TEE-" in ran.err


@pytest.mark.parametrize("kind", [*CONTENTS, "gigantic"])
@pytest.mark.parametrize("command", PLAIN)
def test_a_bundle_that_is_rubbish_is_an_error_where_nothing_is_judged(
    typed: Callable[..., Ran], room: Room, command: str, kind: str
) -> None:
    ran = typed(*line(room, PLAIN[command], str(room.rubbish[kind])))
    assert (ran.code, ran.out) == (3, "")


@pytest.mark.parametrize("kind", NOWHERE)
@pytest.mark.parametrize("pattern", [*JUDGED.values(), *OWN.values(), *PLAIN.values()])
def test_a_path_with_nothing_at_it_is_a_mistake_of_usage(
    typed: Callable[..., Ran], room: Room, pattern: str, kind: str
) -> None:
    if "all {}" in pattern or "init {}" in pattern:
        pattern += " --offline" if "all" in pattern else f" --resolver {NOBODY}x"
    ran = typed(*line(room, pattern, NOWHERE[kind](room.folder)))
    assert (ran.code, ran.out) == (2, ""), ran.err


HOSTS: Final = (
    *("", " ", "-x", "tee..example", "*.example.org", "localhost", "a_b.example", "1.2.3"),
    *("192.0.2.1", "::1", "[::1]", "[::1]:443", "[", "]:443", f"{'a' * 300}.org", "a" * 100_000),
    *("https://tee.example.org/", "user@tee.example.org", "tee.example.org/x", "tee.example.org?x"),
    *("tee.example.org:0", "tee.example.org:65536", "tee.example.org:x", "tee.example.org:1:2"),
    *("tee.example.org:٤٤٣", "tee.example.org:", "\u202etee.example.org", "tee\x1b[1m.example"),
    *("é" * 200 + ".example", "xn--" + "a" * 70 + ".example", ".".join(["a"] * 40)),
)


@pytest.mark.parametrize("host", HOSTS, ids=ascii)
@pytest.mark.parametrize(
    "command",
    ["verify all", "verify cert", "verify caa --account https://x", "evidence fetch -o x"],
)
def test_what_is_no_host_is_a_mistake_of_usage(
    typed: Callable[..., Ran], command: str, host: str, tmp_path: Path
) -> None:
    ran = typed(*command.split(), "--", host)
    assert (ran.code, ran.out) == (2, "")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("bücher.example", "xn--bcher-kva.example"),
        ("TEE\uff0eExample。ORG.", "tee.example.org"),
        ("xn--bcher-kva.example", "xn--bcher-kva.example"),
    ],
)
def test_international_names_are_read_as_dns_writes_them(
    typed: Callable[..., Ran], host: str, name: str
) -> None:
    ran = typed("verify", "cert", host, "--offline", "--format", "json")
    assert reported(ran)["target"] == name


@pytest.mark.parametrize(
    "time",
    [
        "",
        "-1",
        "1.5",
        "nan",
        "1e9",
        "9" * 30,
        "0x10",
        "now",
        "٢٠٢٦",
        " 5",
        "2026-09-01",
        "2026-09-01T12:00:00",
        "2026-09-01T12:00:00+99:00",
        "1969-12-31T23:59:59Z",
        "9999-12-31T23:59:59-12:00",
        "0001-01-01T00:00:00+23:00",
    ],
)
def test_what_is_no_time_is_a_mistake_of_usage(
    typed: Callable[..., Ran], room: Room, time: str
) -> None:
    ran = typed("verify", "all", room["pass.tar"], f"--at={time}")
    assert (ran.code, ran.out) == (2, "")


NO_HEX: Final = (
    "",
    "0x",
    "zz",
    "0",
    "00" * 7,
    "\u0660" * 40,
    " " + "00" * 20,
    "00" * 20 + "\n",
    "\x1b",
)


@pytest.mark.parametrize("value", NO_HEX, ids=ascii)
@pytest.mark.parametrize(
    "option",
    ["--app-id", "--compose-hash", "--os-image-hash", "--instance-id"],
)
def test_a_pin_that_is_none_is_a_mistake_and_not_left_out(
    typed: Callable[..., Ran], room: Room, option: str, value: str
) -> None:
    ran = typed("verify", "rtmr3", "--quote", room["quote.json"], "--trust-quote", option, value)
    assert (ran.code, ran.out) == (2, "")
    assert option in ran.err


@pytest.mark.parametrize("value", NO_HEX, ids=ascii)
@pytest.mark.parametrize(
    "command",
    [
        "verify quote quote.json --offline --report-data",
        "verify proof quote.json --vkey",
        f"verify caa {HOST} --offline --account https://x --app-id",
        f"rtmr3 compute --chain 0.4 --compose-hash {'00' * 32} --instance-id none --app-id",
    ],
)
def test_what_is_no_hex_of_its_length_is_a_mistake_of_usage(
    typed: Callable[..., Ran], room: Room, command: str, value: str
) -> None:
    ran = typed(*line(room, command, ""), value)
    assert (ran.code, ran.out) == (2, "")


@pytest.mark.parametrize(
    "resolver",
    [
        "",
        "x",
        "127.0.0.1:0",
        "127.0.0.1:65536",
        "127.0.0.1:٥٣",
        "256.1.1.1",
        "http://x/",
        "tls://",
        "tls://x",
        "tls://127.0.0.1#\x1b",
        "tls://1.1.1.1:853:1",
        "https://",
        "https://u:p@x/",
        "https://x:99999/",
        "https://[::1",
        "https://x/\x1b[31m",
    ],
)
@pytest.mark.parametrize(
    "command",
    [f"verify caa {HOST} --account https://x", f"verify cert {HOST}", f"verify all {HOST}"],
)
def test_what_is_no_resolver_is_a_mistake_of_usage(
    typed: Callable[..., Ran], command: str, resolver: str
) -> None:
    ran = typed(*command.split(), "--resolver", resolver)
    assert (ran.code, ran.out) == (2, "")


@pytest.mark.parametrize(
    "url",
    [
        "x",
        "http://example.org",
        "ftp://x",
        "https://",
        "https://u:p@127.0.0.1:1/",
        "https://[::1",
        "https://127.0.0.1:99999/",
        "file:///etc/passwd",
        "https://\x1b[31m/",
        "javascript:1",
        "http://0x7f000001:1/",
        f"https://{'a' * 300}:1/",
        "https://é。x:1/",
    ],
    ids=ascii,
)
@pytest.mark.parametrize(
    "command",
    [
        "verify quote quote.json --pccs",
        f"verify cert {HOST} --connect 127.0.0.1:1 --evidence",
        "verify digests docker-compose.yml --registry",
        f"verify all {HOST} --connect 127.0.0.1:1 --resolver {NOBODY} --pccs http://127.0.0.1:1 --info",
    ],
)
def test_an_address_that_cannot_be_asked_passes_nothing(
    typed: Callable[..., Ran], room: Room, command: str, url: str
) -> None:
    ran = typed(*line(room, command, ""), url, "--format", "json")
    assert ran.code in {1, 2, 3}
    assert bool(ran.out) == (ran.code != 2)
    if ran.out:
        reported(ran)


FORMATS: Final = ("table", "json", "sarif", "junit", "markdown", "html")
VERDICTS: Final = {"pass": 0, "fail": 1, "unevaluable": 3, "refused": 4}


def judging(room: Room, verdict: str) -> list[str]:
    bundle = room[f"{verdict}.tar"] if verdict != "unevaluable" else str(room.rubbish["zeros"])
    return ["verify", "all", bundle, "--policy", room["policy.toml"], "--at", str(AT)]


@pytest.mark.parametrize("verdict", VERDICTS)
@pytest.mark.parametrize("form", FORMATS)
def test_every_format_tells_every_verdict_on_stdout_or_in_a_file(
    typed: Callable[..., Ran], room: Room, tmp_path: Path, form: str, verdict: str
) -> None:
    ran = typed(*judging(room, verdict), "--format", form)
    assert (ran.code, ran.err) == (VERDICTS[verdict], "")
    if form == "json":
        reported(ran)
    if form == "sarif":
        SARIF.validate(json.loads(ran.out))
    if form == "junit":
        JUNIT.validate(ran.out)
    file = tmp_path / "report"
    written = typed(*judging(room, verdict), "--format", form, "--output", str(file))
    assert (written.code, written.out, written.err) == (ran.code, "", "")
    assert file.read_text("utf-8").rstrip("\n") == ran.out.rstrip("\n")
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize("verdict", VERDICTS)
def test_quiet_says_it_by_the_exit_code_alone(
    typed: Callable[..., Ran], room: Room, verdict: str
) -> None:
    assert typed(*judging(room, verdict), "--quiet") == Ran(VERDICTS[verdict], "", "")


@pytest.mark.parametrize(
    ("option", "place"),
    [
        ("--output", "missing/x"),
        *(
            (option, place)
            for option in ("--output", "--save")
            for place in ("", ".", "x" * 300, "/dev/full", "policy.toml/x")
        ),
    ],
)
def test_a_place_that_cannot_be_written_is_a_mistake_of_usage(
    typed: Callable[..., Ran], room: Room, tmp_path: Path, option: str, place: str
) -> None:
    (tmp_path / "taken").write_text("")
    place = room[place] if place.startswith("policy") else place
    ran = typed("verify", "all", HOST, *UNREACHABLE, option, place)
    assert (ran.code, ran.out) == (2, "")
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]


@pytest.mark.parametrize("name", ["evidence.tar", "evidence"])
def test_evidence_is_saved_whatever_the_verdict_and_overwrites_nothing(
    typed: Callable[..., Ran], tmp_path: Path, name: str
) -> None:
    first = typed("verify", "all", HOST, *UNREACHABLE, "--save", name, "--format", "json")
    assert first.code == 3
    kept = reported(first)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert before
    for command in (["verify", "all", HOST, "--save"], ["evidence", "fetch", HOST, "-o"]):
        again = typed(*command, name, *UNREACHABLE)
        assert (again.code, again.out) == (2, "")
        assert "is there already" in again.err
        assert "Asking" not in again.err
    assert before == {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    later = typed("verify", "all", name, "--at", kept["at"], "--offline", "--format", "json")
    assert reported(later) == kept


def process(*arguments: str, **options: Any) -> subprocess.CompletedProcess[bytes]:
    variables = {**os.environ, **options.pop("variables", {})}
    return subprocess.run(
        [sys.executable, "-m", "sp1tee", *arguments],
        env=variables,
        check=False,
        timeout=60,
        **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options},
    )


@pytest.mark.e2e
@pytest.mark.parametrize("form", ["table", "json"])
def test_a_report_is_utf_8_wherever_it_is_written_to(room: Room, form: str) -> None:
    narrow = {"PYTHONIOENCODING": "ascii"}
    ran = process(*judging(room, "pass"), "--format", form, variables=narrow)
    assert (ran.returncode, ran.stderr) == (0, b"")
    assert ran.stdout.decode("utf-8")


@pytest.mark.e2e
def test_whoever_stops_reading_early_changes_no_verdict(room: Room) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as gone:
        ran = process(*judging(room, "refused"), "--format", "html", stdout=gone)
    assert (ran.returncode, ran.stderr) == (4, b"")


@pytest.mark.e2e
def test_a_full_disk_behind_stdout_is_told(room: Room) -> None:
    with Path("/dev/full").open("wb") as full:
        ran = process(*judging(room, "pass"), stdout=full)
    assert ran.returncode == 2
    assert b"stdout cannot be written" in ran.stderr
    assert b"Traceback" not in ran.stderr


@pytest.mark.e2e
@pytest.mark.parametrize("given", [b"", b"\0" * 1000, b'{"quote": "00"}'], ids=repr)
@pytest.mark.parametrize(
    "command",
    [
        "verify quote - --offline",
        "verify rtmr3 --quote - --offline",
        "verify digests - --offline",
        f"verify proof - --vkey {'00' * 32}",
    ],
)
def test_rubbish_on_stdin_is_judged_as_a_file(command: str, given: bytes) -> None:
    ran = process(*command.split(), "--format", "json", input=given)
    assert reported(Ran(ran.returncode, ran.stdout.decode(), ""))
    assert ran.returncode == 3
    assert ran.stderr == b""


@pytest.mark.e2e
def test_a_pipe_with_a_name_is_read_like_a_file(room: Room, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    begun = subprocess.Popen(
        [sys.executable, "-m", "sp1tee", "verify", "quote", "pipe", "--offline", "--quiet"]
    )
    (tmp_path / "pipe").write_bytes(room.rubbish["text"].read_bytes())
    assert begun.wait(60) == 3


@pytest.mark.e2e
@pytest.mark.parametrize("signalled", ["during DNS", "during the handshake"])
def test_an_interrupted_command_ends_at_once_and_leaves_nothing(
    tmp_path: Path, signalled: str
) -> None:
    """Whoever is asked says nothing, and is not waited for."""
    asked, over = threading.Event(), threading.Event()

    def silent(_: object) -> None:
        asked.set()
        over.wait(60)

    with raw_server(silent) as port:
        peer = f"127.0.0.1:{port}"
        resolver = f"tls://{peer}" if signalled == "during DNS" else NOBODY
        begun = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "sp1tee",
                "verify",
                "all",
                HOST,
                "--connect",
                peer,
                "--resolver",
                resolver,
                "--save",
                "evidence.tar",
                "--output",
                "report",
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert asked.wait(60)
        begun.send_signal(signal.SIGINT)
        out, err = begun.communicate(timeout=60)
        over.set()
    assert (begun.returncode, out) == (130, b"")
    assert b"Traceback" not in err
    assert list(tmp_path.iterdir()) == []
