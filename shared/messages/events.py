"""Events: a fact with its place in the history of its resource, and its public form.

The public form is CloudEvents 1.0 in JSON. `id` is the resource's id and the event's number, so that a subscriber can
tell a repetition; numbers of one resource start at 1 and have no gaps.
"""

from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Final, get_args

from shared.core.events import ContainerFact, Fact, FileFact

FACT_TYPES: Final[dict[str, type[Any]]] = {
    fact.type: fact for union in (FileFact, ContainerFact) for fact in get_args(union)
}


@dataclass(frozen=True, slots=True)
class Event:
    """One fact of one resource."""

    resource_id: str
    sequence: int
    """Counts the events of this resource: 1, 2, 3, ..."""
    occurred_at: datetime
    user_id: str
    """Who did it; "" if nobody did (an expiry)."""
    correlation_id: str
    fact: Fact

    @property
    def event_id(self) -> str:
        """Unique over all events; the same whenever the event is delivered again."""
        return f"{self.resource_id}:{self.sequence}"


def cloud_event(event: Event, source: str) -> dict[str, Any]:
    """The event as a CloudEvents 1.0 object. `source` is the host's public address."""
    subject = "container_id" if event.fact.type.startswith("container.") else "file_id"
    data: dict[str, Any] = {field.name: getattr(event.fact, field.name) for field in fields(event.fact)}
    return {
        "specversion": "1.0",
        "id": event.event_id,
        "source": source,
        "type": event.fact.type,
        "subject": event.resource_id,
        "time": event.occurred_at,
        "datacontenttype": "application/json",
        "data": {
            subject: event.resource_id,
            "sequence": event.sequence,
            "user_id": event.user_id,
            "correlation_id": event.correlation_id,
            **data,
        },
    }
