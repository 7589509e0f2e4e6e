"""Grants down the tree, and what they let a user do.

A grant gives one user one role on one file or container. It holds for everything below that container. A user's role on
a resource is the strongest of the grants on the resource itself and on each container above it; grants only ever add.
Whoever creates a resource owns it by a grant like any other, so that ownership can be taken away and given on.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum


class Role(IntEnum):
    """What a user may do with a resource; a higher role includes the lower ones."""

    VIEWER = 1
    EDITOR = 2
    OWNER = 3


@dataclass(frozen=True, slots=True)
class Grant:
    """`user_id` holds `role` on the resource that carries this grant, and on everything below it."""

    user_id: str
    role: Role


def role_of(user_id: str, *levels: Iterable[Grant]) -> Role | None:
    """The strongest role of `user_id` over all `levels`: a resource's own grants and those of each container above."""
    strongest: Role | None = None
    for grants in levels:
        for grant in grants:
            if grant.user_id == user_id and (strongest is None or grant.role > strongest):
                strongest = grant.role
    return strongest


def with_grant(grants: tuple[Grant, ...], user_id: str, role: Role | None) -> tuple[Grant, ...]:
    """`grants` with the user's grant set to `role`; None takes the grant away."""
    others = tuple(grant for grant in grants if grant.user_id != user_id)
    return others if role is None else (*others, Grant(user_id, role))
