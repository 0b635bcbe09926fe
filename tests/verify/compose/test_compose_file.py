"""docker-compose files: what is read, at which line, and what is refused."""

import json
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sp1tee.errors import EvidenceMalformed, EvidenceTooLarge, VerifyError
from sp1tee.verify.compose import ComposeFile, Listing, Scalar, Service, Table, parse_compose
from sp1tee.verify.compose.yaml_tree import DEPTH, NODES, SIZE, read_yaml

DATA = Path(__file__).parents[2] / "data"
SP1 = (DATA / "compose" / "sp1-private-proving.yml").read_bytes()


def parse(text: str) -> ComposeFile:
    return parse_compose(text.encode(), "docker-compose.yml")


def one(settings: str) -> Service:
    (service,) = parse(f"services:\n  a:\n{settings}").services
    return service


@pytest.mark.parametrize("name", ["'a /x'", "'a\\u0000'", "\u0430", "''", "'*'", "a/b"])
def test_a_service_whose_name_docker_compose_refuses_is_refused(name: str):
    with pytest.raises(EvidenceMalformed, match=r"line 2"):
        parse(f"services:\n  {name}:\n    image: x\n")


def test_services_come_in_their_order_with_image_and_lines():
    found = [
        (s.name, s.line, s.image_line) for s in parse_compose(SP1, "docker-compose.yml").services
    ]

    assert found == [
        ("ingress", 3, 4),
        ("server", 19, 20),
        ("fulfiller", 30, 31),
        ("prover", 38, 39),
    ]


def test_an_image_is_read_as_it_is_written():
    prover = parse_compose(SP1, "docker-compose.yml").service("prover")

    assert prover is not None
    assert prover.image == "public.ecr.aws/example/sp1-gpu:86a2bbf"
    assert SP1.decode().splitlines()[prover.image_line - 1].strip() == f"image: {prover.image}"


def test_a_real_file_is_read():
    data = (DATA / "attestation/dstack-near-mpc-2026-08/launcher_image_compose.yaml").read_bytes()

    names = [service.name for service in parse_compose(data, "launcher").services]

    assert names == ["launcher", "signer-key-export"]


def test_the_longest_real_file_is_read():
    data = (DATA / "attestation/dstack-phala-prod8-2025-10/app_compose.raw.json").read_bytes()
    text = json.loads(data)["docker_compose_file"].encode()

    assert [s.name for s in parse_compose(text, "x").services] == ["aio-sandbox", "nginx-auth"]


def test_a_service_that_is_built_has_its_build():
    service = one("    build: .\n")

    assert service.image is None
    assert service.image_line == service.line == 2
    assert isinstance(service.build, Scalar)


def test_a_merge_key_brings_what_is_not_said_itself():
    file = parse(
        "x-base: &base\n  image: base\n  privileged: true\n"
        "services:\n  a:\n    <<: *base\n    image: mine\n  b:\n    <<: *base\n"
    )

    a, b = file.services
    assert (a.image, a.image_line) == ("mine", 7)
    assert (b.image, b.image_line) == ("base", 2)
    assert "privileged" in a.settings.entries


def test_of_two_merged_mappings_the_first_wins():
    file = parse(
        "x-1: &one {image: first}\nx-2: &two {image: second, tty: true}\n"
        "services:\n  a:\n    <<: [*one, *two]\n"
    )

    assert file.services[0].image == "first"
    assert "tty" in file.services[0].settings.entries


def test_a_quoted_key_is_the_same_key():
    with pytest.raises(EvidenceMalformed, match="'image' twice in line 4"):
        one('    image: a\n    "image": b\n')


@pytest.mark.parametrize(
    "text",
    [
        "services:\n  a: {image: x}\nservices:\n  a: {image: y}\n",
        "services:\n  a: {image: x}\n  a: {image: y}\n",
        "services:\n  a:\n    image: x\n    environment: {K: 1, K: 2}\n",
    ],
    ids=["services", "service", "variable"],
)
def test_attack_34_a_key_that_stands_twice_is_refused(text: str):
    with pytest.raises(EvidenceMalformed, match="twice"):
        parse(text)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("services:\n  a: {image: x}\n---\nservices:\n  a: {image: y}\n", "more than one document"),
        ("%YAML 1.1\n---\nservices:\n  a: {image: x}\n", "disagree"),
        ("services:\n  a: {image: x}\u2028  b: {image: y}\n", "disagree"),
        ("\ufeffservices:\n  a: {image: x}\n", "disagree"),
        ("services:\r  a: {image: x}\r", "disagree"),
        ("services:\n  a: !override {image: x}\n", "a tag in line 2"),
        ("services:\n  a: {image: !reset x}\n", "a tag in line 2"),
        ("services:\n  a: {? [x] : y}\n", "a key that is no text"),
        ("services:\n  a: {image: *gone}\n", "alias"),
        ("services: &s\n  a: *s\n", "alias"),
        ("x: &x {}\nservices:\n  a: {<<: *x, <<: *x}\n", "two merge keys"),
        ("services:\n  a: {<<: text}\n", "merge key"),
        ("services:\n  a: {image: [x]}\n", "an image in line 2"),
        ("services:\n  a: text\n", "no mapping"),
        ("services: []\n", "no services"),
        ("services:\n", "no services"),
        ("[services]\n", "no docker-compose file"),
        ("", "empty"),
        ("# nothing\n", "empty"),
        ("services: {", "not YAML"),
        ("services:\n  a:\n\timage: x\n", "not YAML"),
        ('services: "\\U7fffffff"', "not YAML"),
        ("services: \x00", "not YAML"),
    ],
)
def test_attack_34_what_readers_could_read_differently_is_refused(text: str, reason: str):
    with pytest.raises(EvidenceMalformed, match=reason):
        parse(text)


def test_what_is_not_utf8_is_refused():
    with pytest.raises(EvidenceMalformed, match="UTF-8"):
        parse_compose(b"services: \xff", "x")


def test_windows_line_ends_count_as_lines():
    assert parse("services:\r\n  a:\r\n    image: x\r\n").services[0].image_line == 3


def test_attack_34_aliases_of_aliases_are_counted_and_not_unfolded():
    levels = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    levels += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 10)]

    with pytest.raises(EvidenceTooLarge, match=f"{NODES} nodes"):
        parse("\n".join(levels))


@pytest.mark.parametrize("opened", ["[", "{a: ", "- "])
def test_deep_nesting_ends_the_reading(opened: str):
    with pytest.raises(EvidenceTooLarge, match=f"deeper than {DEPTH}"):
        parse(opened * 5000)


def test_nesting_through_aliases_ends_the_reading():
    levels = ["a0: &a0 [x]"] + [f"a{i}: &a{i} [*a{i - 1}]" for i in range(1, DEPTH)]

    with pytest.raises(EvidenceTooLarge, match=f"deeper than {DEPTH}"):
        parse("\n".join(levels))


def test_a_large_file_is_refused_unread():
    with pytest.raises(EvidenceTooLarge, match=str(SIZE)):
        parse_compose(b"#" * (SIZE + 1), "x")


def test_scalars_keep_whether_they_were_quoted():
    tree = read_yaml(b"""{a: true, b: "true", c: !!str true, d: ~, e: '~', f: }""", "x")

    assert isinstance(tree, Table)
    plain = {key: entry.value.plain for key, entry in tree.entries.items()}
    assert plain == {"a": True, "b": False, "c": False, "d": True, "e": False, "f": True}
    assert [key for key in tree.entries if tree.get(key) is None] == ["d", "f"]


def test_a_key_merged_from_a_long_list_of_aliases_costs_no_more_than_its_nodes():
    many = "\n".join(f"  k{i}: v" for i in range(3000))
    aliases = ", ".join(["*small"] * 3000)

    tree = read_yaml(f"s: &small {{a: b}}\nt:\n  <<: [{aliases}]\n{many}".encode(), "x")

    assert isinstance(tree, Table)
    table = tree.get("t")
    assert isinstance(table, Table)
    assert len(table.entries) == 3001


@given(st.binary(max_size=200))
def test_no_bytes_bring_another_error(data: bytes):
    with suppress(VerifyError):
        parse_compose(data, "x")


@settings(max_examples=150)
@given(st.text(alphabet="services:\n  a-[]{},&*!<|>'\"%#?~ximage\\U0\t\r", max_size=120))
def test_no_yaml_like_text_brings_another_error(text: str):
    try:
        file = parse_compose(b"services:\n  a: {image: x}\nz: " + text.encode(), "x")
    except VerifyError:
        return
    assert not isinstance(file.tree, Listing)
    assert file.services
