"""Grants down the tree: the nearest decides, and whoever made a resource owns it while they may edit there."""

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.core.permissions import Grant, Role, role_of, with_grant

NONE, VIEWER, EDITOR, OWNER = Role


@dataclass(frozen=True)
class Level:
    """A container or file of a chain."""

    owner_id: str
    grants: tuple[Grant, ...] = ()


def plain(*roles: Role) -> Level:
    """Made by somebody else, with a grant for Ann if there is a role."""
    return Level("somebody", tuple(Grant("ann", role) for role in roles))


MADE = Level("ann")


def made(role: Role) -> Level:
    return Level("ann", (Grant("ann", role),))


@pytest.mark.parametrize(
    ("base", "levels", "role"),
    [
        (NONE, [plain()], NONE),
        (VIEWER, [plain()], VIEWER),
        (EDITOR, [plain(), plain()], EDITOR),
        (NONE, [plain(EDITOR)], EDITOR),
        (NONE, [plain(EDITOR), plain()], EDITOR),
        (EDITOR, [plain(VIEWER), plain()], VIEWER),
        (EDITOR, [plain(NONE), plain()], NONE),
        (NONE, [plain(VIEWER), plain(EDITOR)], EDITOR),
        (OWNER, [plain(EDITOR), plain(VIEWER)], VIEWER),
        (NONE, [plain(NONE), plain(), plain(VIEWER)], VIEWER),
        (EDITOR, [plain(), MADE], OWNER),
        (EDITOR, [MADE, plain()], OWNER),
        (EDITOR, [MADE, plain(VIEWER)], VIEWER),
        (EDITOR, [MADE, plain(EDITOR)], EDITOR),
        (VIEWER, [MADE], VIEWER),
        (NONE, [MADE], NONE),
        (EDITOR, [plain(NONE), MADE], NONE),
        (EDITOR, [plain(VIEWER), MADE], VIEWER),
        (NONE, [plain(EDITOR), MADE], OWNER),
        (NONE, [made(EDITOR)], OWNER),
        (EDITOR, [made(VIEWER)], VIEWER),
        (OWNER, [made(NONE), plain()], NONE),
        (EDITOR, [], EDITOR),
    ],
)
def test_role_of(base: Role, levels: list[Level], role: Role) -> None:
    assert role_of("ann", base, levels) is role


levels = st.lists(
    st.builds(
        Level,
        st.sampled_from(["ann", "bob"]),
        st.dictionaries(st.sampled_from(["ann", "bob"]), st.sampled_from(Role)).map(
            lambda grants: tuple(Grant(user, role) for user, role in grants.items())
        ),
    ),
    max_size=5,
)


@given(st.sampled_from(Role), levels)
def test_what_others_are_granted_and_own_makes_no_difference(base: Role, chain: list[Level]) -> None:
    stripped = [
        Level(one.owner_id if one.owner_id == "ann" else "nobody", tuple(g for g in one.grants if g.user_id == "ann"))
        for one in chain
    ]

    assert role_of("ann", base, chain) is role_of("ann", base, stripped)


@given(st.sampled_from(Role), levels, st.sampled_from([NONE, VIEWER]))
def test_taking_a_role_away_on_the_resource_itself_always_works(base: Role, chain: list[Level], role: Role) -> None:
    closed = [*chain, Level("ann", (Grant("ann", role),))]

    assert role_of("ann", base, closed) is role


def test_a_grant_is_set_changed_and_taken_away() -> None:
    grants = with_grant((), "ann", VIEWER)
    grants = with_grant(grants, "bob", EDITOR)
    grants = with_grant(grants, "ann", OWNER)

    assert set(grants) == {Grant("ann", OWNER), Grant("bob", EDITOR)}
    assert with_grant(grants, "ann", None) == (Grant("bob", EDITOR),)
    assert with_grant((), "ann", None) == ()
    assert with_grant((), "ann", NONE) == (Grant("ann", NONE),)
