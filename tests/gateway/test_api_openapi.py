"""The OpenAPI document: complete, valid, and true of the table that it is made from."""

import re
from typing import Any

import jsonschema_rs
import pytest

from services.gateway.api.openapi import document_of
from services.gateway.api.operations import Who
from services.gateway.api.problems import Kind
from services.gateway.api.table import OPERATIONS
from shared.core.permissions import Role
from tests.hosts import Host

DOCUMENT = document_of(OPERATIONS, "https://docs.example.com", "1.2.3")
ROWS = [(path, method, row) for path, rows in DOCUMENT["paths"].items() for method, row in rows.items()]


def schemas_with_examples(node: Any) -> list[tuple[dict[str, Any], Any]]:
    """Every schema in the document beside an example of what it describes."""
    if isinstance(node, list):
        return [found for item in node for found in schemas_with_examples(item)]
    if not isinstance(node, dict):
        return []
    found = [(node["schema"], node["example"])] if "schema" in node and "example" in node else []
    if isinstance(node.get("examples"), list):
        found += [({key: value for key, value in node.items() if key != "examples"}, one) for one in node["examples"]]
    return found + [pair for value in node.values() for pair in schemas_with_examples(value)]


async def test_anybody_may_read_the_document(host: Host) -> None:
    answer = await host.request("GET", "/api/openapi.json")

    assert (answer.status, answer.headers["Content-Type"]) == (200, "application/json")
    assert answer.json["openapi"] == "3.1.0"
    assert answer.json["servers"] == [{"url": f"{host.url}/api/v1"}]
    assert answer.json["paths"].keys() == DOCUMENT["paths"].keys()


def test_each_operation_is_there_once_under_a_name_of_its_own() -> None:
    names = [row["operationId"] for _, _, row in ROWS]

    assert len(names) == len(set(names))
    assert {(one.path, one.method.lower()) for one in OPERATIONS} <= {(path, method) for path, method, _ in ROWS}


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_each_operation_says_what_it_does_needs_and_answers(operation: Any) -> None:
    row = DOCUMENT["paths"][operation.path][operation.method.lower()]

    assert row["summary"]
    assert not row["summary"].endswith(".")
    in_path = [one["name"] for one in row["parameters"] if one.get("in") == "path"]
    assert in_path == re.findall(r"\{(\w+)\}", operation.path)
    assert ("requestBody" in row) == (operation.takes_json or operation.takes_bytes)
    statuses = {int(status) for status in row["responses"]}
    assert statuses == set(operation.answers) | {kind.status.value for kind in operation.all_problems}
    assert {400, 401, 500, 503} <= statuses


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_what_has_a_resource_in_its_path_needs_a_role_on_it(operation: Any) -> None:
    has_resource = re.search(r"\{(file|container|draft)_id\}", operation.path) is not None

    assert (operation.needs is not Role.NONE) == has_resource
    assert not (has_resource and operation.who is Who.OPERATOR)
    if operation.method in {"PUT", "PATCH", "DELETE"} and has_resource:
        assert operation.needs >= Role.EDITOR


def test_each_kind_of_problem_belongs_to_an_operation_or_to_none_at_all() -> None:
    told = {kind for operation in OPERATIONS for kind in operation.all_problems}

    assert set(Kind) - told == {Kind.METHOD_NOT_ALLOWED}


def test_each_example_is_one_of_what_it_stands_for() -> None:
    pairs = schemas_with_examples(DOCUMENT)

    assert len(pairs) > 100
    for schema, example in pairs:
        validator = jsonschema_rs.validator_for(schema | {"components": DOCUMENT["components"]}, validate_formats=True)
        assert validator.is_valid(example), (schema, example)


def test_each_reference_leads_somewhere() -> None:
    for reference in re.findall(r"'\$ref': '#/components/(\w+)/(\w+)'", repr(DOCUMENT)):
        assert DOCUMENT["components"][reference[0]][reference[1]]


def test_the_schemas_are_schemas() -> None:
    for schema in DOCUMENT["components"]["schemas"].values():
        jsonschema_rs.meta.validate(schema | {"$schema": "https://json-schema.org/draft/2020-12/schema"})
