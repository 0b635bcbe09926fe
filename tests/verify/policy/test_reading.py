"""Reading a policy file."""

import hashlib
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.policies import FULL, LEAST

from sp1tee.errors import EvidenceFileError, PolicyError
from sp1tee.verify.policy.problems import Problem
from sp1tee.verify.policy.reading import LIMIT, LoadedPolicy, examine_policy, load_policy

HERE = Path("policy.toml")


def problems(text: str) -> list[str]:
    found = examine_policy(text.encode(), HERE)
    assert not isinstance(found, LoadedPolicy)
    return [str(problem) for problem in found]


def test_a_policy_is_read_with_its_digest(tmp_path: Path) -> None:
    file = tmp_path / "policy.toml"
    file.write_text(FULL)
    loaded = load_policy(file)
    assert loaded.sha256 == hashlib.sha256(FULL.encode()).hexdigest()
    assert loaded.policy.rtmr3
    assert loaded.policy.rtmr3.app_id == "9b78cf840e16a8274e00474cdac4afdabc5eeb93"
    assert loaded.policy.waivers[0].expires == date(2027, 1, 31)


def test_paths_are_those_beside_the_file(tmp_path: Path) -> None:
    file = tmp_path / "policy.toml"
    file.write_text(FULL)
    policy = load_policy(file).policy
    assert policy.anchors.ct_logs == tmp_path / "logs.json"
    assert policy.compose
    assert policy.compose.docker_compose == tmp_path / "docker-compose.yml"


def test_a_path_from_the_root_stays_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "policy.toml"
    file.write_text(LEAST + '[anchors]\nct_logs = "/etc/logs.json"\n')
    assert load_policy(file).policy.anchors.ct_logs == Path("/etc/logs.json")


def test_an_empty_file_is_no_policy() -> None:
    (problem,) = problems("")
    assert "it is empty and demands nothing" in problem
    assert 'schema = "sp1tee.policy.v1"' in problem


def test_a_policy_names_its_schema() -> None:
    (problem,) = problems("[quote]\n")
    assert problem.startswith("`schema` is missing")
    (problem,) = problems('schema = "sp1tee.policy.v9"\n')
    assert problem == "line 1: `schema` must be 'sp1tee.policy.v1'"


@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        ("[rtmr3]\napp-id = 1", "line 3: `rtmr3.app-id` is not known here"),
        ("[rtmr]\n", "line 2: `rtmr` is not known here"),
        ('[rtmr3]\napp_id = "9b78"', "line 3: `rtmr3.app_id` must be 40 hex digits"),
        ("[rtmr3]\napp_id = 9", "line 3: `rtmr3.app_id` must be text"),
        (
            '[rtmr3.key_provider]\nname = "kmz"',
            "line 3: `rtmr3.key_provider.name` must be 'kms', 'local-sgx', 'tpm' or 'none'",
        ),
        ("[cert]\nmin_scts = 11", "line 3: `cert.min_scts` must be at most 10"),
        ("[cert]\nmin_scts = -1", "line 3: `cert.min_scts` must be at least 0"),
        ("[quote]\ntcb_status = []", "line 3: `quote.tcb_status` must have at least 1 entry"),
        (
            '[cert]\nnot_before = "soon"',
            "line 3: `cert.not_before` must be a date, such as 2027-01-31",
        ),
        ("quote = 1", "line 2: `quote` must be a section"),
        ('[caa]\nmethods = "dns-01"', "line 3: `caa.methods` must be a list"),
        ("[os]\nallow_dev = 7", "line 3: `os.allow_dev` must be true or false"),
        (
            '[[waivers]]\ncheck = "a.b"\nreason = "why not"\n',
            "line 2: `waivers[0].expires` is missing",
        ),
    ],
)
def test_a_mistake_is_told_with_its_line_its_key_and_what_would_be_right(
    lines: str, problem: str
) -> None:
    assert problems(f"{LEAST}{lines}\n") == [problem]


def test_all_mistakes_are_told_at_once_in_the_order_of_the_file() -> None:
    found = problems(
        LEAST + '[[waivers]]\ncheck = "a.b"\n[[waivers]]\nx = 1\n[quote]\ntcb_status = ["Fine"]\n'
    )
    assert [line.split("` ")[0] for line in found] == [
        "line 2: `waivers[0].reason",
        "line 2: `waivers[0].expires",
        "line 4: `waivers[1].check",
        "line 4: `waivers[1].reason",
        "line 4: `waivers[1].expires",
        "line 5: `waivers[1].x",
        "line 7: `quote.tcb_status[0]",
    ]


def test_an_error_says_how_many_problems_there_are_and_who_tells_them_all(tmp_path: Path) -> None:
    file = tmp_path / "policy.toml"
    file.write_text(LEAST + "[cert]\nx = 1\ny = 1\n")
    with pytest.raises(PolicyError, match=r"policy.toml: line 3: .*\(1 more problems\)") as caught:
        load_policy(file)
    assert "policy check" in caught.value.advice
    assert caught.value.exit_code == 2


def test_a_key_cannot_move_a_terminals_cursor() -> None:
    (problem,) = problems(LEAST + '"\\u001b[2J" = 1\n')
    assert problem.isprintable()


@pytest.mark.parametrize(
    "data",
    [b"\xff", b"a = ", b"a = 1\na = 2", b"a = " + b"[" * 5000, b"a = 1" + b"0" * 5000, b"\x00"],
)
def test_what_is_no_toml_is_refused(data: bytes) -> None:
    (problem,) = examine_policy(data, HERE)  # type: ignore[misc]
    assert problem.text.startswith("it is not")


def test_a_file_that_is_too_large_or_not_there_is_refused(tmp_path: Path) -> None:
    large = tmp_path / "large.toml"
    large.write_bytes(b"#" * (LIMIT + 1))
    with pytest.raises(PolicyError, match="more than"):
        load_policy(large)
    with pytest.raises(EvidenceFileError):
        load_policy(tmp_path / "none.toml")


def test_a_policy_that_ships_is_found_by_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert load_policy(Path("tee.sp1-lumiere.xyz")).policy.name == "tee.sp1-lumiere.xyz"


def test_a_file_goes_before_a_policy_that_ships(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("tee.sp1-lumiere.xyz").write_text(LEAST)
    assert load_policy(Path("tee.sp1-lumiere.xyz")).policy.name == ""


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_any_bytes_are_a_policy_or_have_problems(data: bytes) -> None:
    found = examine_policy(data, HERE)
    assert isinstance(found, LoadedPolicy) or all(isinstance(p, Problem) for p in found)


values = st.recursive(
    st.sampled_from(['""', '"x"', "1", "-1", "1.5", "true", "2026-01-31", "nan", '"*"']),
    lambda inner: st.lists(inner, max_size=2).map(lambda items: f"[{', '.join(items)}]"),
    max_leaves=3,
)
KEYS = [line.split(" = ")[0] for line in FULL.splitlines() if " = " in line]


@given(
    st.lists(
        st.tuples(st.sampled_from(["cert", "quote", "rtmr3", "os", "caa", "x"]), values),
        unique_by=lambda pair: pair[0],
    ),
    st.sampled_from(KEYS),
)
def test_any_values_are_a_policy_or_have_problems(
    sections: list[tuple[str, str]], key: str
) -> None:
    text = LEAST + "".join(f"[{name}]\n{key} = {value}\n" for name, value in sections)
    found = examine_policy(text.encode(), HERE)
    if not isinstance(found, LoadedPolicy):
        assert all(problem.line for problem in found)
