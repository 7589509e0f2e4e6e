"""How far a consumer has come in its partitions: which offsets may be committed, and who waits for that.

Commands of one partition end in any order; committed is what all before has ended. A rebalance takes partitions away:
what waits for a commit of ours is then told that it will not come.
"""

from collections import deque
from collections.abc import Callable
from typing import Final

Then = Callable[[], None]


class Progress:
    """One partition, from the time it's assigned to the time it's taken away."""

    def __init__(self) -> None:
        self._under_way: Final[dict[int, bool]] = {}
        self._waiting: Final[deque[tuple[int, Then]]] = deque()
        self.position: int | None = None
        """Offset that may be committed: of the first message that has not ended."""
        self.committed: int | None = None
        self.is_ours = True

    @property
    def is_waited_for(self) -> bool:
        """Whether a commit is urgent."""
        return bool(self._waiting)

    @property
    def is_idle(self) -> bool:
        """Whether all that was begun has ended and is committed."""
        return not self._under_way and self.position == self.committed

    @property
    def first_not_ended(self) -> int | None:
        """Offset of the first message that has not ended, begun or still to come; None if none has ever begun."""
        return next(iter(self._under_way), self.position)

    def begin(self, offset: int) -> None:
        """The message at `offset` is under way; offsets begin in order."""
        self._under_way[offset] = False

    def end(self, offset: int, when_committed: Then | None = None) -> None:
        """It has ended; `when_committed` is called once it can't be delivered again, and never if it can."""
        self._under_way[offset] = True
        if when_committed is not None:
            self._waiting.append((offset, when_committed))
        while self._under_way:
            first = next(iter(self._under_way))
            if not self._under_way[first]:
                break
            del self._under_way[first]
            self.position = first + 1

    def commit_done(self, position: int) -> None:
        """All before `position` is committed."""
        self.committed = position
        for _ in range(len(self._waiting)):
            offset, then = self._waiting.popleft()
            if offset < position:
                then()
            else:
                self._waiting.append((offset, then))

    def take_away(self) -> None:
        """The partition is another one's now: what waits will be delivered there, and answered there."""
        self.is_ours = False
        self._waiting.clear()
