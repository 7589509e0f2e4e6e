"""Finding a name that is free: asked in batches, decided by the store alone.

Whether a name is taken can change between the question and the use of the answer. What counts is that the store refuses
a taken name (NameInUse); asking before only saves trying hundreds of taken names one by one.
"""

from collections.abc import Awaitable, Callable, Collection, Iterator
from contextlib import suppress
from itertools import islice
from typing import Final, Protocol, TypeVar

from shared.core.names import name_key
from shared.ports.metadata import NameInUse

ResultT = TypeVar("ResultT")

_BATCH_MAX: Final = 1024


class Siblings(Protocol):
    """A store that knows which names are taken in a container."""

    async def names_taken(self, parent_id: str, names: Collection[str]) -> frozenset[str]:
        """Those of `names` that a sibling in the container `parent_id` has."""


async def take_free_name(
    siblings: Siblings,
    parent_id: str,
    names: Iterator[str],
    take: Callable[[str], Awaitable[ResultT]],
    own_name: str | None = None,
) -> ResultT:
    """`take` the first of `names` that is free in the container; on to the next one if another writer was faster.

    `names` must not end. `own_name`, the present name of what is being named, counts as free.
    """
    own_key = None if own_name is None else name_key(own_name)
    size = 1  # most often the first one will do
    while True:
        batch = tuple(islice(names, size))
        taken = await siblings.names_taken(parent_id, batch)
        for name in batch:
            if name not in taken or name_key(name) == own_key:
                with suppress(NameInUse):
                    return await take(name)
        size = min(size * 8, _BATCH_MAX)


async def free_name(siblings: Siblings, parent_id: str, names: Iterator[str], own_name: str | None = None) -> str:
    """The first of `names` that is free in the container right now."""
    return await take_free_name(siblings, parent_id, names, _itself, own_name)


async def _itself(name: str) -> str:
    return name
