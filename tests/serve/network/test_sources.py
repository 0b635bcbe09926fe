"""Where programs may be fetched from: nowhere but the places an operator named."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sp1tee.errors import ConfigError, SourceRefused
from sp1tee.serve.sources import AllowedSources, place_of

DEFAULTS = ("s3://", "https://*.amazonaws.com/")


@pytest.mark.parametrize(
    "url",
    [
        "s3://spn-artifacts-production3/programs/artifact_01h455vb4pex5vsknk084sn02q",
        "https://spn-artifacts.s3.us-east-2.amazonaws.com/programs/artifact_1?X-Amz-Signature=0",
        "https://s3.amazonaws.com:443/bucket/key",
        "HTTPS://S3.AMAZONAWS.COM/bucket/key",
    ],
)
def test_by_default_s3_is_allowed(url: str) -> None:
    assert AllowedSources(DEFAULTS).allows(url)


@pytest.mark.parametrize(
    "url",
    [
        "http://s3.amazonaws.com/bucket/key",
        "https://amazonaws.com/bucket/key",
        "https://amazonaws.com.evil.test/key",
        "https://evilamazonaws.com/key",
        "https://s3.amazonaws.com:8443/key",
        "https://user@s3.amazonaws.com/key",
        "https://s3.amazonaws.com@169.254.169.254/latest",
        "https://169.254.169.254/latest/meta-data",
        "https://s3.amazonaws.com\\@evil.test/",
        "https://evil.test/?x=.amazonaws.com/",
        "https://evil.test#.amazonaws.com/",
        "file:///etc/passwd",
        "https://[::1",
        "https://s3.amazonaws.com:port/",
        "",
    ],
)
def test_by_default_nothing_else_is(url: str) -> None:
    assert not AllowedSources(DEFAULTS).allows(url)


def test_a_path_narrows_a_source() -> None:
    sources = AllowedSources(["https://example.org/programs/"])
    assert sources.allows("https://example.org/programs/1")
    assert not sources.allows("https://example.org/other")


@pytest.mark.parametrize("climb", ["..", "%2e%2e", ".%2E"])
def test_a_path_cannot_be_climbed_out_of(climb: str) -> None:
    assert not AllowedSources(["https://example.org/programs/"]).allows(
        f"https://example.org/programs/{climb}/other"
    )


def test_clear_text_is_allowed_only_where_it_is_named() -> None:
    sources = AllowedSources(["http://127.0.0.1:9000/"])
    assert sources.allows("http://127.0.0.1:9000/bucket/programs/1")
    assert not sources.allows("http://127.0.0.1:9001/bucket/programs/1")


def test_one_bucket_can_be_named() -> None:
    sources = AllowedSources(["s3://ours/"])
    assert sources.allows("s3://ours/programs/1")
    assert not sources.allows("s3://theirs/programs/1")


@pytest.mark.parametrize(
    "text", ["", "example.org", "ftp://example.org/", "https://", "https:///x"]
)
def test_a_source_that_is_no_url_prefix_is_a_configuration_error(text: str) -> None:
    with pytest.raises(ConfigError):
        AllowedSources([text])


def test_a_refusal_names_the_place_and_hides_what_may_be_a_token() -> None:
    with pytest.raises(SourceRefused) as refused:
        AllowedSources(DEFAULTS).check("https://evil.test/key?token=sesame")
    assert "evil.test" in refused.value.message
    assert "sesame" not in refused.value.message


@given(st.text(max_size=60))
def test_any_text_is_judged(text: str) -> None:
    AllowedSources(DEFAULTS).allows(text)
    assert place_of(text)
