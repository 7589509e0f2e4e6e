"""What was read lately, kept in memory: this process is the only writer, so that it knows of every change.

An entry carries the revision that it shows. Reading the database adds entries; a commit only renews or removes those
that are there, and never with an older revision: a reader can so see neither a write that isn't durable yet nor an
older state after a newer one, however commits and reads interleave.
"""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

ValueT = TypeVar("ValueT")


@dataclass(frozen=True, slots=True)
class Known(Generic[ValueT]):
    """A document as of one revision."""

    revision: int
    value: ValueT
    weight: int


class Recent(Generic[ValueT]):
    """The documents used most recently, up to a total weight."""

    def __init__(self, max_weight: int, weigh: Callable[[ValueT], int] = lambda _: 1) -> None:
        self._entries: OrderedDict[str, Known[ValueT]] = OrderedDict()
        self._max_weight = max_weight
        self._weight = 0
        self._weigh = weigh

    def get(self, key: str) -> Known[ValueT] | None:
        """The entry, if there is one."""
        known = self._entries.get(key)
        if known is not None:
            self._entries.move_to_end(key)
        return known

    def add(self, key: str, revision: int, value: ValueT) -> None:
        """What the database holds now."""
        self.forget(key)
        known = Known(revision, value, self._weigh(value))
        self._entries[key] = known
        self._weight += known.weight
        while self._weight > self._max_weight:
            _, oldest = self._entries.popitem(last=False)
            self._weight -= oldest.weight

    def renew(self, key: str, revision: int, value: ValueT) -> None:
        """What a commit put there."""
        known = self._entries.get(key)
        if known is not None and known.revision < revision:
            self.add(key, revision, value)

    def forget(self, key: str) -> None:
        """Look into the database next time."""
        known = self._entries.pop(key, None)
        if known is not None:
            self._weight -= known.weight
