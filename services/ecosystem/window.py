"""The part of the stream that is being delivered to one webhook: bounded, in lanes, with a mark behind it.

Events of one resource form a lane and go one after the other; lanes go side by side. The mark is the position up to which
all is done: a worker that begins anew begins there.
"""

import asyncio
from collections import deque
from dataclasses import dataclass, field
from typing import Final

from shared.messages.events import Event

EVENTS_MAX: Final = 256
BYTES_MAX: Final = 1024 * 1024


@dataclass(slots=True, eq=False)
class Parcel:
    """One event on its way."""

    position: str
    event: Event
    body: bytes = field(repr=False)
    is_done: bool = False


class Window:
    """Events of one webhook that are read but not done."""

    def __init__(self, mark: str | None) -> None:
        self.mark = mark
        """The position up to which all is done."""
        self._order: deque[Parcel] = deque()
        self._lanes: dict[str, deque[Parcel]] = {}
        self._bytes = 0
        self._room = asyncio.Event()
        self._room.set()

    async def room(self) -> None:
        """Returns when there is room for an event; one that is too large for any room is let in alone."""
        await self._room.wait()

    def skip(self, position: str) -> None:
        """An event that isn't wanted lies at that position."""
        if self._order:
            self._order[-1].position = position
        else:
            self.mark = position

    def add(self, parcel: Parcel) -> bool:
        """Take in an event; whether it begins a lane, for which somebody is to work then."""
        self._order.append(parcel)
        self._bytes += len(parcel.body)
        self._measure()
        lane = self._lanes.setdefault(parcel.event.resource_id, deque())
        lane.append(parcel)
        return len(lane) == 1

    def next(self, resource_id: str) -> Parcel | None:
        """The event of the lane that is to go next; None if the lane has ended."""
        lane = self._lanes.get(resource_id)
        return lane[0] if lane else None

    def done(self, parcel: Parcel) -> None:
        """The event, the first of its lane, is delivered or given up."""
        lane = self._lanes[parcel.event.resource_id]
        _ = lane.popleft()
        if not lane:
            del self._lanes[parcel.event.resource_id]
        parcel.is_done = True
        self._bytes -= len(parcel.body)
        parcel.body = b""
        while self._order and self._order[0].is_done:
            self.mark = self._order.popleft().position
        self._measure()

    def _measure(self) -> None:
        if len(self._order) >= EVENTS_MAX or self._bytes >= BYTES_MAX:
            self._room.clear()
        else:
            self._room.set()
