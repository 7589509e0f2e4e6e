"""Containers: the tree that files live in.

A container can only be deleted while it is empty, although its children are other aggregates: it's first marked as
closing, which keeps new children out; then it's looked whether any child is there; then it's deleted or opened again.
Whoever creates a child looks at the mark once more after the child is there, and takes it back if the container closed.
Spec: Containers.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from shared.core.decision import Decision
from shared.core.events import (
    ContainerCreated,
    ContainerDeleted,
    ContainerGrantChanged,
    ContainerMoved,
    ContainerRenamed,
)
from shared.core.files import Deleted, GrantSet, role_name
from shared.core.permissions import Grant, Role, with_grant

ROOT_ID: Final = "root"
"""Id of the container that all others are below."""
MAX_DEPTH: Final = 64
"""Most containers between the root and a file."""


@dataclass(frozen=True, slots=True)
class Container:
    """One container. The root's `parent_id` is ""."""

    container_id: str
    parent_id: str
    name: str
    owner_id: str
    created_at: datetime
    grants: tuple[Grant, ...] = ()
    closing: bool = False
    """On its way to be deleted: takes no new children."""
    deleted_at: datetime | None = None
    """Set on what is left of a deleted container until its last events are out."""

    @property
    def is_open(self) -> bool:
        """Whether it takes new children."""
        return not self.closing and self.deleted_at is None


@dataclass(frozen=True, slots=True)
class ContainerMade:
    """A new container has this id and name."""

    container_id: str
    name: str


def new_container(
    container_id: str, parent_id: str, name: str, owner_id: str, now: datetime
) -> Decision[Container, ContainerMade]:
    """A container that is about to be put into the tree."""
    container = Container(container_id, parent_id, name, owner_id, now)
    return Decision(container, ContainerMade(container_id, name), (ContainerCreated(name, parent_id),))


@dataclass(frozen=True, slots=True)
class ContainerNamed:
    """The container's name is now `name`."""

    name: str


@dataclass(frozen=True, slots=True)
class RootStays:
    """Refused: the root can't be moved or deleted."""

    reason: str


def decide_rename_container(container: Container, name: str) -> Decision[Container, ContainerNamed]:
    """Give the container the name `name`; ids of it and of everything below stay.

    Spec: Containers > RenameContainer.
    """
    if name == container.name:
        return Decision(container, ContainerNamed(name))
    renamed = ContainerRenamed(name, container.name)
    return Decision(replace(container, name=name), ContainerNamed(name), (renamed,))


@dataclass(frozen=True, slots=True)
class ContainerPlaced:
    """The container is in `parent_id`, under `name`."""

    parent_id: str
    name: str


@dataclass(frozen=True, slots=True)
class WouldLoop:
    """Refused: the container can't go into itself or below, nor deeper than MAX_DEPTH."""

    reason: str


def depth_fault(target_chain: tuple[Container, ...], height: int = 1) -> WouldLoop | None:
    """Why `height` levels of containers can't be put below `target_chain` (root first); None if they can."""
    if len(target_chain) + height > MAX_DEPTH:
        return WouldLoop(f"containers can't be nested deeper than {MAX_DEPTH}")
    return None


def decide_move_container(
    container: Container, target_chain: tuple[Container, ...], name: str, height: int = 1
) -> Decision[Container, ContainerPlaced | RootStays | WouldLoop]:
    """Put the container, with all below it, into the last of `target_chain` (root first), under `name`.

    `height` counts the levels of containers that are moved: 1 if the container holds no others.
    """
    if container.container_id == ROOT_ID:
        return Decision(container, RootStays("the root container can't be moved"))
    if any(above.container_id == container.container_id for above in target_chain):
        return Decision(container, WouldLoop("a container can't be moved into itself"))
    too_deep = depth_fault(target_chain, height)
    if too_deep is not None:
        return Decision(container, too_deep)
    return _placed(container, target_chain[-1].container_id, name)


def decide_put_container_back(
    container: Container, stray_in: str, parent_id: str, name: str
) -> Decision[Container, ContainerPlaced | None]:
    """Put a container back that was moved into one which closed meanwhile; None if it isn't in there any more."""
    if container.parent_id != stray_in:
        return Decision(container, None)
    return _placed(container, parent_id, name)


def _placed(container: Container, parent_id: str, name: str) -> Decision[Container, ContainerPlaced]:
    if (parent_id, name) == (container.parent_id, container.name):
        return Decision(container, ContainerPlaced(parent_id, name))
    renamed = (ContainerRenamed(name, container.name),) if name != container.name else ()
    moved = (ContainerMoved(name, parent_id, container.parent_id),) if parent_id != container.parent_id else ()
    placed = replace(container, parent_id=parent_id, name=name)
    return Decision(placed, ContainerPlaced(parent_id, name), (*renamed, *moved))


@dataclass(frozen=True, slots=True)
class Closed:
    """The container takes no new children any more; it's to be deleted or opened again."""


@dataclass(frozen=True, slots=True)
class NotEmpty:
    """Refused with 409: the container has children. Spec: Containers > DeleteContainer."""


def decide_close_container(container: Container) -> Decision[Container, Closed | RootStays]:
    """Keep new children out, as the first step of deleting."""
    if container.container_id == ROOT_ID:
        return Decision(container, RootStays("the root container can't be deleted"))
    return Decision(container if container.closing else replace(container, closing=True), Closed())


def decide_finish_delete(
    container: Container, has_children: bool, now: datetime
) -> Decision[Container, Deleted | NotEmpty]:
    """Delete a closed container, or open it again if children are in it.

    Opening it is no refusal to be skipped: it has to be written, so that the container works as before.
    """
    if has_children:
        return Decision(replace(container, closing=False), NotEmpty())
    gone = ContainerDeleted(container.name, container.parent_id)
    return Decision(replace(container, grants=(), deleted_at=now), Deleted(), (gone,))


def decide_reopen_container(container: Container) -> Decision[Container, bool]:
    """Open a container whose deletion broke off. If it's under way after all, it closes the container again."""
    return Decision(replace(container, closing=False) if container.closing else container, container.closing)


def decide_set_container_grant(container: Container, user_id: str, role: Role | None) -> Decision[Container, GrantSet]:
    """Give `user_id` the role on this container and all below it, or take the grant away (None)."""
    grants = with_grant(container.grants, user_id, role)
    if set(grants) == set(container.grants):
        return Decision(container, GrantSet())
    changed = ContainerGrantChanged(user_id, role_name(role))
    return Decision(replace(container, grants=grants), GrantSet(), (changed,))
