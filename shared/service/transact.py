"""Load, decide, save: how a rule is applied to one document.

A command that has taken effect is remembered in the document, in the same step as its effect, so that a redelivery
changes nothing and gets the same answer. A refusal is not written: see `shared.core.decision`.
"""

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Protocol, TypeVar

from shared.core.decision import Decision
from shared.core.errors import Contended, NotFound
from shared.messages.codec import decode_outcome, encode_outcome
from shared.messages.commands import Command
from shared.messages.events import Event
from shared.ports.metadata import AggregateStore, Applied, Change, Loaded

MAX_ATTEMPTS: Final = 40
"""Lost races for one document before a command gives up."""
REMEMBERED_FOR: Final = timedelta(minutes=10)
"""How long an applied command is remembered: longer than any redelivery of it can take."""
REMEMBERED_MAX: Final = 200
"""Most applied commands that one document remembers."""


class Deletable(Protocol):
    """A state that stays for a while after its resource is deleted."""

    @property
    def deleted_at(self) -> datetime | None:
        """When it was deleted; None if it wasn't."""


StateT = TypeVar("StateT", bound=Deletable)
OutcomeT = TypeVar("OutcomeT")


@dataclass(frozen=True, slots=True)
class Origin:
    """On whose behalf a change is made: recorded with its events."""

    user_id: str = ""
    correlation_id: str = ""


def change_of(
    decision: Decision[StateT, Any],
    key: str,
    now: datetime,
    origin: Origin,
    loaded: Loaded[StateT] | None = None,
    command_id: str | None = None,
) -> Change[StateT]:
    """The decision as something to be saved: facts become numbered events, the command is remembered."""
    sequence = loaded.sequence if loaded else 0
    events = tuple(
        Event(key, sequence + count, now, origin.user_id, origin.correlation_id, fact)
        for count, fact in enumerate(decision.facts, start=1)
    )
    applied = tuple(one for one in (loaded.applied if loaded else ()) if now - one.applied_at < REMEMBERED_FOR)
    if command_id is not None:
        applied = (*applied, Applied(command_id, now, encode_outcome(decision.outcome)))
    return Change(decision.state, events, applied[-REMEMBERED_MAX:])


def remembered(loaded: Loaded[Any], command_id: str) -> Applied | None:
    """What was answered to that command, if it has taken effect on this document already."""
    return next((one for one in loaded.applied if one.command_id == command_id), None)


async def transact(
    store: AggregateStore[StateT],
    key: str,
    decide: Callable[[StateT], Decision[StateT, OutcomeT]],
    now: datetime,
    command: Command[Any] | None = None,
) -> OutcomeT:
    """Apply `decide` to one document; if another writer was faster, decide again on what it left.

    Raises NotFound (also for a deleted resource), NameInUse, and Contended after MAX_ATTEMPTS lost races.
    """
    command_id = command.command_id if command else None
    origin = Origin(command.caller.user_id, command.correlation_id) if command else Origin()
    for attempt in range(MAX_ATTEMPTS):
        loaded = await store.load(key)
        if command_id is not None and (known := remembered(loaded, command_id)) is not None:
            outcome: OutcomeT = decode_outcome(known.outcome)
            return outcome
        if loaded.state.deleted_at is not None:
            raise NotFound(f"there is no {key}")
        decision = decide(loaded.state)
        if decision.state is loaded.state and not decision.facts:
            return decision.outcome
        if await store.replace(loaded, change_of(decision, key, now, origin, loaded, command_id)):
            return decision.outcome
        await asyncio.sleep(random.uniform(0, 0.002 * attempt))  # noqa: S311 - spreads out writers, keeps no secret
    raise Contended(f"too many changes of {key} at once; try again")
