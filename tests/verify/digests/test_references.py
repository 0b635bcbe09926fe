"""Names of images are read as registries and engines read them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sp1tee.errors import EvidenceMalformed
from sp1tee.verify.digests import Reference
from sp1tee.verify.digests.references import LENGTH

HEX = "ab" * 32

hosts = st.from_regex(
    r"(localhost|[a-z0-9]{1,8}(\.[a-z0-9]{1,8}){1,3})(:[0-9]{1,5})?", fullmatch=True
)
paths = st.from_regex(
    r"[a-z0-9]{1,8}([._]|__|-{1,3})?[a-z0-9]{1,8}(/[a-z0-9]{1,8}){1,2}", fullmatch=True
)
tags = st.none() | st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,20}", fullmatch=True)
digests = st.none() | st.from_regex(r"sha256:[0-9a-f]{64}", fullmatch=True)


@pytest.mark.parametrize(
    ("text", "host", "path", "tag"),
    [
        ("ubuntu", "docker.io", "library/ubuntu", None),
        ("ubuntu:24.04", "docker.io", "library/ubuntu", "24.04"),
        ("library/ubuntu", "docker.io", "library/ubuntu", None),
        ("docker.io/ubuntu", "docker.io", "library/ubuntu", None),
        ("index.docker.io/ubuntu", "docker.io", "library/ubuntu", None),
        ("dstacktee/dstack-ingress:20250924", "docker.io", "dstacktee/dstack-ingress", "20250924"),
        (
            "public.ecr.aws/succinct-labs/sp1-gpu:86a2bbf",
            "public.ecr.aws",
            "succinct-labs/sp1-gpu",
            "86a2bbf",
        ),
        ("localhost/x", "localhost", "x", None),
        ("localhost:5000/x/y:1", "localhost:5000", "x/y", "1"),
        ("host:5000", "docker.io", "library/host", "5000"),
        ("[::1]:5000/x", "[::1]:5000", "x", None),
        ("UPPER/x", "UPPER", "x", None),
        ("a__b-c--d/e.f", "docker.io", "a__b-c--d/e.f", None),
    ],
)
def test_a_name_means_what_engines_take_it_for(text: str, host: str, path: str, tag: str | None):
    assert Reference.parse(text) == Reference(host, path, tag)


def test_a_tag_beside_a_digest_has_no_say_in_what_is_asked_for():
    assert Reference.parse(f"nginx:1.25@sha256:{HEX}").wanted == f"sha256:{HEX}"


@pytest.mark.parametrize(
    "text",
    [
        "",
        ":tag",
        "UPPER",
        "x:",
        "x@",
        "x@sha256:",
        f"x@sha256:{HEX[:-1]}",
        f"x@sha256:{HEX.upper()}",
        f"x@sha512:{HEX}{HEX}",
        f"x@md5:{HEX}",
        f"x@sha256:{HEX}@sha256:{HEX}",
        f"x@sha256:{HEX}\n",
        f"@sha256:{HEX}",
        HEX,
        "x//y",
        "/x",
        "x/",
        "x..y",
        "x y",
        "https://ghcr.io/x/y",
        "ex ample.com/x",
        "-host.com/x",
        "ünïcode/x",
        "x:tag with space",
        f"x:{'t' * 129}",
        "a" * 256,
        "a" * (LENGTH + 1),
    ],
)
def test_what_is_no_name_is_refused(text: str):
    with pytest.raises(EvidenceMalformed):
        Reference.parse(text)


@given(hosts, paths, tags, digests)
def test_a_written_reference_reads_back(host: str, path: str, tag: str | None, digest: str | None):
    made = Reference("docker.io" if host == "index.docker.io" else host, path, tag, digest)
    assert Reference.parse(str(made)) == made


@given(st.text(max_size=80) | st.from_regex(r"[a-zA-Z0-9./:@_\[\]-]{0,60}", fullmatch=True))
def test_whatever_is_written_is_a_reference_or_malformed(text: str):
    try:
        reference = Reference.parse(text)
    except EvidenceMalformed:
        return
    assert Reference.parse(str(reference)) == reference
