"""`sha256sum.txt`, read in one way only."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sp1tee.errors import EvidenceMalformed, EvidenceTooLarge, VerifyError
from sp1tee.verify.ingress import read_listing

H = "ab" * 32


def test_the_list_of_an_ingress_for_one_domain_is_read():
    entries = read_listing(f"{H}  acme-account.json\n{H}  cert.pem\n".encode())
    assert [(entry.name, entry.sha256) for entry in entries] == [
        ("acme-account.json", H),
        ("cert.pem", H),
    ]
    assert [entry.is_certificate for entry in entries] == [False, True]


@pytest.mark.parametrize(
    "name",
    ["cert-tee.sp1-lumiere.xyz.pem", "cert-*.example.com.pem", "cert-xn--bcher-kva.example.pem"],
)
def test_names_of_domains_and_wildcards_are_read(name: str):
    assert read_listing(f"{H}  {name}\n".encode())[0].name == name


@pytest.mark.parametrize(
    ("what", "line"),
    [
        ("binary mode", f"{H} *cert.pem"),
        ("carriage return", f"{H}  cert.pem\r"),
        ("one space", f"{H} cert.pem"),
        ("three spaces", f"{H}   cert.pem"),
        ("tab", f"{H}\tcert.pem"),
        ("upper case", f"{H.upper()}  cert.pem"),
        ("short digest", f"{H[:-1]}  cert.pem"),
        ("long digest", f"{H}0  cert.pem"),
        ("parent folder", f"{H}  ../cert.pem"),
        ("absolute", f"{H}  /etc/passwd"),
        ("escaped", f"\\{H}  cert\\\\.pem"),
        ("backslash", f"{H}  cert-a\\b.pem"),
        ("NUL", f"{H}  cert.pem\0"),
        ("folder in a domain", f"{H}  cert-a/../../b.pem"),
        ("two dots in a domain", f"{H}  cert-a..b.pem"),
        ("star inside a domain", f"{H}  cert-a.*.example.com.pem"),
        ("space at the end", f"{H}  cert.pem "),
        ("the list itself", f"{H}  sha256sum.txt"),
        ("the quote", f"{H}  quote.json"),
        ("some other file", f"{H}  key.pem"),
        ("upper-case name", f"{H}  CERT.PEM"),
        ("empty line", ""),
        ("comment", "# sums"),
        ("long domain", f"{H}  cert-{'a.' * 130}b.pem"),
        ("full-width digit", f"{chr(0xFF11) * 64}  cert.pem"),
    ],
    ids=lambda value: value if len(str(value)) < 25 else "line",
)
def test_attack_03_a_line_that_could_be_read_otherwise_is_refused(what: str, line: str):
    with pytest.raises(EvidenceMalformed):
        read_listing(f"{H}  acme-account.json\n{line}\n".encode())


@pytest.mark.parametrize("data", [b"", b"\n", f"{H}  cert.pem".encode(), b"\xef\xbb\xbf" + b"x\n"])
def test_attack_03_a_list_that_is_empty_or_cut_off_or_no_ascii_is_refused(data: bytes):
    with pytest.raises(EvidenceMalformed):
        read_listing(data)


def test_attack_03_a_name_listed_twice_is_refused():
    with pytest.raises(EvidenceMalformed, match="twice"):
        read_listing(f"{H}  cert.pem\n{'00' * 32}  cert.pem\n".encode())


def test_attack_03_thousands_of_lines_and_huge_files_are_refused():
    lines = "".join(f"{H}  cert-a{number}.example.com.pem\n" for number in range(65))
    with pytest.raises(EvidenceTooLarge):
        read_listing(lines.encode())
    with pytest.raises(EvidenceTooLarge):
        read_listing(b"a" * 70_000)


@given(st.binary(max_size=400) | st.text(f"{H[:2]} *c-.pemrt/\n", max_size=200).map(str.encode))
def test_only_documented_errors_come_out(data: bytes):
    try:
        entries = read_listing(data)
    except VerifyError:
        return
    assert all(len(entry.sha256) == 64 and "/" not in entry.name for entry in entries)
