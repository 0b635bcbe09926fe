"""Variables that Docker Compose puts into a file."""

import pytest

from sp1tee.verify.compose import parse_compose
from sp1tee.verify.compose.interpolation import uses, variables


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("$A", ("A",)),
        ("${A}", ("A",)),
        ("x${A}y$B-z", ("A", "B")),
        ("${A:-b}${A-b}${A:?b}${A?b}${A:+b}${A+b}", ("A",)),
        ("${A:-${B:-$C}}", ("A", "B", "C")),
        ("$$A $${A}", ()),
        ("$$$A", ("A",)),
        ("$1 $ ${} $(A)", ()),
        ("a$", ()),
        ("_.${DSTACK_GATEWAY_DOMAIN}", ("DSTACK_GATEWAY_DOMAIN",)),
    ],
)
def test_variables_are_found_as_compose_finds_them(text: str, names: tuple[str, ...]):
    assert variables(text) == names


def test_uses_say_where_they_are():
    file = parse_compose(
        b"services:\n  a:\n    image: x:${TAG}\n    labels:\n      - k=${L}\n", "x"
    )

    found = [(use.name, use.path, use.line) for use in uses(file.services[0].settings)]

    assert found == [("TAG", "image", 3), ("L", "labels", 5)]
