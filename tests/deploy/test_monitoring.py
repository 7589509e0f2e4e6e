"""Alerts and the dashboard ask for what the code counts, by names that it uses."""

import json
import re
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any, get_args

import pytest
from prometheus_client.parser import text_string_to_metric_families

from deploy.servers.folders import CHECKOUT
from services.gateway.api.table import OPERATIONS as API_OPERATIONS
from services.gateway.wopi import containers, ecosystem
from services.gateway.wopi.operations import FILE_OPERATIONS
from shared.core import errors
from shared.messages import commands
from shared.messages.commands import Command, Service
from shared.service.metrics import Direction, Metrics, Swept
from tests.deploy.promql import Asked, groupings, selectors
from tests.deploy.tools import DEPLOY, read_yaml

MONITORING = DEPLOY / "monitoring"
DASHBOARD: dict[str, Any] = json.loads((MONITORING / "dashboard.json").read_text("utf-8"))
RULES: list[dict[str, Any]] = [
    rule for group in read_yaml(MONITORING / "alerts.yaml")["groups"] for rule in group["rules"]
]
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
TARGETS = [(panel["title"], target) for panel in PANELS for target in panel["targets"]]
GIVEN_BY_PROMETHEUS = {"job", "instance", "component"}


def without_variables(expression: str) -> str:
    return expression.replace("$__rate_interval", "5m").replace("$job", "lectern")


EXPRESSIONS = [
    *(pytest.param(rule["expr"], id=rule["alert"]) for rule in RULES),
    *(pytest.param(without_variables(target["expr"]), id=f"{title} {target['refId']}") for title, target in TARGETS),
]


def counted() -> dict[str, set[str]]:
    """Every sample that a process can show, with its labels."""
    metrics = Metrics()
    metrics.request("Lock", 200, 0.1)
    metrics.command("lock", "LockFile", "Locked", 0.1)
    metrics.content(Direction.SENT, 1)
    metrics.swept(Swept.DRAFTS, 1)
    metrics.ready("bus", True)
    metrics.consuming("lock", lambda: 0)
    metrics.dead_letter("lock")
    families = text_string_to_metric_families(metrics.render().decode())
    return {one.name: set(one.labels) for family in families for one in family.samples}


SAMPLES = {**counted(), "up": set[str]()}


def commands_of(module: Any) -> dict[str, set[str]]:
    """The outcomes of each command, by name."""
    outcomes = {}
    for kind in vars(module).values():
        if isinstance(kind, type) and issubclass(kind, Command) and "service" in vars(kind):
            (base,) = kind.__orig_bases__  # type: ignore[attr-defined]
            (argument,) = get_args(base)
            outcomes[kind.__name__] = {one.__name__ for one in get_args(argument) or (argument,)}
    return outcomes


def values_of(label: str) -> set[str] | None:
    """All values that the code gives to a label; None if it isn't for the code to say."""
    tables = (FILE_OPERATIONS, containers.OPERATIONS, ecosystem.OPERATIONS)
    outcomes = commands_of(commands)
    raised = {kind.__name__ for kind in vars(errors).values() if isinstance(kind, type)}
    return {
        "operation": {one.name for table in tables for one in table}
        | {one.name for one in API_OPERATIONS}
        | named_in("services/gateway", r'request\[OPERATION\] = "(\w+)"'),
        "service": {service.value for service in Service},
        "command": set(outcomes),
        "outcome": set(chain.from_iterable(outcomes.values())) | raised,
        "direction": {one.value for one in Direction},
        "what": {one.value for one in Swept},
    }.get(label)


def named_in(folder: str, pattern: str) -> set[str]:
    return {name for path in (CHECKOUT / folder).rglob("*.py") for name in re.findall(pattern, path.read_text("utf-8"))}


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_each_expression_asks_for_metrics_and_labels_that_exist(expression: str) -> None:
    asked = selectors(expression)

    assert asked
    for one in asked:
        assert one.metric in SAMPLES
        assert set(one.labels) <= SAMPLES[one.metric] | GIVEN_BY_PROMETHEUS
    assert groupings(expression) <= set(chain.from_iterable(SAMPLES[one.metric] for one in asked)) | GIVEN_BY_PROMETHEUS


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_each_value_of_a_label_is_one_that_the_code_gives(expression: str) -> None:
    assert [
        (label, value) for label, value in _named(selectors(expression)) if value not in (values_of(label) or {value})
    ] == []


def _named(asked: list[Asked]) -> Iterator[tuple[str, str]]:
    for one in asked:
        for label, values in one.labels.items():
            yield from ((label, value) for value in values)


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_each_expression_is_about_lectern_alone(expression: str) -> None:
    assert all("job" in one.labels for one in selectors(expression))


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_each_alert_says_what_is_wrong_with_labels_that_its_expression_leaves(rule: dict[str, Any]) -> None:
    text = " ".join(rule["annotations"].values())
    used = set(re.findall(r"\$labels\.(\w+)", text))

    assert rule["labels"]["severity"] in {"critical", "warning"}
    assert rule["annotations"].keys() == {"summary", "description"}
    if re.match(r"(sum|max|min|histogram_quantile)\b", rule["expr"]):
        assert used <= groupings(rule["expr"]) - {"le"}
    else:
        assert used <= GIVEN_BY_PROMETHEUS | SAMPLES[selectors(rule["expr"])[0].metric]


def test_an_alert_that_rises_from_nothing_has_something_to_rise_from() -> None:
    metrics = Metrics()

    metrics.consuming("lock", lambda: 0)

    assert 'lectern_dead_letters_total{service="lock"} 0.0' in metrics.render().decode()


def test_the_operator_gets_the_same_rules() -> None:
    resource = read_yaml(MONITORING / "rules.yaml")

    assert resource["spec"] == read_yaml(MONITORING / "alerts.yaml")


def test_every_alert_is_explained() -> None:
    text = (CHECKOUT / "docs" / "deployment.md").read_text("utf-8")

    explained = re.findall(r"^\| `(Lectern\w+)` \|", text, re.MULTILINE)

    assert explained == [rule["alert"] for rule in RULES]


def test_what_operators_ask_first_has_an_alert() -> None:
    asked = {one.metric for rule in RULES for one in selectors(rule["expr"])}

    assert asked >= {
        "up",
        "lectern_ready",
        "lectern_consumer_lag",
        "lectern_dead_letters_total",
        "lectern_outbox_depth",
        "lectern_request_seconds_bucket",
    }


def test_the_dashboard_shows_every_metric_of_lectern() -> None:
    shown = {one.metric for _, target in TARGETS for one in selectors(without_variables(target["expr"]))}

    missing = {
        name
        for name in SAMPLES
        if name.startswith("lectern_") and not name.endswith(("_created", "_sum", "_count", "_bucket"))
    } - shown

    assert missing == set()


def test_panels_have_a_place_of_their_own() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert place["x"] + place["w"] <= 24
        assert not taken & cells, panel["title"]
        taken |= cells
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(set(ids)) == len(ids)


def test_panels_and_variables_take_the_data_source_that_is_chosen() -> None:
    sources = [panel["datasource"] for panel in PANELS]
    sources += [target["datasource"] for _, target in TARGETS]
    variables = {one["name"]: one for one in DASHBOARD["templating"]["list"]}

    assert {json.dumps(source, sort_keys=True) for source in sources} == {
        '{"type": "prometheus", "uid": "${datasource}"}'
    }
    assert variables["datasource"]["type"] == "datasource"
    assert re.match(r"label_values\((\w+)", variables["job"]["definition"]).group(1) in SAMPLES  # type: ignore[union-attr]
    used = set(re.findall(r"\$(?!__)(\w+)|\$\{(\w+)\}", json.dumps(DASHBOARD)))
    assert {one or other for one, other in used} <= set(variables)


def test_metrics_are_asked_for_where_they_are_served() -> None:
    (endpoint,) = read_yaml(MONITORING / "pods.yaml")["spec"]["podMetricsEndpoints"]

    assert (endpoint["port"], endpoint["path"]) == ("http", "/metrics")
    assert Path("/metrics") in {Path(path) for path in named_in("services", r'add_get\("(/\w+)"')}
