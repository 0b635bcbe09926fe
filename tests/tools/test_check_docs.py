"""What the documents show of the program is compared with the program."""

import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
from support.tools import ROOT, load_tool

from sp1tee.serve import catalogue as server
from sp1tee.serve.settings import ServeSettings
from sp1tee.verify.policy import Rtmr3Policy

SCRIPT = ROOT / "tools" / "check_docs.py"


@pytest.fixture(scope="module")
def tool() -> ModuleType:
    return load_tool("check_docs")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "docs").mkdir()
    (tmp_path / "README.md").write_text(
        "# Title\n\n<!-- help: sp1tee keys show -->\n\nText between.\n\n"
        "<!-- settings: serve -->\n| old | table |\n|---|---|\n\nEnd.\n"
    )
    (tmp_path / "docs" / "other.md").write_text("Nothing marked: `sp1tee prove`.\n")
    return tmp_path


def test_a_document_is_brought_up_to_date_and_then_agrees(tool: ModuleType, root: Path) -> None:
    assert tool.stale(root, write=False) == ["README.md"]
    assert tool.stale(root, write=True) == ["README.md"]
    assert tool.stale(root, write=False) == []


def test_what_stands_around_a_mark_stays(tool: ModuleType, root: Path) -> None:
    tool.stale(root, write=True)
    text = (root / "README.md").read_text()
    assert text.startswith("# Title\n\n<!-- help: sp1tee keys show -->\n```text\nUsage: sp1tee")
    assert "\n```\n\nText between.\n" in text
    assert text.endswith("|\n\nEnd.\n")
    assert "| old | table |" not in text


def test_a_changed_block_is_noticed(tool: ModuleType, root: Path) -> None:
    tool.stale(root, write=True)
    path = root / "README.md"
    path.write_text(path.read_text().replace("--key-file", "--key"))
    assert tool.stale(root, write=False) == ["README.md"]


def test_a_help_block_has_no_colour_and_no_more_than_100_columns(
    tool: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "40")
    block = tool.help_block("sp1tee prove")
    assert "\x1b" not in block
    assert 90 < max(map(len, block.splitlines())) <= 100


def test_a_table_has_every_setting_and_no_secrets_default(tool: ModuleType) -> None:
    table = tool.settings_table("serve")
    rows = table.splitlines()[2:]
    assert len(rows) == len(ServeSettings.model_fields)
    assert "| `listen` | `SP1TEE_SERVE_LISTEN` | `0.0.0.0:8080` |" in table


def test_a_table_has_every_key_of_a_policys_section(tool: ModuleType) -> None:
    rows = tool.policy_table("rtmr3").splitlines()[2:]
    fields = [name for name in Rtmr3Policy.model_fields if name != "key_provider"]
    assert [row.split("`")[1] for row in rows] == fields
    assert "| `id` | bytes in hex |" in tool.policy_table("rtmr3.key_provider")
    assert "| `expires` | date | needed |" in tool.policy_table("waivers")


@pytest.mark.parametrize(
    "text",
    [
        "help: sp1tee nonsense",
        "help: rm -rf",
        "settings: nonsense",
        "policy: nonsense",
        "metrics: nonsense",
    ],
)
def test_a_mark_for_what_does_not_exist_is_an_error(tool: ModuleType, text: str) -> None:
    with pytest.raises(tool.DocsError):
        tool.refreshed(f"<!-- {text} -->\n")


def test_the_command_line_fails_on_stale_documents(tmp_path: Path, root: Path) -> None:
    copy = tmp_path / "tools" / "check_docs.py"
    copy.parent.mkdir()
    copy.write_bytes(SCRIPT.read_bytes())
    checked = [sys.executable, str(copy)]
    failed = subprocess.run(checked, capture_output=True, text=True, check=False)
    assert failed.returncode == 1
    assert "README.md" in failed.stderr
    subprocess.run([*checked, "--write"], check=True, capture_output=True)
    subprocess.run(checked, check=True)


def test_a_table_has_every_rule_of_a_room_and_marks_what_cannot_be_waived(tool: ModuleType) -> None:
    table = tool.rules_table("quote")
    assert "| `quote.report-data` | `SP1TEE-V2" in table
    assert "**The guest signed exactly this report data**" in table
    assert "| `quote.advisories` |" in table
    assert "rtmr3" not in table.split("|")[1]


def test_rules_of_no_room_are_a_mistake(tool: ModuleType) -> None:
    with pytest.raises(tool.DocsError, match="no rules of nothing"):
        tool.rules_table("nothing")


def test_a_table_has_every_metric_of_a_command(tool: ModuleType) -> None:
    rows = tool.metrics_table("serve").splitlines()[2:]
    assert [row.split("`")[1] for row in rows] == [metric.name for metric in server.METRICS]
    assert "| `sp1tee_requests` | gauge | `state` | Requests in the database, by state. |" in rows
    assert "`sp1tee_worker_slots`" in tool.metrics_table("fulfill")
