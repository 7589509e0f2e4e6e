"""The AsyncAPI document: complete, and true of what is really published."""

import re
from dataclasses import fields
from typing import Any

import jsonschema_rs
import msgspec
import pytest

from services.gateway.api.asyncapi import document_of
from shared.messages.events import FACT_TYPES, Event, cloud_event
from tests.builders import NOON
from tests.contract.test_events import EVERY_FACT
from tests.gateway.apis import Api
from tests.gateway.test_api_events import backlog
from tests.hosts import Host

DOCUMENT = document_of("https://docs.example.com", "1.2.3")


def validator(event_type: str) -> jsonschema_rs.Validator:
    """What holds an event against the document."""
    message = DOCUMENT["components"]["messages"][event_type]
    schema = message["payload"] | {"components": DOCUMENT["components"]}
    return jsonschema_rs.validator_for(schema, validate_formats=True)


def as_json(event: dict[str, Any]) -> dict[str, Any]:
    """The event as it's published."""
    published: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(event))
    return published


async def test_anybody_may_read_the_document(host: Host) -> None:
    answer = await host.request("GET", "/api/asyncapi.json")

    assert (answer.status, answer.headers["Content-Type"]) == (200, "application/json")
    assert answer.json["asyncapi"] == "3.0.0"
    assert answer.json["components"] == DOCUMENT["components"]


def test_every_type_of_event_is_a_message_of_both_channels() -> None:
    for channel in DOCUMENT["channels"].values():
        assert channel["messages"].keys() == FACT_TYPES.keys()
    for name, schema in DOCUMENT["components"]["schemas"].items():
        jsonschema_rs.meta.validate(schema | {"$schema": "https://json-schema.org/draft/2020-12/schema"})
        assert {one.name for one in fields(FACT_TYPES[name])} < schema["properties"]["data"]["properties"].keys()


def test_each_reference_leads_somewhere() -> None:
    references = re.findall(r"'\$ref': '#/([^']+)'", repr(DOCUMENT))

    assert len(references) > 4 * len(FACT_TYPES)
    for reference in references:
        node: Any = DOCUMENT
        for part in reference.split("/"):
            node = node[part]


@pytest.mark.parametrize("fact", EVERY_FACT, ids=lambda fact: fact.type)
def test_every_fact_is_published_as_the_document_says(fact: Any) -> None:
    event = as_json(cloud_event(Event("f1", 7, NOON, "", "c", fact), "https://docs.example.com"))

    validator(fact.type).validate(event)

    assert {*DOCUMENT["components"]["schemas"][fact.type]["properties"]["data"]["properties"]} == {*event["data"]}
    for name in event["data"]:
        data = {key: value for key, value in event["data"].items() if key != name}
        assert not validator(fact.type).is_valid(event | {"data": data}), name
        assert not validator(fact.type).is_valid(event | {"data": event["data"] | {name: {}}}), name


async def test_what_a_host_publishes_is_what_its_document_says(host: Host) -> None:
    file_id = await host.file()
    await host.container()
    word = host.wopi(file_id)
    await word.lock("A")
    await word.put(b"more", "A")
    await word.relock("B", "A")
    await word.unlock("B")

    events = [message["data"] for message in await backlog(Api(host))]

    assert len(events) >= 7
    for event in events:
        validator(event["type"]).validate(event)
