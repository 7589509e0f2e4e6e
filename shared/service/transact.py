"""Load, decide, save: how a rule is applied to one document.

A command that has taken effect is remembered in the document, in the same step as its effect, so that a redelivery
changes nothing and gets the same answer. A refusal is not written: see `shared.core.decision`.
"""

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final, Generic, Protocol, TypeVar

from shared.core.decision import Decision
from shared.core.errors import Contended, NotFound
from shared.messages.codec import decode_outcome, encode_outcome
from shared.messages.commands import Command
from shared.messages.events import Event
from shared.ports.bus import outcome_is_recorded
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
OutcomeT_co = TypeVar("OutcomeT_co", covariant=True)


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
    applied = _still_remembered(loaded.applied, now) if loaded else ()
    if command_id is not None:
        applied = (*applied, Applied(command_id, now, encode_outcome(decision.outcome)))
    return Change(decision.state, events, applied[-REMEMBERED_MAX:])


def _still_remembered(applied: tuple[Applied, ...], now: datetime) -> tuple[Applied, ...]:
    # The oldest come first: most of the time, looking at one of them is enough.
    gone = 0
    while gone < len(applied) and now - applied[gone].applied_at >= REMEMBERED_FOR:
        gone += 1
    return applied[gone:]


def remembered(loaded: Loaded[Any], command: Command[Any] | None) -> Any | None:
    """What was answered to that command, if it has taken effect on this document already."""
    if command is None:
        return None
    command_id = command.command_id
    for one in loaded.applied:
        if one.command_id == command_id:
            return decode_outcome(one.outcome)
    return None


async def resume(store: AggregateStore[StateT], key: str, command: Command[Any]) -> tuple[StateT, Any | None]:
    """The document as a command of several steps finds it, and the answer if the command has taken effect before.

    Raises NotFound, also for a deleted resource, unless the command has an answer already.
    """
    loaded = await store.load(key)
    answer = remembered(loaded, command)
    if answer is None and loaded.state.deleted_at is not None:
        raise NotFound(f"there is no {key}")
    return loaded.state, answer


@dataclass(frozen=True, slots=True)
class Transition(Generic[StateT, OutcomeT_co]):
    """What one command did to one document."""

    outcome: OutcomeT_co
    former: StateT
    """The document that was decided on."""
    state: StateT
    """The document since; the same object as `former` if nothing was changed, by a refusal or by a repetition."""


def _never(_: object) -> bool:
    return False


async def transition(
    store: AggregateStore[StateT],
    key: str,
    decide: Callable[[StateT], Decision[StateT, OutcomeT]],
    now: datetime,
    command: Command[Any] | None = None,
    is_final: Callable[[OutcomeT], bool] = _never,
) -> Transition[StateT, OutcomeT]:
    """As `transact`, telling also what the document was and is.

    An outcome that `is_final` is remembered even if it leaves the document as it was: for outcomes after which the
    caller lets something go, so that a redelivered command can't decide anew and use what is gone.
    """
    origin = Origin(command.caller.user_id, command.correlation_id) if command else Origin()
    for attempt in range(MAX_ATTEMPTS):
        loaded = await store.load(key)
        answer = remembered(loaded, command)
        if answer is not None:
            outcome_is_recorded(answer)
            return Transition(answer, loaded.state, loaded.state)
        if loaded.state.deleted_at is not None:
            raise NotFound(f"there is no {key}")
        decision = decide(loaded.state)
        done = Transition(decision.outcome, loaded.state, decision.state)
        if decision.state is loaded.state and not decision.facts and not is_final(decision.outcome):
            return done
        change = change_of(decision, key, now, origin, loaded, command.command_id if command else None)
        if await store.replace(loaded, change):
            if command is not None:
                outcome_is_recorded(decision.outcome)
            return done
        await pause_before(attempt + 1)
    raise Contended(f"too many changes of {key} at once; try again")


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
    return (await transition(store, key, decide, now, command)).outcome


async def undo(
    store: AggregateStore[StateT],
    key: str,
    decide: Callable[[StateT], Decision[StateT, OutcomeT]],
    now: datetime,
    command: Command[Any],
) -> OutcomeT:
    """Apply `decide`, which takes back what `command` did, and forget that the command took effect.

    Raises NotFound, NameInUse and Contended, as `transact` does.
    """
    origin = Origin(command.caller.user_id, command.correlation_id)
    for attempt in range(MAX_ATTEMPTS):
        loaded = await store.load(key)
        if loaded.state.deleted_at is not None:
            raise NotFound(f"there is no {key}")
        decision = decide(loaded.state)
        if decision.state is loaded.state:
            return decision.outcome
        change = change_of(decision, key, now, origin, loaded)
        others = tuple(one for one in change.applied if one.command_id != command.command_id)
        if await store.replace(loaded, replace(change, applied=others)):
            return decision.outcome
        await pause_before(attempt + 1)
    raise Contended(f"too many changes of {key} at once; try again")


async def pause_before(attempt: int) -> None:
    """Spread out writers that race for one document."""
    await asyncio.sleep(random.uniform(0, 0.002 * (attempt - 1)))  # noqa: S311 - keeps no secret
