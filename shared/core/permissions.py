"""Grants down the tree, and what they let a user do.

A grant sets one user's role on one file or container and on everything below it; the grant nearest to a resource
decides. A user whom no grant names has their base role. Whoever made a resource counts as its owner, and as the owner
of everything below, for as long as they may edit there at all: so that taking a role away works at once, also for what
that user made, and giving the role back gives ownership back.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from typing import Protocol


class Role(IntEnum):
    """What a user may do with a resource; a higher role includes the lower ones."""

    NONE = 0
    """Nothing: for this user, the resource doesn't exist."""
    VIEWER = 1
    """Read."""
    EDITOR = 2
    """Save, create, rename, move, delete."""
    OWNER = 3
    """Share, and break a lock."""


@dataclass(frozen=True, slots=True)
class Grant:
    """`user_id` holds `role` on the resource that carries this grant, and on everything below it."""

    user_id: str
    role: Role


class Owned(Protocol):
    """What grants can be on: a file or a container."""

    @property
    def owner_id(self) -> str:
        """Id of the user who made it."""

    @property
    def grants(self) -> tuple[Grant, ...]:
        """At most one for each user."""


def role_of(user_id: str, base_role: Role, levels: Iterable[Owned]) -> Role:
    """The user's role on the last of `levels`: the resource, after all containers above it with the root first."""
    role = base_role
    for level in levels:
        for grant in level.grants:
            if grant.user_id == user_id:
                role = grant.role
                break
        if level.owner_id == user_id and role >= Role.EDITOR:
            role = Role.OWNER
    return role


def with_grant(grants: tuple[Grant, ...], user_id: str, role: Role | None) -> tuple[Grant, ...]:
    """`grants` with the user's grant set to `role`; None takes the grant away, so that those above count again."""
    others = tuple(grant for grant in grants if grant.user_id != user_id)
    return others if role is None else (*others, Grant(user_id, role))
