"""What a path of an image leads to, layers read as streams."""

import gzip
import hashlib
import io
import tarfile
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.oci import BINARY, PROGRAM, digest, pack, tar

from sp1tee.errors import EvidenceMalformed, EvidenceMissing, EvidenceTooLarge, VerifyError
from sp1tee.verify.digests.layers import Layer
from sp1tee.verify.digests.rootfs import Rootfs


@contextmanager
def stored(data: bytes) -> Iterator[io.BytesIO]:
    yield io.BytesIO(data)


def layer(content: bytes, packing: str = "none") -> Layer:
    return Layer(digest(content), partial(stored, pack(content, packing)))


def found(path: str, *layers: bytes) -> str:
    return Rootfs(layer(each) for each in layers).sha256(path)


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize("packing", ["none", "gzip", "zstd"])
def test_a_file_is_found_in_layers_of_every_packing(packing: str):
    content = tar({"usr/local/bin/server": PROGRAM})
    assert Rootfs([layer(content, packing)]).sha256(BINARY) == sha(PROGRAM)


def test_a_gzip_of_several_members_is_one_layer():
    content = tar({"a": b"x" * 3000})
    packed = gzip.compress(content[:700]) + gzip.compress(content[700:])
    assert Rootfs([Layer(digest(content), partial(stored, packed))]).sha256("/a")


def test_a_later_layer_replaces_an_earlier_one():
    assert found("/a", tar({"a": b"1"}), tar({"./a": b"2"})) == sha(b"2")


def test_within_a_layer_the_last_entry_counts():
    double = tar({"a": b"1"})[:1024] + tar({"a": b"2"})
    assert found("/a", double) == sha(b"2")


@pytest.mark.parametrize("gone", [".wh.a", "d/.wh.b", ".wh.d", "d/.wh..wh..opq"])
def test_whiteouts_remove_what_is_below(gone: str):
    path = "/a" if gone == ".wh.a" else "/d/b"
    with pytest.raises(EvidenceMissing):
        found(path, tar({"a": b"1", "d": None, "d/b": b"2"}), tar({gone: b""}))


def test_whiteouts_leave_what_their_own_layer_adds():
    upper = tar({"d/new": b"3", "d/.wh..wh..opq": b"", "d/.wh.b": b""})
    assert found("/d/new", tar({"d": None, "d/b": b"2"}), upper) == sha(b"3")


def test_a_file_in_place_of_a_folder_takes_its_content_away():
    with pytest.raises(EvidenceMissing):
        found("/d/b", tar({"d/b": b"2"}), tar({"d": b"a file"}))


@pytest.mark.parametrize("target", ["usr/bin", "/usr/bin", "./usr/../usr/bin", "../../usr/bin"])
def test_links_are_followed_within_the_image(target: str):
    assert found("/bin/server", tar({"usr/bin/server": PROGRAM, "bin": target})) == sha(PROGRAM)


def test_a_link_is_followed_to_what_a_later_layer_puts_there():
    lower = tar({"app/v1": b"1", "app/current": "v1"})
    assert found("/app/current", lower, tar({"app/v1": b"2"})) == sha(b"2")


def test_links_in_a_circle_lead_nowhere():
    with pytest.raises(EvidenceMissing):
        found("/a", tar({"a": "b", "b": "a"}))


def test_hard_links_share_a_file():
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as archive:
        info = tarfile.TarInfo("a")
        info.size = 1
        archive.addfile(info, io.BytesIO(b"1"))
        link = tarfile.TarInfo("b")
        link.type, link.linkname = tarfile.LNKTYPE, "a"
        archive.addfile(link)
    assert found("/b", made.getvalue()) == sha(b"1")


@pytest.mark.parametrize("name", ["../evil", "a/../../evil"])
def test_paths_out_of_the_image_are_refused(name: str):
    with pytest.raises(EvidenceMalformed):
        found("/a", tar({name: b""}))


def test_writing_through_a_link_is_refused_because_engines_differ():
    with pytest.raises(EvidenceMalformed):
        found("/usr/bin/x", tar({"usr/bin": None, "bin": "usr/bin"}), tar({"bin/x": b"1"}))


def test_a_layer_that_is_not_the_one_named_is_refused():
    with pytest.raises(EvidenceMalformed):
        Rootfs([Layer(digest(b"another"), partial(stored, tar({"a": b""})))])


def test_something_hidden_behind_the_end_is_refused():
    with pytest.raises(EvidenceMalformed, match="behind its end"):
        found("/a", tar({"a": b"1"}) + tar({"a": b"2"}))


def test_a_header_that_stops_one_reader_and_not_another_is_refused():
    content = bytearray(tar({"a": b"1", "b": b"2"}))
    content[1024 + 148] ^= 1  # the second header's checksum
    with pytest.raises(EvidenceMalformed):
        found("/a", bytes(content))


def test_a_sparse_file_is_refused():
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w", format=tarfile.GNU_FORMAT) as archive:
        info = tarfile.TarInfo("a")
        info.type = tarfile.GNUTYPE_SPARSE
        archive.addfile(info)
    with pytest.raises(EvidenceMalformed):
        found("/a", made.getvalue())


@pytest.mark.parametrize("packing", ["gzip", "zstd"])
def test_a_bomb_is_given_up_early(packing: str):
    content = tar({"a": bytes(200 * 1024 * 1024)})
    packed, name = pack(content, packing), digest(content)
    del content
    tracemalloc.start()
    with pytest.raises(EvidenceTooLarge):
        Rootfs([Layer(name, partial(stored, packed))])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 50 * 1024 * 1024


def test_a_header_of_gigabytes_is_not_read():
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w", format=tarfile.GNU_FORMAT) as archive:
        info = tarfile.TarInfo("a")
        info.type, info.size = tarfile.GNUTYPE_LONGNAME, 2**32
        archive.addfile(info)
    with pytest.raises(EvidenceTooLarge):
        found("/a", made.getvalue())


@settings(max_examples=200)
@given(
    st.integers(0, 3000),
    st.binary(min_size=1, max_size=16),
    st.sampled_from(["none", "gzip", "zstd"]),
    st.booleans(),
)
def test_damage_is_malformed_missing_or_too_large(at: int, junk: bytes, packing: str, inside: bool):
    content = tar({"usr": None, "usr/a": b"1" * 600, "b": "usr/a", "é" * 120: b"2"})
    data = content if inside else pack(content, packing)
    data = data[: at % len(data)] + junk + data[at % len(data) + len(junk) :]
    name = digest(data) if inside else digest(content)
    packed = pack(data, packing) if inside else data
    try:
        Rootfs([Layer(name, partial(stored, packed))]).sha256("/b")
    except VerifyError:
        return
