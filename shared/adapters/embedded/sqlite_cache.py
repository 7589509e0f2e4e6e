"""What was read lately, kept in memory: this process is the only writer, so that it knows of every change.

An entry is what the database holds. While a change of it is being committed there is none, and reads ask the database:
nobody can so see a write that isn't durable yet, nor an older state after a newer one.
"""

from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

ValueT = TypeVar("ValueT")


class Recent(Generic[ValueT]):
    """The documents used most recently, up to a total weight."""

    def __init__(self, max_weight: int, weigh: Callable[[ValueT], int] = lambda _: 1) -> None:
        self._entries: OrderedDict[str, ValueT] = OrderedDict()
        self._held: set[str] = set()
        self._max_weight = max_weight
        self._weight = 0
        self._weigh = weigh

    def get(self, key: str) -> ValueT | None:
        """The document; None if it has to be read."""
        value = self._entries.get(key)
        if value is not None:
            self._entries.move_to_end(key)
        return value

    def add(self, key: str, value: ValueT) -> None:
        """Keep what was just read."""
        if key in self._held:
            return
        self._forget(key)
        self._entries[key] = value
        self._weight += self._weigh(value)
        while self._weight > self._max_weight:
            _, oldest = self._entries.popitem(last=False)
            self._weight -= self._weigh(oldest)

    def hold(self, key: str) -> None:
        """The document is about to change: forget it, and keep nothing of it until it's let go."""
        self._forget(key)
        self._held.add(key)

    def let_go(self, key: str, value: ValueT | None = None) -> None:
        """The change is committed or given up. `value` is what the database holds now, if it's to be kept."""
        self._held.discard(key)
        if value is not None:
            self.add(key, value)

    def _forget(self, key: str) -> None:
        value = self._entries.pop(key, None)
        if value is not None:
            self._weight -= self._weigh(value)
