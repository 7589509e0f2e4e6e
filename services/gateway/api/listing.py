"""What is in a container, page by page: containers first, then files, each in the order of their names.

A page goes on after the last child that its reader could see, so that it never tells of others. Only as much as a page
holds is ever read, however much the container does.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol, TypeVar

from services.gateway.access import ContainerAccess
from services.gateway.api.problems import Kind, Refused
from services.gateway.context import Gateway
from shared.core.containers import Container
from shared.core.file import FileHead
from shared.core.permissions import Owned, Role, role_of

_CONTAINER: Final = "container"
_FILE: Final = "file"


class Named(Owned, Protocol):
    """What a container holds."""

    @property
    def name(self) -> str:
        """Unique among its kind in the container."""


ChildT = TypeVar("ChildT", bound=Named)
Read = Callable[[str | None], Awaitable[Sequence[ChildT]]]
"""Reads some children after the one with that name."""


@dataclass(frozen=True, slots=True)
class Child:
    """One child, and what this user may do with it."""

    of: Container | FileHead
    role: Role

    @property
    def cursor(self) -> str:
        """Where the page after this child begins."""
        return f"{_CONTAINER if isinstance(self.of, Container) else _FILE}:{self.of.name}"


@dataclass(frozen=True, slots=True)
class Page:
    """Some children, and where the next page begins: None after the last one."""

    children: tuple[Child, ...]
    next: str | None


async def page_of(gateway: Gateway, access: ContainerAccess, after: str | None, limit: int) -> Page:
    """The children after the cursor `after`, `limit` at most. Raises Refused for what is no cursor."""
    children: list[Child] = []
    async for child in _children(gateway, access, after, limit + 1):
        if len(children) == limit:
            return Page(tuple(children), children[-1].cursor)
        children.append(child)
    return Page(tuple(children), None)


async def _children(gateway: Gateway, access: ContainerAccess, after: str | None, batch: int) -> AsyncIterator[Child]:
    container_id, metadata = access.container.container_id, gateway.metadata
    kind, colon, name = (after or f"{_CONTAINER}:").partition(":")
    if not colon or kind not in {_CONTAINER, _FILE}:
        raise Refused(Kind.BAD_REQUEST, "after is none that the host gave")

    def containers(last: str | None) -> Awaitable[Sequence[Container]]:
        return metadata.containers.children(container_id, after=last, limit=batch)

    def files(last: str | None) -> Awaitable[Sequence[FileHead]]:
        return metadata.files.in_container(container_id, after=last, limit=batch)

    if kind == _CONTAINER:
        async for container, role in _visible(access, containers, name or None, batch):
            yield Child(container, role)
        name = ""
    async for file, role in _visible(access, files, name or None, batch):
        yield Child(file, role)


async def _visible(
    access: ContainerAccess, read: Read[ChildT], after: str | None, batch: int
) -> AsyncIterator[tuple[ChildT, Role]]:
    while True:
        read_now = await read(after)
        for child in read_now:
            # The role on the container is what the levels above come to.
            role = role_of(access.user.user_id, access.role, (child,))
            if role >= Role.VIEWER:
                yield child, role
        if len(read_now) < batch:
            return
        after = read_now[-1].name
