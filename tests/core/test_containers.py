"""Containers: renaming, moving, and deleting only what is empty. Spec: Containers."""

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.core.containers import (
    MAX_DEPTH,
    ROOT_ID,
    Closed,
    Container,
    ContainerMade,
    ContainerNamed,
    ContainerPlaced,
    NotEmpty,
    RootStays,
    WouldLoop,
    decide_close_container,
    decide_finish_delete,
    decide_move_container,
    decide_put_container_back,
    decide_rename_container,
    decide_reopen_container,
    decide_set_container_grant,
    depth_fault,
    new_container,
)
from shared.core.events import (
    ContainerCreated,
    ContainerDeleted,
    ContainerGrantChanged,
    ContainerMoved,
    ContainerRenamed,
)
from shared.core.files import Deleted, GrantSet
from shared.core.permissions import Grant, Role
from tests.builders import NOON

LATER = NOON + timedelta(minutes=1)
ROOT = Container(ROOT_ID, "", "All files", "operator", NOON)
A = Container("a", ROOT_ID, "A", "ann", NOON)
B = Container("b", "a", "B", "ann", NOON)
C = Container("c", ROOT_ID, "C", "ann", NOON)


def test_a_new_container_is_open_and_belongs_to_its_maker() -> None:
    decision = new_container("n", "a", "New", "ann", NOON)

    assert decision.outcome == ContainerMade("n", "New")
    assert decision.state == Container("n", "a", "New", "ann", NOON)
    assert decision.state.is_open
    assert decision.facts == (ContainerCreated("New", "a"),)


def test_a_rename_keeps_the_id() -> None:
    decision = decide_rename_container(A, "Z")

    assert (decision.state, decision.outcome) == (replace(A, name="Z"), ContainerNamed("Z"))
    assert decision.facts == (ContainerRenamed("Z", "A"),)
    assert decide_rename_container(A, "A").state is A


@pytest.mark.parametrize(
    ("container", "target", "name", "outcome", "facts"),
    [
        (B, (ROOT, C), "B", ContainerPlaced("c", "B"), (ContainerMoved("B", "c", "a"),)),
        (B, (ROOT,), "B", ContainerPlaced(ROOT_ID, "B"), (ContainerMoved("B", ROOT_ID, "a"),)),
        (B, (ROOT, A), "Z", ContainerPlaced("a", "Z"), (ContainerRenamed("Z", "B"),)),
        (
            B,
            (ROOT, C),
            "Z",
            ContainerPlaced("c", "Z"),
            (ContainerRenamed("Z", "B"), ContainerMoved("Z", "c", "a")),
        ),
        (B, (ROOT, A), "B", ContainerPlaced("a", "B"), ()),
    ],
    ids=["elsewhere", "to the root", "only a name", "both", "nothing"],
)
def test_a_container_moves_with_all_below_it(
    container: Container, target: tuple[Container, ...], name: str, outcome: ContainerPlaced, facts: tuple[object, ...]
) -> None:
    decision = decide_move_container(container, target, name)

    assert (decision.outcome, decision.facts) == (outcome, facts)
    assert (decision.state.parent_id, decision.state.name) == (outcome.parent_id, outcome.name)


@pytest.mark.parametrize(
    ("container", "target", "refusal"),
    [
        (ROOT, (ROOT, A), RootStays),
        (A, (ROOT, A), WouldLoop),
        (A, (ROOT, A, B), WouldLoop),
        (C, tuple(replace(A, container_id=str(number)) for number in range(MAX_DEPTH)), WouldLoop),
    ],
    ids=["the root", "into itself", "below itself", "too deep"],
)
def test_a_move_is_refused(container: Container, target: tuple[Container, ...], refusal: type) -> None:
    decision = decide_move_container(container, target, container.name)

    assert isinstance(decision.outcome, refusal)
    assert (decision.state, decision.facts) == (container, ())


def test_depth_counts_all_levels_that_are_moved() -> None:
    chain = tuple(replace(A, container_id=str(number)) for number in range(MAX_DEPTH - 2))

    assert depth_fault(chain, 2) is None
    assert isinstance(depth_fault(chain, 3), WouldLoop)
    assert isinstance(decide_move_container(C, chain, "C", height=3).outcome, WouldLoop)


def test_a_stray_container_is_put_back_unless_it_is_elsewhere_by_now() -> None:
    stray = replace(B, parent_id="c")

    assert decide_put_container_back(stray, "c", "a", "B").state == B
    assert decide_put_container_back(B, "c", "x", "B").outcome is None


def test_a_container_is_closed_before_it_is_deleted() -> None:
    closed = decide_close_container(A)

    assert (closed.outcome, closed.facts) == (Closed(), ())
    assert not closed.state.is_open
    assert decide_close_container(closed.state).state is closed.state

    deleted = decide_finish_delete(closed.state, has_children=False, now=LATER)

    assert deleted.outcome == Deleted()
    assert deleted.state.deleted_at == LATER
    assert not deleted.state.is_open
    assert deleted.facts == (ContainerDeleted("A", ROOT_ID),)


def test_a_container_with_children_is_opened_again() -> None:
    closed = decide_close_container(A).state

    decision = decide_finish_delete(closed, has_children=True, now=LATER)

    assert (decision.state, decision.outcome, decision.facts) == (A, NotEmpty(), ())


def test_the_root_is_never_deleted() -> None:
    decision = decide_close_container(ROOT)

    assert isinstance(decision.outcome, RootStays)
    assert decision.state is ROOT


def test_a_deletion_that_broke_off_is_undone() -> None:
    closed = decide_close_container(A).state

    assert (decide_reopen_container(closed).state, decide_reopen_container(closed).outcome) == (A, True)
    assert (decide_reopen_container(A).state, decide_reopen_container(A).outcome) == (A, False)


def test_a_changed_grant_is_told_and_an_unchanged_one_is_no_news() -> None:
    granted = decide_set_container_grant(A, "bob", Role.VIEWER)

    assert (granted.outcome, granted.state.grants) == (GrantSet(), (Grant("bob", Role.VIEWER),))
    assert granted.facts == (ContainerGrantChanged("bob", "viewer"),)
    assert decide_set_container_grant(granted.state, "bob", Role.VIEWER).state is granted.state
    assert decide_set_container_grant(granted.state, "bob", None).facts == (ContainerGrantChanged("bob", "inherited"),)
