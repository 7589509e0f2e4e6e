"""RenameFile, DeleteFile, moving, creating, grants and activities. Spec: Files > The lock state machine (complete)."""

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.core.contents import last_modified_time
from shared.core.events import (
    FileActivityAdded,
    FileCreated,
    FileDeleted,
    FileGrantChanged,
    FileLockExpired,
    FileMoved,
    FileRenamed,
)
from shared.core.file import EMPTY_CONTENT, File, LockMismatch
from shared.core.files import (
    ActivitiesAdded,
    Activity,
    Created,
    Deleted,
    GrantSet,
    Moved,
    Renamed,
    decide_add_activities,
    decide_delete_file,
    decide_move_file,
    decide_rename_file,
    decide_set_file_grant,
    new_file,
)
from shared.core.permissions import Grant, Role
from tests.builders import ANN, NOON, a_content, a_file, a_grant, a_lock, a_version

LATER = NOON + timedelta(minutes=10)
UNLOCKED = a_file(current=a_version(3), former=(a_version(2),))
LOCKED = replace(UNLOCKED, lock=a_lock("A"))
EXPIRED = replace(UNLOCKED, lock=a_lock("A", expires_at=LATER))
EXPIRY = FileLockExpired(3, LATER)


@pytest.mark.parametrize(
    ("file", "lock_id", "refused_with", "facts"),
    [
        (UNLOCKED, None, None, []),
        (UNLOCKED, "B", None, []),
        (EXPIRED, None, None, [EXPIRY]),
        (EXPIRED, "B", None, [EXPIRY]),
        (LOCKED, "A", None, []),
        (LOCKED, None, "A", []),
        (LOCKED, "B", "A", []),
        (LOCKED, "a", "A", []),
    ],
)
def test_rename_file(file: File, lock_id: str | None, refused_with: str | None, facts: list[object]) -> None:
    decision = decide_rename_file(file, "Plan.docx", lock_id, LATER)

    if refused_with is not None:
        assert isinstance(decision.outcome, LockMismatch)
        assert decision.outcome.current_lock_id == refused_with
        assert (decision.state, decision.facts) == (file, ())
        return
    assert decision.outcome == Renamed("Plan.docx", last_modified_time(NOON))
    assert list(decision.facts) == [*facts, FileRenamed("Plan.docx", "Report.docx", 3)]
    kept = None if file is EXPIRED else file.lock
    assert decision.state == replace(file, name="Plan.docx", lock=kept)


def test_renaming_to_the_present_name_changes_nothing() -> None:
    decision = decide_rename_file(LOCKED, "Report.docx", "A", LATER)

    assert (decision.state, decision.outcome) == (LOCKED, Renamed("Report.docx", last_modified_time(NOON)))
    assert decision.facts == ()


@pytest.mark.parametrize(("file", "facts"), [(UNLOCKED, []), (EXPIRED, [EXPIRY])])
def test_an_unlocked_file_is_deleted_with_its_versions(file: File, facts: list[object]) -> None:
    decision = decide_delete_file(file, LATER)

    assert decision.outcome == Deleted()
    assert list(decision.facts) == [*facts, FileDeleted("Report.docx", "root", 3)]
    assert (decision.state.deleted_at, decision.state.former, decision.state.lock) == (LATER, (), None)
    assert decision.state.content_keys() == frozenset()


def test_a_locked_file_is_not_deleted() -> None:
    decision = decide_delete_file(LOCKED, LATER)

    assert isinstance(decision.outcome, LockMismatch)
    assert decision.outcome.current_lock_id == "A"
    assert (decision.state, decision.facts) == (LOCKED, ())


@pytest.mark.parametrize(
    ("container_id", "name", "facts"),
    [
        ("c2", "Report.docx", [FileMoved("Report.docx", "c2", "root", 3)]),
        ("root", "Plan.docx", [FileRenamed("Plan.docx", "Report.docx", 3)]),
        (
            "c2",
            "Plan.docx",
            [FileRenamed("Plan.docx", "Report.docx", 3), FileMoved("Plan.docx", "c2", "root", 3)],
        ),
        ("root", "Report.docx", []),
    ],
)
def test_a_file_moves_with_its_id_and_versions(container_id: str, name: str, facts: list[object]) -> None:
    decision = decide_move_file(UNLOCKED, container_id, name, LATER)

    assert decision.outcome == Moved(container_id, name)
    assert list(decision.facts) == facts
    assert decision.state == replace(UNLOCKED, container_id=container_id, name=name)


def test_a_locked_file_stays_where_it_is() -> None:
    decision = decide_move_file(LOCKED, "c2", "Report.docx", LATER)

    assert isinstance(decision.outcome, LockMismatch)
    assert decision.state is LOCKED


def test_a_new_file_belongs_to_its_maker_and_begins_with_version_one() -> None:
    decision = new_file("f9", "c1", "Plan.docx", a_content(), ANN, NOON)

    assert decision.outcome == Created("f9", "Plan.docx", 1)
    assert (decision.state.owner_id, decision.state.current.number, decision.state.lock) == ("ann", 1, None)
    created = FileCreated("Plan.docx", "c1", 1, a_content().size_bytes, a_content().sha256)
    assert decision.facts == (created,)


def test_the_keys_of_a_file_are_those_of_all_its_versions() -> None:
    file = a_file(
        current=a_version(3, content=a_content("new")),
        former=(a_version(1, content=a_content("old")), a_version(2, content=EMPTY_CONTENT)),
    )

    assert file.content_keys() == {"new", "old"}


@pytest.mark.parametrize(
    ("role", "grants", "name"),
    [
        (Role.VIEWER, {Grant("bob", Role.VIEWER)}, "viewer"),
        (Role.OWNER, {Grant("bob", Role.OWNER)}, "owner"),
        (Role.NONE, {Grant("bob", Role.NONE)}, "none"),
        (None, set(), "inherited"),
    ],
)
def test_a_changed_grant_is_told(role: Role | None, grants: set[Grant], name: str) -> None:
    file = a_file(grants=(a_grant("bob", Role.EDITOR),))

    decision = decide_set_file_grant(file, "bob", role)

    assert decision.outcome == GrantSet()
    assert set(decision.state.grants) == grants
    assert decision.facts == (FileGrantChanged("bob", name),)


def test_an_unchanged_grant_is_no_news() -> None:
    file = a_file(grants=(a_grant("ann"), a_grant("bob")))

    assert decide_set_file_grant(file, "ann", Role.EDITOR).state is file
    assert decide_set_file_grant(file, "eve", None).facts == ()


def test_activities_are_told_and_change_nothing() -> None:
    decision = decide_add_activities(LOCKED, (Activity("1", "comment", "{}"), Activity("2", "comment", "[]")))

    assert (decision.state, decision.outcome) == (LOCKED, ActivitiesAdded())
    assert decision.facts == (FileActivityAdded("1", "comment", "{}"), FileActivityAdded("2", "comment", "[]"))
