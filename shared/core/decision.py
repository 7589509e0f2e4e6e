"""What a rule returns.

A rule is a pure function `(state, command's values, now) -> Decision`. The decision holds the state to be saved, the
outcome to be told to the caller, and the facts that subscribers hear of. A rule that refuses returns the very state it
was given and no facts: nothing is then written, so that the losers of a race don't make others lose.
"""

from dataclasses import dataclass
from typing import Generic, TypeVar

from shared.core.events import Fact

StateT = TypeVar("StateT")
OutcomeT_co = TypeVar("OutcomeT_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Decision(Generic[StateT, OutcomeT_co]):
    """The new state, what the caller is told, and the facts that became true with the new state."""

    state: StateT
    outcome: OutcomeT_co
    facts: tuple[Fact, ...] = ()
