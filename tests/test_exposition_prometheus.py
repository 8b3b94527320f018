"""A real Prometheus scrapes the metrics and raises alerts; monitoring/ loads.

The tests that need its programs are skipped where they are not installed
(``apt-get install prometheus``).
"""

from __future__ import annotations

import json
import re
import shutil
import socket
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from mlkit.exposition import METRIC_NAMES, METRICS, ModelMetrics, serve

MONITORING = Path(__file__).resolve().parents[1] / "monitoring"
DASHBOARD = json.loads((MONITORING / "grafana-dashboard.json").read_text())
RULES = YAML(typ="safe").load((MONITORING / "prometheus-rules.yml").read_text())
# What Prometheus and node_exporter say themselves.
OTHERS = {"up", "node_textfile_mtime_seconds"}
# Names as exposed: a histogram has series of its own.
SERIES = {*METRIC_NAMES} | {
    f"{name}_{part}"
    for name, metric in METRICS.items()
    if metric.kind == "histogram"
    for part in ("bucket", "sum", "count")
}
FUNCTIONS = {
    "by", "histogram_quantile", "increase", "max", "min", "offset", "or",
    "quantile_over_time", "rate", "sum", "time", "unless",
}  # fmt: skip
CONFIGURATION = """
global: {{scrape_interval: 200ms, scrape_timeout: 200ms, evaluation_interval: 200ms}}
rule_files: ["{rules}"]
scrape_configs:
  - job_name: mlkit
    static_configs: [{{targets: ["127.0.0.1:{port}"]}}]
"""


def program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed (apt-get install prometheus)")
    return found


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def dashboard_expressions() -> list[str]:
    return [t["expr"] for panel in DASHBOARD["panels"] for t in panel["targets"]]


def rule_expressions() -> list[str]:
    return [rule["expr"] for group in RULES["groups"] for rule in group["rules"]]


def names_in(expression: str) -> set[str]:
    """Return the series that an expression asks for."""
    bare = re.sub(r'"[^"]*"|\{[^}]*\}|\[[^\]]*\]', " ", expression)
    bare = re.sub(r"\bby\s*\([^)]*\)", " ", bare)
    bare = re.sub(r"\boffset\s+\w+", " ", bare)
    return set(re.findall(r"\b[a-z_]\w*", bare)) - FUNCTIONS


@contextmanager
def prometheus(folder: Path, scraped: int) -> Iterator[Callable[..., Any]]:
    """Run a server; yield what asks its API."""
    binary, port = program("prometheus"), free_port()
    configuration = folder / "prometheus.yml"
    rules = MONITORING / "prometheus-rules.yml"
    configuration.write_text(CONFIGURATION.format(rules=rules, port=scraped))
    command = [
        binary,
        f"--config.file={configuration}",
        f"--storage.tsdb.path={folder / 'tsdb'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--log.level=warn",
    ]
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log)

    def ask(path: str, **asked: str) -> Any:
        url = f"http://127.0.0.1:{port}/api/v1/{path}?{urllib.parse.urlencode(asked)}"
        try:
            with urllib.request.urlopen(url, timeout=30) as answer:
                return json.load(answer)["data"]
        except OSError:
            # It is not up yet; should it have ended, its log says why.
            assert server.poll() is None, (folder / "log").read_text()
            return None

    try:
        yield ask
    finally:
        server.terminate()
        server.wait(60)


def until(what: Callable[[], Any]) -> Any:
    """Return the first true answer; a minute is for a machine that is very busy."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        if answer := what():
            return answer
        time.sleep(0.1)
    raise AssertionError("Prometheus did not come to it within a minute")


def test_a_real_prometheus_scrapes_us_and_raises_an_alert(tmp_path: Path) -> None:
    program("prometheus")
    metrics = ModelMetrics()
    labels = {"model": "churn", "version": "1.2.0"}
    for number in range(100):
        metrics.predicted(**labels, latency_seconds=0.002 if number < 90 else 0.2)
    metrics.failed(**labels)
    metrics.drift_found(**labels)
    metrics.set_accuracy(**labels, value=0.91)
    metrics.set_drift_score(**labels, value=0.25)
    metrics.set_health(**labels, status="critical")
    with serve(metrics, 0) as endpoint, prometheus(tmp_path, endpoint.port) as ask:

        def value(expression: str) -> Any:
            answer = ask("query", query=expression)
            return answer and answer["result"]

        (series,) = until(lambda: value("ml_predictions_total"))
        assert series["value"][1] == "100"
        where = {"job": "mlkit", "instance": f"127.0.0.1:{endpoint.port}"}
        assert series["metric"] == {
            "__name__": "ml_predictions_total",
            **labels,
            **where,
        }
        expected = {
            "ml_prediction_errors_total": 1,
            "ml_drift_detections_total": 1,
            "ml_model_accuracy": 0.91,
            "ml_drift_score": 0.25,
            "ml_model_health": 0,
            "ml_prediction_latency_seconds_count": 100,
        }
        # A scrape that takes too long leaves a gap until the next one.
        for expression, known in expected.items():
            (series,) = until(lambda asked=expression: value(asked))
            assert float(series["value"][1]) == known, expression
        latency = "ml_prediction_latency_seconds_bucket"
        assert until(lambda: value(f"histogram_quantile(0.5, {latency}) < 0.0025"))
        assert until(lambda: value(f"histogram_quantile(0.95, {latency}) > 0.1"))
        metadata = until(lambda: ask("metadata"))
        types = {name: each[0]["type"] for name, each in metadata.items()}
        # Of a counter, the newer format names what is counted.
        kinds = {name.removesuffix("_total"): m.kind for name, m in METRICS.items()}
        found = {name.removesuffix("_total"): kind for name, kind in types.items()}
        assert {name: found.get(name) for name in kinds} == kinds

        def firing() -> Any:
            alerts = (ask("alerts") or {"alerts": []})["alerts"]
            return {
                a["labels"]["alertname"]: a for a in alerts if a["state"] == "firing"
            }

        alert = until(lambda: firing().get("ModelCritical"))
        assert alert["annotations"]["summary"] == "churn 1.2.0 is critical"
        assert alert["labels"]["severity"] == "critical"
        assert until(lambda: "ModelDataDrifted" in firing())
        assert "ModelErrors" not in firing()
        # Every panel's expression is one that it understands.
        for expression in dashboard_expressions():
            assert value(filled(expression)) is not None, expression
        metrics.set_health(**labels, status="healthy")
        until(lambda: "ModelCritical" not in firing())


def filled(expression: str) -> str:
    """Return an expression as Grafana sends it, with all models chosen."""
    for name, text in {"model": ".*", "version": ".*"}.items():
        expression = expression.replace(f"${name}", text)
    return re.sub(r"\$__(rate_interval|interval|range)", "1m", expression)


def test_rules_load_and_do_what_their_tests_say() -> None:
    promtool = program("promtool")
    for command in (
        ["check", "rules", "prometheus-rules.yml"],
        ["check", "config", "prometheus.yml"],
        ["test", "rules", "prometheus-rules-test.yml"],
    ):
        done = subprocess.run(
            [promtool, *command], cwd=MONITORING, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr


def test_every_rule_is_tested_for_silence_and_for_its_alarm() -> None:
    tests = YAML(typ="safe").load(
        (MONITORING / "prometheus-rules-test.yml").read_text()
    )
    cases = [case for test in tests["tests"] for case in test["alert_rule_test"]]
    raised = {case["alertname"] for case in cases if case.get("exp_alerts")}
    silent = {case["alertname"] for case in cases if not case.get("exp_alerts")}
    rules = {rule["alert"] for group in RULES["groups"] for rule in group["rules"]}
    assert raised == silent == rules


@pytest.mark.parametrize("expression", dashboard_expressions())
def test_a_panel_asks_only_for_what_is_exposed(expression: str) -> None:
    assert names_in(expression)
    assert names_in(expression) <= SERIES
    assert '{model=~"$model", version=~"$version"}' in expression


def test_rules_ask_only_for_what_is_exposed() -> None:
    asked = {name for each in rule_expressions() for name in names_in(each)}
    assert asked <= SERIES | OTHERS
    assert asked >= OTHERS
    assert names_in('sum by (x) (rate(ml_odd[5m])) / on() time() > {a="b"}') == {
        "ml_odd", "on",
    }  # fmt: skip


def test_the_dashboard_shows_every_metric() -> None:
    asked = {name for each in dashboard_expressions() for name in names_in(each)}
    latency = "ml_prediction_latency_seconds"
    shown = {latency if name.startswith(latency) else name for name in asked}
    assert shown == set(METRIC_NAMES)


def test_the_dashboard_has_what_grafana_asks_of_one() -> None:
    assert DASHBOARD["schemaVersion"] >= 36
    assert re.fullmatch(r"[A-Za-z0-9_-]{1,40}", DASHBOARD["uid"])
    assert DASHBOARD["id"] is None
    variables = {each["name"]: each for each in DASHBOARD["templating"]["list"]}
    assert [*variables] == ["datasource", "model", "version"]
    assert variables["datasource"]["type"] == "datasource"
    assert variables["datasource"]["query"] == "prometheus"
    panels = DASHBOARD["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    source = {"type": "prometheus", "uid": "${datasource}"}
    for panel in panels:
        assert panel["type"] in {"stat", "timeseries", "state-timeline"}
        assert panel["title"]
        assert panel["description"]
        assert {json.dumps(t["datasource"]) for t in [panel, *panel["targets"]]} == {
            json.dumps(source)
        }
        refs = [target["refId"] for target in panel["targets"]]
        assert len(set(refs)) == len(refs)
    for name in ("model", "version"):
        assert variables[name]["datasource"] == source
        (series,) = re.findall(
            r"label_values\((\w+)", variables[name]["query"]["query"]
        )
        assert series in METRIC_NAMES


def test_no_two_panels_share_a_place() -> None:
    taken: dict[tuple[int, int], str] = {}
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        for x in range(place["x"], place["x"] + place["w"]):
            for y in range(place["y"], place["y"] + place["h"]):
                assert taken.setdefault((x, y), panel["title"]) == panel["title"]
