"""The ACME account, wherever a client keeps it."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sp1tee.errors import EvidenceMalformed, EvidenceMissing, EvidenceTooLarge, VerifyError
from sp1tee.verify.ingress import read_account

URI = "https://acme-v02.api.letsencrypt.org/acme/acct/1234"


@pytest.mark.parametrize(
    "document",
    [
        {"body": {}, "uri": URI},
        {"email": "a@example.com", "registration": {"accountURL": URI}},
        {"email": "a@example.com", "registration": {"body": {"status": "valid"}, "uri": URI}},
    ],
    ids=["certbot", "lego 5", "lego 4"],
)
def test_every_client_s_file_is_read(document: object):
    account = read_account(json.dumps(document).encode())
    assert account.uri == URI
    assert account.directory == "acme-v02.api.letsencrypt.org"
    assert not account.staging


def test_attack_08_a_staging_account_is_known_as_one():
    uri = "https://acme-staging-v02.api.letsencrypt.org/acme/acct/1"
    assert read_account(json.dumps({"uri": uri}).encode()).staging


@pytest.mark.parametrize(
    "document",
    [
        {"uri": URI, "registration": {"uri": URI}},
        {"registration": {"uri": URI, "accountURL": URI}},
        {"uri": URI.replace("https", "http")},
        {"uri": URI + "?a=b"},
        {"uri": URI + " "},
        {"uri": URI.replace("//", "//user@")},
        {"uri": "https:///acct"},
        {"uri": 7},
        {"uri": None},
        {"uri": [URI]},
        {"registration": URI},
        {"registration": None},
    ],
)
def test_an_account_that_is_ambiguous_or_no_https_url_is_refused(document: object):
    with pytest.raises(EvidenceMalformed):
        read_account(json.dumps(document).encode())


def test_a_file_without_an_account_or_without_end_is_refused():
    with pytest.raises(EvidenceMissing):
        read_account(b"{}")
    with pytest.raises(EvidenceTooLarge):
        read_account(b'{"uri": "' + b"a" * 70_000 + b'"}')
    with pytest.raises(EvidenceMalformed):
        read_account(b'{"uri": "%s", "uri": "%s"}' % (URI.encode(), URI.encode()))


@given(
    st.binary(max_size=200)
    | st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=30),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(["uri", "registration", "accountURL"]), inner)
        ),
    ).map(lambda value: json.dumps(value).encode())
)
def test_only_documented_errors_come_out(data: bytes):
    try:
        assert read_account(data).uri.startswith("https://")
    except VerifyError:
        return
