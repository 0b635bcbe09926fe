"""`sp1tee evidence compose`: what a saved guest says it runs."""

import hashlib
from pathlib import Path

import pytest
from support.bundles import genuine, remade
from support.commands import Run

from sp1tee.verify.appraisal import Parts
from sp1tee.verify.evidence import Bundle, save_bundle


@pytest.fixture
def bundle() -> Bundle:
    return genuine()


@pytest.fixture
def saved(bundle: Bundle, tmp_path: Path) -> Path:
    save_bundle(bundle, tmp_path / "evidence.tar")
    return tmp_path / "evidence.tar"


def test_the_measured_bytes_come_out_as_they_are(sp1tee: Run, bundle: Bundle, saved: Path) -> None:
    facts = Parts(bundle).info
    assert not isinstance(facts, Exception)
    ran = sp1tee("evidence", "compose", saved, "--app-compose", "-o", "app-compose.json")
    assert (ran.code, ran.out) == (0, "")
    written = Path("app-compose.json").read_bytes()
    assert hashlib.sha256(written).hexdigest() == facts.compose_hash


def test_the_docker_compose_file_inside_is_written(sp1tee: Run, saved: Path) -> None:
    ran = sp1tee("evidence", "compose", saved)
    assert ran.code == 0
    assert ran.out.startswith("services:")


def test_without_the_guests_info_there_is_nothing_to_write(sp1tee: Run, tmp_path: Path) -> None:
    save_bundle(remade(lambda manifest: manifest.update(info=None)), tmp_path / "hidden")
    ran = sp1tee("evidence", "compose", tmp_path / "hidden")
    assert (ran.code, ran.out) == (3, "")
    assert "Info was not asked for" in ran.err
