"""`sp1tee policy`."""

from pathlib import Path

import pytest
from support.commands import Run
from support.policies import FULL, LEAST
from support.reports import AT

from sp1tee.sim.ingress import Host, build, reader, saved
from sp1tee.verify.evidence import save_bundle
from sp1tee.verify.policy.reading import load_policy


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    file = tmp_path / "policy.toml"
    file.write_text(FULL.replace('[anchors]\nct_logs = "logs.json"\n', ""))
    (tmp_path / "docker-compose.yml").write_text("services: {}\n")
    return file


def test_explain_says_what_is_demanded_and_nothing_else(sp1tee: Run, policy: Path) -> None:
    ran = sp1tee("policy", "explain", policy)
    assert ran.code == 0
    assert "The application must be 9b78cf840e16a8274e00474cdac4afdabc5eeb93.\n" in ran.out
    assert ran.err == ""


def test_check_counts_pins_and_names_weak_spots_on_stderr(sp1tee: Run, policy: Path) -> None:
    ran = sp1tee("policy", "check", policy)
    assert ran.code == 0
    assert ran.out == "valid, pins 13 of 13\n"
    assert "`os.allow_dev` accepts images whose developers can log in as root." in ran.plain


def test_check_tells_every_problem_at_once(sp1tee: Run, tmp_path: Path) -> None:
    file = tmp_path / "policy.toml"
    file.write_text(LEAST + '[rtmr3]\napp-id = "x"\n[cert]\nmin_scts = 99\n')
    ran = sp1tee("policy", "check", file)
    assert ran.code == 2
    assert ran.out.splitlines() == [
        f"{file}: line 3: `rtmr3.app-id` is not known here",
        f"{file}: line 5: `cert.min_scts` must be at most 10",
    ]


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("docker-compose.yml", "gone.yml", "`compose.docker_compose` leads nowhere"),
        ("public-logs", "public-blogs", "`compose.allow[0]` must be one of"),
        ("dstack-0.5.8", "dstack-99", "`os.images[0]` is not in the table of OS images"),
        ('check = "digests.pinned"', 'check = "digests.x"', "`waivers[0].check` names no check"),
        ('check = "digests.pinned"', 'check = "quote.signature"', "cannot be waived"),
    ],
)
def test_check_finds_what_a_policy_asks_for_that_there_is_not(
    sp1tee: Run, policy: Path, old: str, new: str, problem: str
) -> None:
    text = policy.read_text().replace(old, new)
    policy.write_text(text)
    ran = sp1tee("policy", "check", policy)
    assert ran.code == 2
    (line,) = ran.out.splitlines()
    assert problem in line
    number = next(n for n, line in enumerate(text.splitlines(), 1) if new in line)
    assert f": line {number}: " in line


def test_an_empty_policy_is_none(sp1tee: Run, tmp_path: Path) -> None:
    (tmp_path / "empty.toml").write_text("")
    for command in ("check", "explain"):
        ran = sp1tee("policy", command, "empty.toml")
        assert ran.code == 2
        assert "demands nothing" in ran.out + ran.err


def test_a_file_that_is_not_there_is_a_mistake_of_the_caller(sp1tee: Run) -> None:
    assert sp1tee("policy", "check", "none.toml").code == 2


def test_show_lists_and_prints_what_ships(sp1tee: Run, tmp_path: Path) -> None:
    assert "tee.sp1-lumiere.xyz\n" in sp1tee("policy", "show").out
    shown = sp1tee("policy", "show", "tee.sp1-lumiere.xyz")
    (tmp_path / "copy.toml").write_text(shown.out)
    assert sp1tee("policy", "check", "copy.toml").code == 0
    assert sp1tee("policy", "check", "tee.sp1-lumiere.xyz").code == 0


def test_show_knows_no_other(sp1tee: Run) -> None:
    ran = sp1tee("policy", "show", "../shipped/tee.sp1-lumiere.xyz")
    assert ran.code == 2
    assert "tee.sp1-lumiere.xyz" in ran.err


@pytest.fixture(scope="module")
def synthetic(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with saved evidence of a synthetic host, and the policy and anchors that fit it."""
    folder = tmp_path_factory.mktemp("host")
    host = Host(at=AT)
    for name, data in reader.files(host).items():
        (folder / name).write_bytes(data)
    save_bundle(saved.save(build(host)), folder / "evidence.tar")
    return folder


def test_a_first_policy_pins_what_the_evidence_shows(sp1tee: Run, synthetic: Path) -> None:
    anchors, first = synthetic / "policy.toml", synthetic / "first.toml"
    evidence = synthetic / "evidence.tar"
    made = sp1tee("policy", "init", evidence, "--anchors", anchors, "-o", first)
    assert made.code == 0
    assert made.out == ""
    policy, fitting = load_policy(first).policy, load_policy(anchors).policy
    assert policy.rtmr3
    assert fitting.rtmr3
    assert policy.rtmr3.app_id == fitting.rtmr3.app_id
    assert policy.rtmr3.compose_hash == fitting.rtmr3.compose_hash
    assert policy.rtmr3.key_provider == fitting.rtmr3.key_provider
    assert "# attested: RTMR3 of the verified TDX quote\napp_id" in first.read_text()
    assert sp1tee("policy", "check", first).code == 0


def test_without_the_anchor_a_first_policy_says_that_all_is_only_claimed(
    sp1tee: Run, synthetic: Path
) -> None:
    made = sp1tee("policy", "init", synthetic / "evidence.tar")
    assert made.code == 0
    assert "ONLY CLAIMED" in made.out
    assert "# attested" not in made.out


def test_a_policy_is_not_overwritten(sp1tee: Run, synthetic: Path) -> None:
    there = synthetic / "policy.toml"
    before = there.read_bytes()
    ran = sp1tee("policy", "init", synthetic / "evidence.tar", "-o", there)
    assert ran.code == 2
    assert there.read_bytes() == before


def test_what_is_neither_a_host_nor_evidence_is_a_mistake_of_the_caller(sp1tee: Run) -> None:
    ran = sp1tee("policy", "init", "192.0.2.1")
    assert ran.code == 2
