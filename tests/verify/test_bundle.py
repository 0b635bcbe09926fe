"""Bundles of evidence: whole and unaltered, or refused."""

import io
import json
import tarfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sp1tee.errors import BundleError, EvidenceFileError, Sp1teeError, VerifyError
from sp1tee.verify.evidence import Bundle, Collector, load_bundle, save_bundle
from sp1tee.verify.evidence.bundle import FILE_LIMIT, FILES_LIMIT
from sp1tee.verify.evidence.manifest import (
    DnsReply,
    Download,
    Endpoint,
    ImageManifest,
    IngressFile,
    Target,
    Trouble,
)


def collected() -> Bundle:
    collector = Collector(Target(host="tee.example.com"))
    away = Trouble(code="SP1TEE-V005", message="It is away.")
    collector.endpoints(
        [
            (
                Endpoint(
                    address="192.0.2.1", port=443, server_name="tee.example.com", protocol="TLSv1.3"
                ),
                b"pem",
            ),
            (
                Endpoint(
                    address="2001:db8::1", port=443, server_name="tee.example.com", trouble=away
                ),
                None,
            ),
        ]
    )
    collector.ingress(
        [(IngressFile(name="../../etc/passwd", url="https://tee.example.com/evidences/x"), b"body")]
    )
    collector.dns(
        [
            (
                DnsReply(resolver="9.9.9.9", transport="udp", name="tee.example.com", type="CAA"),
                b"\0\1",
            )
        ]
    )
    collector.images(
        [(ImageManifest(reference="a@sha256:" + "0" * 64, url="https://registry"), b"{}")]
    )
    collector.info(Download(source="https://agent"), b"info")
    collector.collateral(Download(source="https://pcs", trouble=away), None)
    return collector.finish()


@pytest.mark.parametrize("name", ["bundle", "bundle.tar", "new/folder/bundle.tar"])
def test_a_bundle_comes_back_as_it_was(tmp_path: Path, name: str) -> None:
    bundle = collected()
    save_bundle(bundle, tmp_path / name)
    again = load_bundle(tmp_path / name)
    assert (again.manifest, again.bodies, again.digest) == (
        bundle.manifest,
        bundle.bodies,
        bundle.digest,
    )
    assert again.file(again.manifest.ingress[0].file) == b"body"
    assert again.file(again.manifest.endpoints[1].chain) is None


def test_the_same_bundle_gives_the_same_tar_file(tmp_path: Path) -> None:
    bundle = collected()
    for name in ("a.tar", "b.tar"):
        save_bundle(bundle, tmp_path / name)
    assert (tmp_path / "a.tar").read_bytes() == (tmp_path / "b.tar").read_bytes()


def test_names_in_evidence_never_become_names_of_files(tmp_path: Path) -> None:
    save_bundle(collected(), tmp_path / "bundle")
    names = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    assert all(name.startswith("bundle/") and "passwd" not in name for name in names)


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "bundle.tar").write_text("mine")
    with pytest.raises(EvidenceFileError, match="there already"):
        save_bundle(collected(), tmp_path / "bundle.tar")
    assert (tmp_path / "bundle.tar").read_text() == "mine"


def test_an_altered_file_is_refused(tmp_path: Path) -> None:
    save_bundle(collected(), tmp_path / "bundle")
    (tmp_path / "bundle/info.json").write_bytes(b"inf0")
    with pytest.raises(BundleError, match=r"info\.json is not what was collected"):
        load_bundle(tmp_path / "bundle")


def test_a_missing_file_and_a_link_in_its_place_are_refused(tmp_path: Path) -> None:
    save_bundle(collected(), tmp_path / "bundle")
    file = tmp_path / "bundle/info.json"
    file.rename(tmp_path / "elsewhere")
    with pytest.raises(BundleError, match=r"lacks info\.json"):
        load_bundle(tmp_path / "bundle")
    file.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(BundleError, match=r"lacks info\.json"):
        load_bundle(tmp_path / "bundle")


def test_a_manifest_with_an_unknown_field_or_schema_is_refused(tmp_path: Path) -> None:
    save_bundle(collected(), tmp_path / "bundle")
    manifest = tmp_path / "bundle/bundle.json"
    told = json.loads(manifest.read_text())
    for changed in (
        told | {"more": 1},
        told | {"schema": "sp1tee.evidence.v9"},
        told | {"target": {}},
    ):
        manifest.write_text(json.dumps(changed))
        with pytest.raises(BundleError):
            load_bundle(tmp_path / "bundle")


def test_a_record_may_only_speak_of_listed_files(tmp_path: Path) -> None:
    save_bundle(collected(), tmp_path / "bundle")
    manifest = tmp_path / "bundle/bundle.json"
    told = json.loads(manifest.read_text())
    told["files"].pop("info.json")
    manifest.write_text(json.dumps(told))
    with pytest.raises(BundleError, match="does not list"):
        load_bundle(tmp_path / "bundle")


def test_paths_that_lead_out_of_a_bundle_are_refused(tmp_path: Path) -> None:
    save_bundle(collected(), tmp_path / "bundle")
    manifest = tmp_path / "bundle/bundle.json"
    told = json.loads(manifest.read_text())
    for path in ("../secret", "/etc/passwd", "a/../../b", "a\\b", ""):
        manifest.write_text(json.dumps(told | {"files": {path: {"sha256": "0" * 64, "size": 0}}}))
        with pytest.raises(BundleError):
            load_bundle(tmp_path / "bundle")


def tar_of(*members: tuple[tarfile.TarInfo, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for member, body in members:
            tar.addfile(member, io.BytesIO(body))
    return buffer.getvalue()


def member(name: str, size: int = 0) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.size = size
    return info


def test_a_tar_file_with_a_member_twice_or_too_many_or_too_large_ones_is_refused(
    tmp_path: Path,
) -> None:
    large = member("a")
    large.size = FILE_LIMIT + 1
    header = large.tobuf()
    hostile = {
        "twice": tar_of((member("bundle.json"), b""), (member("bundle.json"), b"")),
        "many": tar_of(*((member(str(number)), b"") for number in range(FILES_LIMIT + 5))),
        "large": header,
        "empty": b"",
        "no manifest": tar_of((member("a", 1), b"x")),
        "compressed": b"\x1f\x8b" + b"\0" * 600,
    }
    for name, data in hostile.items():
        (tmp_path / f"{name}.tar").write_bytes(data)
        with pytest.raises(VerifyError):
            load_bundle(tmp_path / f"{name}.tar")


def test_what_is_not_there_is_a_mistake_of_the_caller(tmp_path: Path) -> None:
    with pytest.raises(EvidenceFileError):
        load_bundle(tmp_path / "missing.tar")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(data=st.data())
def test_whatever_happens_to_a_tar_file_it_is_read_or_refused(
    tmp_path: Path, data: st.DataObject
) -> None:
    whole = tmp_path / "whole.tar"
    if not whole.exists():
        save_bundle(collected(), whole)
    raw = bytearray(whole.read_bytes())
    at = data.draw(st.integers(0, len(raw) - 1))
    raw[at : at + 4] = data.draw(st.binary(max_size=8))
    (tmp_path / "changed.tar").write_bytes(raw[: data.draw(st.integers(0, len(raw)))])
    try:
        load_bundle(tmp_path / "changed.tar")
    except Sp1teeError:
        return
