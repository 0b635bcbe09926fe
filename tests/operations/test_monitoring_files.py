"""The dashboard and the alert rules speak of metrics that there are, and mean what they say."""

import json
import re
import shutil
import subprocess
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML
from support.tools import ROOT

from sp1tee import errors
from sp1tee.fulfill import catalogue as worker
from sp1tee.monitoring.described import Described
from sp1tee.serve import catalogue as server

FOLDER = ROOT / "docs" / "operations"
DESCRIBED = {metric.name: metric for metric in (*server.METRICS, *worker.METRICS)}
PARTS = ("_bucket", "_sum", "_count")
# What Prometheus adds to every series itself.
OF_SCRAPING = {"job", "instance", "le"}

NAME = re.compile(r"\b(?:sp1tee|process)_[a-z_]+\b")
SELECTOR = re.compile(r"\b((?:sp1tee|process)_[a-z_]+)\s*\{([^}]*)\}")
GROUPING = re.compile(r"\b(?:by|without)\s*\(([^)]*)\)")
CODE = re.compile(r"SP1TEE-[A-Z0-9\[\]]+")

promtool = pytest.mark.skipif(
    shutil.which("promtool") is None, reason="no promtool on PATH (Debian's package prometheus)"
)


def rules(name: str = "alerts") -> list[dict[str, Any]]:
    groups = YAML(typ="safe").load(FOLDER / f"{name}.yml")["groups"]
    return [rule for group in groups for rule in group["rules"]]


def panels() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((FOLDER / "dashboard.json").read_text())["panels"]
    return found


def targets() -> list[str]:
    return [target["expr"] for panel in panels() for target in panel.get("targets", ())]


EXPRESSIONS = sorted({rule["expr"] for rule in (*rules(), *rules("autoscaling"))} | set(targets()))


def metric_of(series: str) -> Described | None:
    for part in PARTS:
        found = DESCRIBED.get(series.removesuffix(part))
        if series.endswith(part) and found is not None and found.kind == "histogram":
            return found
    found = DESCRIBED.get(series)
    return found if found is not None and found.kind != "histogram" else None


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_every_series_in_an_expression_exists(expression: str) -> None:
    assert [name for name in NAME.findall(expression) if metric_of(name) is None] == []


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_every_label_in_an_expression_is_one_of_its_metrics(expression: str) -> None:
    for name, selector in SELECTOR.findall(expression):
        metric = metric_of(name)
        assert metric is not None
        named = set(re.findall(r"([a-z_]+)\s*(?:=~|!~|!=|=)", selector))
        assert named <= {*metric.labels, *OF_SCRAPING}
    metrics = filter(None, map(metric_of, NAME.findall(expression)))
    known = {label for metric in metrics for label in metric.labels} | OF_SCRAPING
    for group in GROUPING.findall(expression):
        assert {label.strip() for label in group.split(",")} <= known


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_every_code_in_an_expression_is_one_that_refusals_have(expression: str) -> None:
    known = {getattr(errors, name).code for name in errors.__all__ if name != "main"}
    for pattern in CODE.findall(expression):
        assert any(re.fullmatch(pattern, code) for code in known), pattern


def test_every_metric_of_ours_is_on_the_dashboard() -> None:
    shown = {
        metric.name for name in NAME.findall(" ".join(targets())) if (metric := metric_of(name))
    }
    ours = {name for name in DESCRIBED if name.startswith("sp1tee_")}
    assert ours - shown == {"sp1tee_build_info"}


def test_panels_have_numbers_of_their_own_and_do_not_overlap() -> None:
    found = panels()
    assert len({panel["id"] for panel in found}) == len(found)
    for one, other in combinations([panel["gridPos"] for panel in found], 2):
        apart_x = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        apart_y = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
        assert apart_x or apart_y, (one, other)
        assert one["x"] + one["w"] <= 24


def test_every_panel_says_what_it_shows_and_asks_the_chosen_source() -> None:
    for panel in panels():
        if panel["type"] == "row":
            continue
        assert panel["title"]
        assert panel["description"].endswith(".")
        assert panel["datasource"]["uid"] == "${datasource}"
        assert [target["refId"] for target in panel["targets"]] == list("ABCD")[
            : len(panel["targets"])
        ]


def test_every_alert_has_a_severity_and_says_what_to_do() -> None:
    for rule in rules():
        assert rule["labels"]["severity"] in {"page", "warning"}
        assert rule["annotations"].keys() == {"summary", "description"}


def test_every_alert_is_tested_to_fire_and_to_stay_quiet() -> None:
    tests = YAML(typ="safe").load(FOLDER / "alerts_test.yml")["tests"]
    cases = [case for test in tests for case in test["alert_rule_test"]]
    names = {rule["alert"] for rule in rules()}
    assert {case["alertname"] for case in cases if case["exp_alerts"]} == names
    # An alert is quiet where it is not expected at a moment, or not for another series.
    for name in names:
        mine = [test for test in tests if name in {c["alertname"] for c in test["alert_rule_test"]}]
        quiet = any(not c["exp_alerts"] for test in mine for c in test["alert_rule_test"])
        assert quiet or any(len(test["input_series"]) > 1 for test in mine)


@promtool
@pytest.mark.parametrize("name", ["alerts", "autoscaling"])
def test_prometheus_takes_the_rules(name: str) -> None:
    checked("check", "rules", str(FOLDER / f"{name}.yml"))


@promtool
def test_the_alerts_fire_when_they_should_and_only_then() -> None:
    checked("test", "rules", str(FOLDER / "alerts_test.yml"))


@promtool
def test_as_many_provers_are_wanted_as_the_work_takes() -> None:
    checked("test", "rules", str(FOLDER / "autoscaling_test.yml"))


@promtool
def test_prometheus_understands_every_panel(tmp_path: Path) -> None:
    filled = [
        text.replace("$__rate_interval", "5m").replace("$instance", ".*") for text in targets()
    ]
    recorded = [{"record": f"panel:{n}", "expr": text} for n, text in enumerate(filled)]
    path = tmp_path / "panels.yml"
    path.write_text(json.dumps({"groups": [{"name": "panels", "rules": recorded}]}))
    checked("check", "rules", str(path))


def checked(*arguments: str) -> None:
    done = subprocess.run(["promtool", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
