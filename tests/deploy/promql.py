"""What a PromQL expression asks for."""

import re
from dataclasses import dataclass
from typing import Any

import promql_parser as promql


@dataclass(frozen=True)
class Asked:
    """One selector: a metric, and which values of its labels."""

    metric: str
    labels: dict[str, set[str]]
    """By label, the values that are spelled out; of patterns, those that are mere alternatives."""


def selectors(expression: str) -> list[Asked]:
    """All selectors in it. Raises ValueError if Prometheus would refuse the expression."""
    found = []

    def visit(node: Any) -> None:
        if isinstance(node, promql.VectorSelector):
            labels: dict[str, set[str]] = {}
            for matcher in node.matchers.matchers:
                values = {one for one in matcher.value.split("|") if re.fullmatch(r"\w+", one)}
                labels[matcher.name] = labels.get(matcher.name, set()) | values
            found.append(Asked(node.name or "", labels))

    promql.walk(promql.parse(expression), visit)
    return found


def groupings(expression: str) -> set[str]:
    """All labels that something is grouped by."""
    labels: set[str] = set()

    def visit(node: Any) -> None:
        if isinstance(node, promql.AggregateExpr) and node.modifier is not None:
            labels.update(node.modifier.labels)

    promql.walk(promql.parse(expression), visit)
    return labels
