"""`tools/build_native.py`, with a cargo that compiles nothing."""

from pathlib import Path

import pytest
from support.workshop import Workshop

TOOL = "build_native.py"
PROGRAMS = ["sp1tee-prover", "sdk-client"]
MISSING = 3
BUILD = "build --locked --release"


@pytest.fixture
def workshop(workshop: Workshop) -> Workshop:
    workshop.stand_in(
        "cargo",
        '[ "$1" = fetch ] && exit',
        'log "$@"',
        'mkdir -p "$CARGO_TARGET_DIR/release"',
        f"for name in {' '.join(PROGRAMS)}; do",
        '  echo "$RUSTFLAGS" > "$CARGO_TARGET_DIR/release/$name"',
        "done",
        "echo what a test runner says",
    )
    return workshop


def test_check_says_that_there_is_no_build(workshop: Workshop) -> None:
    code, said, complained = workshop.run(TOOL, "--check")
    assert (code, said) == (1, "")
    assert "no build in" in complained
    assert workshop.calls() == []


def test_a_build_is_made_once_and_found_again(workshop: Workshop) -> None:
    code, said, _ = workshop.run(TOOL)
    assert code == 0
    programs = [Path(line) for line in said.splitlines()]
    assert [program.name for program in programs] == PROGRAMS
    assert all(program.read_text() == "-C target-cpu=native\n" for program in programs)
    assert workshop.run(TOOL)[:2] == (0, said)
    assert workshop.run(TOOL, "--check")[:2] == (0, said)
    assert workshop.calls() == [BUILD]


def test_another_processor_is_another_build(workshop: Workshop) -> None:
    here = workshop.run(TOOL)[1]
    there = workshop.run(TOOL, SP1TEE_NATIVE_CPU="x86-64-v2")[1]
    assert here != there
    assert workshop.calls() == [BUILD, BUILD]


@pytest.mark.parametrize(
    "source", ["protocol/src/frame.rs", "prover/Cargo.toml", "Cargo.lock", "prover/src/new.rs"]
)
def test_changed_sources_are_another_build(workshop: Workshop, source: str) -> None:
    before = workshop.run(TOOL)[1]
    with (workshop.folder / "native" / source).open("a") as file:
        file.write("// changed\n")
    assert workshop.run(TOOL)[1] != before


def test_what_was_compiled_and_the_words_of_people_are_no_sources(workshop: Workshop) -> None:
    before = workshop.run(TOOL)[1]
    (workshop.folder / "native" / "README.md").write_text("changed")
    (workshop.folder / "native" / "target").mkdir()
    (workshop.folder / "native" / "target" / "generated.rs").write_text("fn main() {}")
    assert workshop.run(TOOL)[1] == before


def test_another_compiler_is_another_build(workshop: Workshop) -> None:
    before = workshop.run(TOOL)[1]
    workshop.stand_in("rustc", 'echo "rustc 1.96.0 (a stand-in)"')
    assert workshop.run(TOOL)[1] != before


def test_two_at_once_build_once(workshop: Workshop) -> None:
    both = [workshop.start(TOOL) for _ in range(2)]
    ended = [(process.communicate()[0], process.returncode) for process in both]
    assert ended[0] == ended[1]
    assert ended[0][1] == 0
    assert workshop.calls() == [BUILD]


def test_a_failed_build_leaves_nothing_to_be_found(workshop: Workshop) -> None:
    workshop.stand_in("cargo", '[ "$1" = fetch ] || exit 101')
    code, _, complained = workshop.run(TOOL)
    assert code == 1
    assert "exit code 101" in complained
    assert workshop.run(TOOL, "--check")[0] == 1


@pytest.mark.parametrize(
    ("program", "advice"),
    [("protoc", "protobuf-compiler"), ("cargo", "rustup.rs"), ("rustc", "rustup.rs")],
)
def test_what_is_missing_is_named(workshop: Workshop, program: str, advice: str) -> None:
    code, said, complained = workshop.run(TOOL, **workshop.without(program))
    assert (code, said) == (MISSING, "")
    assert f"{program}: " in complained
    assert advice in complained
    assert workshop.calls() == []


def test_a_compiler_that_is_too_old_is_a_missing_one(workshop: Workshop) -> None:
    workshop.stand_in("rustc", 'echo "rustc 1.63.0"')
    code, _, complained = workshop.run(TOOL)
    assert code == MISSING
    assert "Rust 1.91.1, here is 1.63.0" in complained


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ("error: failed to download from `https://index`", MISSING),
        ("error: cannot update the lock file because --locked was passed to prevent this", 1),
    ],
    ids=["the registry is away", "the lock file is out of date"],
)
def test_only_crates_that_cannot_be_had_count_as_missing(
    workshop: Workshop, said: str, code: int
) -> None:
    workshop.stand_in("cargo", 'log "$@"', f"echo '{said}' >&2", "exit 101")
    ended, _, complained = workshop.run(TOOL)
    assert ended == code
    assert said in complained
    assert workshop.calls() == ["fetch --locked"]


def test_our_own_crates_are_examined_once_for_each_build(workshop: Workshop) -> None:
    code, said, complained = workshop.run(TOOL, "--test")
    assert code == 0
    assert [Path(line).name for line in said.splitlines()] == PROGRAMS
    assert "what a test runner says" in complained
    assert workshop.run(TOOL, "--test")[:2] == (0, said)
    build, form, test = workshop.calls()
    assert (build, form) == (BUILD, "fmt --check")
    assert test.startswith("test --locked --release ")


def test_what_did_not_pass_is_examined_again(workshop: Workshop) -> None:
    workshop.run(TOOL)
    workshop.stand_in("cargo", 'log "$@"', '[ "$1" != test ]')
    assert workshop.run(TOOL, "--test")[0] == 1
    assert workshop.run(TOOL, "--test")[0] == 1
    assert sum(call.startswith("test ") for call in workshop.calls()) == 2


def test_builds_lie_in_the_users_cache_unless_told_otherwise(workshop: Workshop) -> None:
    users = str(workshop.folder / "users")
    complained = workshop.run(TOOL, "--check", SP1TEE_NATIVE_CACHE="", XDG_CACHE_HOME=users)[2]
    assert f"no build in {users}/sp1tee/native/" in complained
