"""The AsyncAPI document of the events, made from the dataclasses of the facts that events tell of.

Spec: AsyncAPI 3.0; CloudEvents 1.0 (JSON format).
"""

import inspect
from dataclasses import MISSING, fields
from typing import Any, Final

import msgspec

from shared.core.webhooks import FORMER_SECRET_LIFETIME
from shared.messages.events import FACT_TYPES

TOPIC: Final = "wopi.events"
CLOUD_EVENT: Final = "application/cloudevents+json"

Json = dict[str, Any]

_DESCRIPTION: Final = """\
One event a fact of a file or container, saved in the same step as the change that it tells of. Events of one resource come
in the order of their `sequence`, without gaps, each at least once: a repetition has the same `id`. Events of different
resources have no order among each other. Types and fields are only ever added.
"""
_WEBHOOKS: Final = f"""\
The address that a webhook was registered with (`POST /api/v1/webhooks`). Any answer of 200 to 299 means that the event was
taken; 410 means that no more are wanted; all else is tried again. Signed as Standard Webhooks says, for
{FORMER_SECRET_LIFETIME.total_seconds() / 3600:.0f} hours after a change of the secret with both.
"""
_TEXT: Final[Json] = {"type": "string"}
_ENVELOPE: Final[Json] = {
    "sequence": {"type": "integer", "minimum": 1, "description": "Counts the events of the resource: 1, 2, 3, ..."},
    "user_id": _TEXT | {"description": "Who did it; empty if nobody did."},
    "correlation_id": _TEXT | {"description": "The id of the request that caused it, as in logs."},
}
_SIGNED: Final[Json] = {
    "type": "object",
    "required": ["webhook-id", "webhook-timestamp", "webhook-signature"],
    "properties": {
        "webhook-id": _TEXT | {"description": "The event's `id`."},
        "webhook-timestamp": _TEXT | {"pattern": "^[0-9]+$", "description": "When it's sent: seconds since 1970 UTC."},
        "webhook-signature": _TEXT
        | {
            "description": "`v1,` and the HMAC-SHA256, in Base64, of id, timestamp and body, joined by dots; several are"
            " separated by spaces."
        },
    },
}


def document_of(public_url: str, version: str) -> Json:
    """The document for the host at `public_url`."""
    schemas = {name: _payload(name, fact) for name, fact in FACT_TYPES.items()}
    named = {name: {"$ref": f"#/components/messages/{name}"} for name in FACT_TYPES}
    return {
        "asyncapi": "3.0.0",
        "id": public_url,
        "info": {
            "title": "Lectern's events",
            "version": version,
            "description": _DESCRIPTION,
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": CLOUD_EVENT,
        "channels": {
            "events": {
                "address": TOPIC,
                "title": "The stream of events",
                "description": "On a distributed host a Kafka topic, keyed by the resource's id; on every host the"
                " server-sent events of `GET /api/v1/events`.",
                "messages": named,
                "bindings": {"kafka": {"topic": TOPIC, "bindingVersion": "0.5.0"}},
            },
            "webhooks": {
                "address": None,
                "title": "Webhooks",
                "description": _WEBHOOKS,
                "messages": {name: {"$ref": f"#/components/messages/{name}.signed"} for name in FACT_TYPES},
            },
        },
        "operations": {
            "publishEvents": {
                "action": "send",
                "channel": {"$ref": "#/channels/events"},
                "summary": "The host publishes what happened.",
            },
            "callWebhooks": {
                "action": "send",
                "channel": {"$ref": "#/channels/webhooks"},
                "summary": "The host tells a receiver what happened.",
                "bindings": {"http": {"method": "POST", "bindingVersion": "0.3.0"}},
            },
        },
        "components": {
            "schemas": schemas,
            "messages": {name: _message(name) for name in FACT_TYPES}
            | {f"{name}.signed": _message(name) | {"headers": _SIGNED} for name in FACT_TYPES},
        },
    }


def _message(name: str) -> Json:
    return {
        "name": name,
        "summary": _summary(FACT_TYPES[name]),
        "contentType": CLOUD_EVENT,
        "payload": {"$ref": f"#/components/schemas/{name}"},
    }


def _summary(fact: type[Any]) -> str:
    return " ".join(inspect.cleandoc(fact.__doc__ or "").split())


def _payload(name: str, fact: type[Any]) -> Json:
    """The schema of the CloudEvent that tells of such a fact."""
    properties: Json = {
        "specversion": {"const": "1.0"},
        "id": _TEXT | {"pattern": "^.+:[1-9][0-9]*$", "description": "The resource's id and the event's number."},
        "source": _TEXT | {"format": "uri", "description": "The host's public address."},
        "type": {"const": name},
        "subject": _TEXT | {"description": "The resource's id."},
        "time": _TEXT | {"format": "date-time"},
        "datacontenttype": {"const": "application/json"},
        "data": _data(name, fact),
    }
    return {"type": "object", "description": _summary(fact), "required": list(properties), "properties": properties}


def _data(name: str, fact: type[Any]) -> Json:
    subject = "container_id" if name.startswith("container.") else "file_id"
    properties = {subject: _TEXT | {"description": "The resource's id, as in `subject`."}} | _ENVELOPE
    properties |= _fields(fact)
    return {"type": "object", "required": list(properties), "properties": properties}


def _fields(fact: type[Any]) -> Json:
    _, components = msgspec.json.schema_components([fact])
    found: Json = components[fact.__name__]["properties"]
    # Events carry all fields, those with a default as well: the default is the constructor's business.
    return {
        one.name: found[one.name]
        if one.default is MISSING
        else {key: value for key, value in found[one.name].items() if key != "default"}
        for one in fields(fact)
    }
