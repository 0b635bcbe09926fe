"""`tools/cluster_build.py`, with a git and a cargo that fetch and compile nothing."""

from pathlib import Path

import pytest
from support.workshop import Workshop

TOOL = "cluster_build.py"
MISSING = 3
NAMES = ["api", "coordinator", "network-gateway", "node"]
MANIFEST = """
[workspace]
members = [
    "bin/api",
    "bin/bidder",
]
[workspace.dependencies]
sp1-cluster-worker = { path = "crates/worker" }
"""


@pytest.fixture
def workshop(workshop: Workshop) -> Workshop:
    for name in ("m4", "pkg-config"):
        workshop.stand_in(name)
    a_git_that_clones(workshop, MANIFEST)
    workshop.stand_in(
        "cargo",
        'log "$@"',
        "for crate in alloy_signer_aws sp1_cluster_node alloy_signer; do",
        '    log "$("$RUSTC_WRAPPER" echo --crate-name "$crate" --edition)"',
        "done",
        'log "CPU_ONLY=$SP1_CLUSTER_CPU_ONLY OFFLINE=$SQLX_OFFLINE"',
        'cat Cargo.toml bin/node/Cargo.toml > "$CARGO_TARGET_DIR-manifest"',
        'mkdir -p "$CARGO_TARGET_DIR/release"',
        f"for part in {' '.join(NAMES)}; do",
        '    echo "$part" > "$CARGO_TARGET_DIR/release/sp1-cluster-$part"',
        "done",
    )
    return workshop


def a_git_that_clones(workshop: Workshop, manifest: str) -> None:
    (workshop.folder / "manifest").write_text(manifest)
    workshop.stand_in(
        "git",
        'log "git $1 $2 $3 $4 $5"',
        'case "$1" in',
        f'    clone) mkdir -p "$5/bin/node"; cp "{workshop.folder}/manifest" "$5/Cargo.toml" ;;',
        '    -C) if [ "$3" = rev-parse ]; then echo "0123abcd"; fi ;;',
        "esac",
    )


def manifest_of(workshop: Workshop) -> str:
    return (workshop.folder / "cache" / "sp1-cluster" / "target-manifest").read_text()


def test_the_programs_are_built_once_and_found_again(workshop: Workshop) -> None:
    code, said, complained = workshop.run(TOOL)
    assert code == 0, complained
    programs = [Path(line) for line in said.splitlines()]
    assert [path.name for path in programs] == [f"sp1-cluster-{name}" for name in NAMES]
    assert [path.read_text().strip() for path in programs] == NAMES
    calls = workshop.calls()
    assert workshop.run(TOOL)[:2] == (0, said)
    assert workshop.calls() == calls


def test_a_pinned_commit_is_built_for_machines_without_a_gpu(workshop: Workshop) -> None:
    workshop.run(TOOL, "--sources", "/a/repository")
    calls = workshop.calls()
    assert "git clone --quiet --no-checkout /a/repository" in calls[0]
    assert "checkout" in calls[1]
    assert calls[2].startswith("build --release --no-default-features -p sp1-cluster-api")
    assert calls[-1] == "CPU_ONLY=1 OFFLINE=true"


def test_only_crates_that_nest_too_deep_are_compiled_otherwise(workshop: Workshop) -> None:
    workshop.run(TOOL)
    more = '-Zcrate-attr=recursion_limit="256"'
    assert workshop.calls()[3:6] == [
        f"--crate-name alloy_signer_aws --edition {more}",
        f"--crate-name sp1_cluster_node --edition {more}",
        "--crate-name alloy_signer --edition",
    ]


def test_only_what_is_built_is_left_in_the_workspace(workshop: Workshop) -> None:
    workshop.run(TOOL)
    manifest = manifest_of(workshop)
    assert "bin/bidder" not in manifest
    assert '"bin/node"' in manifest
    assert 'path = "crates/worker", default-features = false' in manifest
    assert 'features = ["c-no-tests"]' in manifest
    assert "patch" not in manifest


def test_another_network_repository_replaces_the_one_that_cannot_be_reached(
    workshop: Workshop,
) -> None:
    first = workshop.run(TOOL)[1]
    second = workshop.run(TOOL, "--network", "/a/network")[1]
    assert first != second
    assert '[patch."https://github.com/succinctlabs/network"]' in manifest_of(workshop)


def test_a_manifest_that_looks_different_is_not_built(workshop: Workshop) -> None:
    a_git_that_clones(workshop, "[workspace]\nmembers = []\n")
    code, said, complained = workshop.run(TOOL)
    assert (code, said) == (1, "")
    assert "not the manifest" in complained


@pytest.mark.parametrize("program", ["git", "m4", "protoc", "pkg-config", "cargo"])
def test_what_is_missing_is_named(workshop: Workshop, program: str) -> None:
    code, said, complained = workshop.run(TOOL, **workshop.without(program))
    assert (code, said) == (MISSING, "")
    assert f"{program}: " in complained
    assert workshop.calls() == []
