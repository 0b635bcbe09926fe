"""The HTML page."""

import base64
import hashlib
import html
import re
from html.parser import HTMLParser
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from support.reports import CHECKS, HOSTILE, report, reports, with_text

from sp1tee.verify.checks import Status
from sp1tee.verify.formats import Format, chain, render
from sp1tee.verify.formats.picture import NARROW, WIDE, Layout, drawn
from sp1tee.verify.formats.words import SYMBOLS
from sp1tee.verify.policy.rulebook import rules
from sp1tee.verify.report import Report

EMPTY = {"meta"}
TAGS = {"html", "head", "meta", "title", "style", "body", "main", "header", "section", "article"}
TAGS |= {"details", "summary", "div", "span", "p", "h1", "h2", "h3", "ul", "li", "dl", "dt", "dd"}
TAGS |= {"pre", "code", "table", "thead", "tbody", "tr", "th", "td"}
TAGS |= {"svg", "g", "rect", "text", "path", "a"}
ATTRIBUTES = {"lang", "charset", "http-equiv", "content", "name", "class", "title", "open", "role"}
ATTRIBUTES |= {"d", "x", "y", "rx", "width", "height", "viewbox", "id", "href"}


class Page(HTMLParser):
    """A page as a browser reads it: elements, attributes and the text between."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.open: list[str] = []
        self.texts: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag not in EMPTY:
            self.open.append(tag)

        links = [value or "" for name, value in attrs if name == "href"]
        assert all(re.fullmatch(r"#check-[0-9a-f]{12}", link) for link in links)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    def handle_comment(self, data: str) -> None:
        raise AssertionError(data)


def page_of(made: Report) -> Page:
    page = Page(render(made, Format.HTML))
    assert not page.open
    return page


def test_it_asks_nobody_for_anything() -> None:
    text = render(report(), Format.HTML)
    page = page_of(report())
    assert set(page.tags) <= TAGS
    assert {name for name, _ in page.attributes} <= ATTRIBUTES
    assert not re.search(r"url\(|@import|https?:", text)


def test_its_content_policy_allows_its_own_style_and_nothing_else() -> None:
    text = render(report(), Format.HTML)
    found = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', text)
    style = re.search(r"<style>(.*?)</style>", text, re.DOTALL)
    assert found
    assert style
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    assert found[1].split("; ") == [
        "default-src 'none'",
        f"style-src 'sha256-{digest}'",
        "base-uri 'none'",
        "form-action 'none'",
    ]
    assert text.index("http-equiv") < text.index("<style>")


def test_the_policy_comes_before_the_checks() -> None:
    text = render(report(), Format.HTML)
    assert text.index("The TCB status must be UpToDate.") < text.index("<svg")
    assert text.index("<svg") < text.index("The served certificate is the attested one")


def test_every_check_is_there_with_its_symbol() -> None:
    shown = "".join(page_of(report()).texts)
    for check in CHECKS:
        assert f"{SYMBOLS[check.status]}{check.title}" in shown


def test_what_spoils_the_verdict_is_said_beside_it_with_the_way_to_its_explanation() -> None:
    text = render(report(), Format.HTML)
    head = text[text.index("<header") : text.index("</header>")]
    for check in CHECKS:
        spoils = check.status in (Status.FAIL, Status.REFUSED)
        assert (check.summary in html.unescape(head)) == spoils
    for anchor in re.findall(r'href="#([^"]*)"', head):
        assert f' id="{anchor}"' in text


def test_a_skipped_check_is_not_folded_away() -> None:
    assert '<details class="check skipped" open="open">' in render(report(), Format.HTML)


@pytest.mark.parametrize("layout", [WIDE, NARROW], ids=lambda layout: layout.name)
def test_every_node_has_a_place_of_its_own_in_the_picture(layout: Layout) -> None:
    assert set(layout.places) == {node.key for node in chain.NODES}
    width, height = layout.box
    boxes = list(layout.places.values())
    for x, y in boxes:
        assert 0 <= x <= layout.width - width
        assert 0 <= y <= layout.height - height
    for index, (x, y) in enumerate(boxes):
        for other_x, other_y in boxes[:index]:
            assert abs(x - other_x) >= width or abs(y - other_y) >= height


def test_a_node_shows_the_worst_status_of_its_checks_by_symbol_and_by_class() -> None:
    svg = drawn(WIDE, chain.statuses(CHECKS))
    shown = {
        node.findtext("text[2]"): (node.get("class"), node.findtext("text"))
        for node in svg.iter("g")
    }
    assert shown["RTMR3"] == ("node fail", "✗")
    assert shown["OS image"] == ("node unevaluable", "?")
    assert shown["Images"] == ("node waived", "~")
    assert shown["Report data"] == ("node pass", "✓")


def test_every_rule_about_the_host_belongs_to_a_node() -> None:
    elsewhere = {rule.id for rule in rules() if chain.node_of(rule.id) is None}
    assert {name.partition(".")[0] for name in elsewhere} <= {"lint", "policy", "proof"}
    shown = {chain.node_of(rule.id) for rule in rules()} - {None}
    assert shown == set(chain.NODES)


def test_a_check_belongs_to_the_node_that_names_it_best() -> None:
    for check_id, key in (
        ("quote.signature", "quote"),
        ("quote.report-data", "report_data"),
        ("quote.collateral-expired", "root"),
        ("cert.leaf", "tls"),
        ("cert.age", "certificate"),
        ("rtmr3.compose-hash", "compose_hash"),
        ("compose.docker-socket", "docker_compose"),
    ):
        node = chain.node_of(check_id)
        assert node
        assert node.key == key


def test_a_node_nobody_checked_says_so() -> None:
    svg = drawn(WIDE, {})
    assert {node.get("class") for node in svg.iter("g")} == {"node none"}
    assert "not checked" in ET.tostring(svg, encoding="unicode")


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_text(text: str) -> None:
    page = page_of(with_text(text))
    assert set(page.tags) <= TAGS
    assert {name for name, _ in page.attributes} <= ATTRIBUTES
    assert "".join(page.texts).replace("\n", "").isprintable()


@given(reports)
def test_any_text_leaves_the_page_as_it_is_built(made: Report) -> None:
    page = page_of(made)
    assert set(page.tags) <= TAGS
    assert {name for name, _ in page.attributes} <= ATTRIBUTES
    assert page.tags.count("article") == 2 * (len(Status) - 2)
