"""Markdown, read back with a CommonMark parser that knows GitHub's tables and links."""

import re

import pytest
from hypothesis import given
from markdown_it import MarkdownIt
from markdown_it.token import Token
from support.reports import HOSTILE, report, reports, with_text

from sp1tee.verify.formats import Format, render
from sp1tee.verify.formats.markdown import code, prose
from sp1tee.verify.report import Report

OURS = {"<details>", "</details>", "<summary>", "</summary>"}


def tokens(text: str) -> list[Token]:
    found = []
    for token in MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(text):
        found += [token, *(token.children or [])]
    return found


def test_the_verdict_comes_first_and_the_policy_before_the_checks() -> None:
    text = render(report(), Format.MARKDOWN)
    assert text.startswith("## ✗ FAIL: `tee.example.org`\n")
    assert text.index("What is demanded") < text.index("### ✗")


def test_what_did_not_pass_is_open_and_the_rest_is_folded() -> None:
    text = render(report(), Format.MARKDOWN)
    assert "### ✗ The application is the one that was asked for" in text
    assert "- expected: `9b78cf840e16a8274e00474cdac4afdabc5eeb93`" in text
    assert "<details><summary>Passed (10)</summary>" in text
    assert "<details><summary>Skipped (1)</summary>" in text


def test_a_remedy_can_be_copied_as_it_is() -> None:
    blocks = [t.content for t in tokens(render(report(), Format.MARKDOWN)) if t.type == "fence"]
    assert any('[quote]\ntcb_status = ["UpToDate", "OutOfDate"]\n' in block for block in blocks)


def test_a_code_span_holds_backticks() -> None:
    (inline,) = (t for t in tokens(code("a `` b`")) if t.type == "code_inline")
    assert inline.content == "a `` b`"


@pytest.mark.parametrize(
    "text", ["@everyone", "#1", "GH-1", "https://evil.example", "www.evil.example", "a@b.example"]
)
def test_sentences_have_no_mentions_addresses_or_numbers_of_issues(text: str) -> None:
    (inline,) = (t for t in tokens(prose(text)) if t.type == "inline")
    shown = "".join(child.content for child in inline.children or [])
    assert text not in shown
    assert shown.replace("\u200b", "") == text


def harmless(text: str) -> None:
    for token in tokens(text):
        assert token.type not in {"link_open", "image", "strong_open", "em_open", "s_open"} or (
            token.type == "strong_open" and "**No policy**" in text
        )
        if token.type in {"html_block", "html_inline"}:
            assert set(re.findall(r"</?\w+>?", token.content)) <= OURS
    assert text.replace("\n", "").replace("\u200b", "").isprintable()


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_text(text: str) -> None:
    harmless(render(with_text(text), Format.MARKDOWN))


@given(reports)
def test_any_text_is_text(made: Report) -> None:
    harmless(render(made, Format.MARKDOWN))
