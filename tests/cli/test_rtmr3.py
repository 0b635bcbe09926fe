"""`sp1tee rtmr3 compute`."""

import json
from pathlib import Path

import pytest
from support import event_logs
from support.commands import Run
from support.event_logs import DATA, Log, runtime

CHAINS = {
    "near 2026": "0.5.5",
    "near 2025": "0.4",
    "phala": "0.5",
    "lite": "0.6",
    "legacy": "0.3",
    "simulator": "0.4",
    "simulator head": "0.6",
}
MINIMAL = ("--app-id", "00" * 20, "--instance-id", "none")


def options(log: Log) -> list[str]:
    """Write a log as the options that give it."""
    typed: list[str] = []
    ready = False
    for event in runtime(log):
        name, payload = event["event"], event["event_payload"]
        if ready:
            typed += ["--event", f"{name}={payload}"]
        elif name in ("key-provider", "storage-fs", "gpu-attestation"):
            typed += [f"--{name}", bytes.fromhex(payload).decode()]
        elif payload or name == "instance-id":
            typed += [f"--{name}", payload or "none"]
        ready = ready or name == "system-ready"
    return typed


@pytest.mark.parametrize("name", CHAINS)
def test_every_real_rtmr3_is_reproduced(sp1tee: Run, name: str) -> None:
    real = event_logs.REAL[name]()
    ran = sp1tee(
        "rtmr3", "compute", "--chain", CHAINS[name], *options(real.log), "--format", "json"
    )
    assert ran.code == 0
    told = json.loads(ran.out)
    assert told["schema"] == "sp1tee.rtmr3.v1"
    assert told["rtmr3"] == real.rtmr3.hex() == told["events"][-1]["rtmr3"]
    assert [event["name"] for event in told["events"]] == [e["event"] for e in runtime(real.log)]


def test_people_see_every_event_with_its_digest_and_the_running_value(sp1tee: Run) -> None:
    real = event_logs.legacy()
    ran = sp1tee("rtmr3", "compute", "--chain", "0.3", *options(real.log))
    assert ran.err == ""
    assert ran.out.endswith(f"\nRTMR3  {real.rtmr3.hex()}\n")
    for event in runtime(real.log):
        assert f"  {event['event']}  {event['event_payload']}\n" in ran.out
        assert f"    digest  {event['digest']}\n" in ran.out


def test_app_compose_is_hashed_as_it_is(sp1tee: Run) -> None:
    real = event_logs.phala()
    typed = options(real.log)
    at = typed.index("--compose-hash")
    raw = DATA / "dstack-phala-prod8-2025-10/app_compose.raw.json"
    typed[at : at + 2] = ["--app-compose", str(raw)]
    ran = sp1tee("rtmr3", "compute", "--chain", "0.5", *typed)
    assert ran.out.endswith(f"RTMR3  {real.rtmr3.hex()}\n")


def test_a_key_provider_is_typed_short_or_read_from_a_file(sp1tee: Run, tmp_path: Path) -> None:
    real = event_logs.near_2025()
    typed = options(real.log)
    at = typed.index("--key-provider") + 1
    pair = json.loads(typed[at])
    file = tmp_path / "provider.json"
    file.write_text(json.dumps(pair, indent=2) + "\n")
    for form in (f"{pair['name']}:{pair['id']}", str(file)):
        typed[at] = form
        ran = sp1tee("rtmr3", "compute", "--chain", "0.5", *typed)
        assert ran.out.endswith(f"RTMR3  {real.rtmr3.hex()}\n")


def test_a_docker_compose_file_is_refused_with_what_is_needed_instead(
    sp1tee: Run, tmp_path: Path
) -> None:
    file = tmp_path / "docker-compose.yml"
    file.write_text("services:\n  web:\n    image: nginx\n")
    ran = sp1tee("rtmr3", "compute", "--chain", "0.5", *MINIMAL, "--app-compose", file)
    assert ran.code == 2
    assert "A docker-compose file alone gives no RTMR3" in ran.err
    assert "tcb_info.app_compose" in ran.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--chain", "0.5"), "Give either --compose-hash or --app-compose"),
        (("--chain", "0.5", "--compose-hash", "00"), "compose-hash has 1 bytes"),
        (("--chain", "0.5", "--compose-hash", "x"), "--compose-hash is not hex"),
        (("--chain", "0.5", "--compose-hash", "00" * 32), "key-provider is measured"),
        (("--chain", "0.3", "--compose-hash", "00" * 32), "rootfs-hash is measured"),
        (("--chain", "1.0", "--compose-hash", "00" * 32), "There is no chain '1.0'"),
        (
            ("--chain", "0.4", "--compose-hash", "00" * 32, "--storage-fs", "zfs"),
            "storage-fs is not measured in chain 0.4",
        ),
        (
            ("--chain", "0.4", "--compose-hash", "00" * 32, "--event", "x"),
            "--event is no NAME=HEX",
        ),
        (
            ("--chain", "0.4", "--compose-hash", "00" * 32, "--event", "x=1"),
            "--event x is not hex",
        ),
        (
            ("--chain", "0.4", "--compose-hash", "00" * 32, "--event", "a:b="),
            "can't be named 'a:b'",
        ),
        (
            ("--chain", "0.5", "--compose-hash", "00" * 32, "--event-log-version", "2"),
            "no events of version 2",
        ),
        (
            ("--chain", "0.4", "--compose-hash", "00" * 32, "--key-provider", "kms:00"),
            "--key-provider",
        ),
        (
            ("--chain", "0.4", "--compose-hash", "00" * 32, "--key-provider", "missing.json"),
            "cannot be read",
        ),
    ],
)
def test_what_does_not_fit_is_a_usage_error(
    sp1tee: Run, arguments: tuple[str, ...], said: str
) -> None:
    ran = sp1tee("rtmr3", "compute", *MINIMAL, *arguments)
    assert ran.code == 2
    assert said in ran.err
    assert ran.out == ""


def test_no_input_has_a_default(sp1tee: Run) -> None:
    assert sp1tee("rtmr3", "compute").code == 2
    assert sp1tee("rtmr3", "compute", "--chain", "0.5", "--app-id", "00" * 20).code == 2


def test_its_help_says_why_a_docker_compose_file_is_not_enough(sp1tee: Run) -> None:
    text = " ".join(sp1tee("rtmr3", "compute", "--help").out.split())
    assert "A docker-compose file alone gives no RTMR3" in text


def test_alone_it_shows_what_there_is(sp1tee: Run) -> None:
    assert "compute" in sp1tee("rtmr3").out
