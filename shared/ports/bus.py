"""The port of messages: commands and their outcomes, and the stream of events.

Promises that every adapter keeps:

- Commands of one key to one service are handled one after the other, in the order in which one sender sent them;
  different keys, and different services, side by side.
- A command may be delivered more than once; it takes effect once (see `shared.service.transact`).
- A command past its deadline is dropped, not handled.
- A sender that goes away doesn't stop its command.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from shared.messages.commands import Command, Service
from shared.messages.events import Event

OutcomeT = TypeVar("OutcomeT")

Handler = Callable[[Any], Awaitable[Any]]
"""Takes a command, gives one of its outcomes; raises LecternError for what the sender can't be expected to deal with."""
Handlers = Mapping[type[Command[Any]], Handler]


@dataclass(slots=True)
class Handling:
    """A command that is being handled."""

    recorded: Any = None
    """The outcome that is saved with its effect, if one is."""

    def is_recorded(self, outcome: Any) -> bool:
        """Whether a redelivery is sure to get this very outcome."""
        return self.recorded is outcome


_HANDLING: ContextVar[Handling | None] = ContextVar("handling", default=None)


@contextmanager
def handling() -> Iterator[Handling]:
    """A command is handled inside; what is yielded tells afterwards what is recorded of it."""
    state = Handling()
    before = _HANDLING.set(state)
    try:
        yield state
    finally:
        _HANDLING.reset(before)


def outcome_is_recorded(outcome: Any) -> None:
    """Says that this outcome of the command that is being handled is saved with its effect.

    A bus may then send it back before it's sure that the command isn't delivered again.
    """
    state = _HANDLING.get()
    if state is not None:
        state.recorded = outcome


class CommandBus(Protocol):
    """Where the gateway sends commands."""

    async def request(self, command: Command[OutcomeT]) -> OutcomeT:
        """Send the command and wait for its outcome.

        Raises DeadlinePassed if none came in time, Unavailable if the command couldn't be sent, and the LecternError
        that the handler raised.
        """

    async def is_ready(self) -> None:
        """Returns if commands can be sent; raises Unavailable with the reason if not."""


class CommandServer(Protocol):
    """Where a service takes its commands from."""

    def serve(self, service: Service, handlers: Handlers) -> None:
        """From now on `handlers` answer the commands of `service`."""


@dataclass(frozen=True, slots=True)
class Positioned:
    """An event with its place in the stream."""

    position: str
    """Opaque; `follow` goes on after it."""
    event: Event


class EventStream(Protocol):
    """The events of all resources, kept for a while."""

    def follow(self, after: str | None, *, live: bool = True) -> AsyncIterator[Positioned]:
        """Events after that position (None: from the oldest one kept), then, if `live`, new ones as they come.

        Per resource in order of their numbers, none left out. At its first step, raises ValueError for what is no
        position in this stream. Raises Unavailable when the stream breaks off; it can be followed again from there.
        """

    async def latest(self) -> str | None:
        """Position of the newest event; None if there is none."""
