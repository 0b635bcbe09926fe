"""app-compose.json: its fields, and what no guest would have booted with."""

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.composes import REAL, app_compose, real

from sp1tee.errors import EvidenceMalformed, EvidenceTooLarge, VerifyError
from sp1tee.verify.compose import KeyProvider, examine, read_app_compose
from sp1tee.verify.compose.app_compose import SIZE


def test_a_real_file_is_read():
    app = read_app_compose(real("dstack-phala-prod8-2025-10"))

    assert app.name == "dstack-app-vt7pr"
    assert app.runner == "docker-compose"
    assert app.key_provider is KeyProvider.KMS
    assert app.allowed_envs == ("AUTH_PASSWORD", "GITHUB_TOKEN", "GITHUB_USER", "GITHUB_REPO")
    assert app.pre_launch_script is not None
    assert app.pre_launch_script.startswith("\n#!/bin/bash")
    assert app.features == ("kms", "tproxy-net")
    assert (app.public_logs, app.secure_time, app.gateway_enabled) == (True, False, True)
    assert app.storage_fs == "zfs"
    assert app.unknown == ()


@pytest.mark.parametrize("name", REAL)
def test_every_real_file_is_read_with_its_services(name: str):
    facts = examine(real(name))

    assert facts.trouble is None
    assert facts.file is not None


def test_what_is_missing_has_the_guests_defaults():
    app = read_app_compose(b'{"manifest_version": 1, "name": "n", "runner": "docker-compose"}')

    assert (app.public_logs, app.public_sysinfo, app.public_tcbinfo) == (False, False, True)
    assert (app.secure_time, app.no_instance_id) == (True, False)
    assert app.key_provider is KeyProvider.NONE
    assert app.docker_compose_file is None
    assert (app.manifest_version, app.event_log_version) == ("1", 1)


@pytest.mark.parametrize(
    ("fields", "provider"),
    [
        ({"key_provider": "tpm", "kms_enabled": True}, KeyProvider.TPM),
        ({"kms_enabled": True, "local_key_provider_enabled": True}, KeyProvider.KMS),
        ({"kms_enabled": False, "local_key_provider_enabled": True}, KeyProvider.LOCAL),
        ({"kms_enabled": False}, KeyProvider.NONE),
        ({"key_provider": None, "kms_enabled": True}, KeyProvider.KMS),
    ],
)
def test_the_key_provider_is_the_named_one_before_the_old_switches(
    fields: dict[str, Any], provider: KeyProvider
):
    assert read_app_compose(app_compose(**fields)).key_provider is provider


def test_the_gateway_has_two_switches_and_an_old_feature():
    off = {"gateway_enabled": False}

    assert read_app_compose(app_compose(**off, tproxy_enabled=True)).gateway_enabled
    assert read_app_compose(app_compose(**off, features=["tproxy-net"])).gateway_enabled
    assert not read_app_compose(app_compose(**off)).gateway_enabled


def test_fields_without_a_known_meaning_are_listed():
    app = read_app_compose(app_compose(salt="x", beam_me_up=True, default_gateway_domain="d"))

    assert app.unknown == ("beam_me_up",)


def test_an_init_script_may_be_one_or_several():
    assert read_app_compose(app_compose(init_script="a")).init_scripts == ("a",)
    assert read_app_compose(app_compose(init_script=["a", "b"])).init_scripts == ("a", "b")


def test_attack_33_a_key_that_stands_twice_is_refused():
    raw = app_compose()[:-1] + b', "docker_compose_file": "services: {}"}'

    with pytest.raises(EvidenceMalformed, match="docker_compose_file' twice"):
        read_app_compose(raw)


@pytest.mark.parametrize(
    "fields",
    [
        {"public_logs": "true"},
        {"public_logs": 1},
        {"allowed_envs": "A"},
        {"allowed_envs": [1]},
        {"docker_compose_file": {}},
        {"manifest_version": None},
        {"manifest_version": True},
        {"manifest_version": 2.0},
        {"key_provider": "cloud"},
        {"key_provider_id": "xyz"},
        {"event_log_version": True},
        {"event_log_version": "2"},
        {"init_script": [["x"]]},
        {"requirements": []},
        {"requirements": {"gpu_policy": "none"}},
        {"verity_volumes": ["x"]},
        {"port_policy": []},
        {"pre_launch_script": ["x"]},
        {"runner": 3},
    ],
    ids=str,
)
def test_a_field_of_another_type_is_refused(fields: dict[str, Any]):
    with pytest.raises(EvidenceMalformed, match=r"app-compose\.json"):
        read_app_compose(app_compose(**fields))


@pytest.mark.parametrize("raw", [b"", b"[]", b"null", b"{", b"\xff", b"{}", b'{"a": NaN}'])
def test_what_is_no_app_compose_is_refused(raw: bytes):
    with pytest.raises(EvidenceMalformed):
        read_app_compose(raw)


def test_a_file_larger_than_a_guest_takes_is_refused():
    with pytest.raises(EvidenceTooLarge):
        read_app_compose(app_compose() + b" " * SIZE)


_FIELDS = (
    *("manifest_version", "runner", "docker_compose_file", "allowed_envs", "init_script"),
    *("key_provider", "key_provider_id", "requirements", "port_policy", "features", "x"),
)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=6,
)


@given(st.dictionaries(st.sampled_from(_FIELDS), _JSON))
def test_no_object_brings_another_error(content: dict[str, Any]):
    with suppress(VerifyError):
        examine(json.dumps({"manifest_version": 2, **content}).encode())


@given(st.binary(max_size=100))
def test_no_bytes_bring_another_error(data: bytes):
    with suppress(VerifyError):
        examine(data)
