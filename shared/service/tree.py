"""Putting things into containers that may be on their way out.

Whoever puts a child into a container looks at the container before, and once more after the child is there: see
`shared.core.containers`. If it closed meanwhile, the child is taken back.
"""

from collections.abc import Awaitable, Callable

from shared.core.containers import ROOT_ID
from shared.core.errors import Contended, NotFound
from shared.ports.metadata import ContainerStore


async def is_open(containers: ContainerStore, container_id: str) -> bool:
    """Whether the container is there and takes new children."""
    container = await containers.find(container_id)
    return container is not None and container.is_open


async def require_open(containers: ContainerStore, container_id: str) -> None:
    """Raises NotFound if the container isn't there, or on its way out."""
    if not await is_open(containers, container_id):
        raise NotFound("there is no such container")


async def has_strayed(containers: ContainerStore, container_id: str, *, is_new: bool) -> bool:
    """Whether a child that has been put into the container must be taken back, for the container has closed meanwhile.

    A child that isn't new there, because the command was delivered again or moved nothing, may be known to others: it
    only strayed if the container is gone for good. Raises Contended while that isn't decided.
    """
    container = await containers.find(container_id)
    if container is None:
        return True
    if container.closing and not is_new:
        raise Contended("the container is being deleted; try again")
    return container.closing


async def put_back(
    containers: ContainerStore, stray_in: str, former_home: str, place: Callable[[str, str], Awaitable[object | None]]
) -> None:
    """Put what strayed into the closed container `stray_in` back where it was; if that has closed too, into the root.

    `place(stray_in, home)` does the move; None says that it isn't in `stray_in` any more.
    """
    for home in (former_home, ROOT_ID):
        if await is_open(containers, home):
            if await place(stray_in, home) is None or await is_open(containers, home):
                return
            stray_in = home
