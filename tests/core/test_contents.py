"""PutFile, row by row of the one rule set that serves all clients, versions, their retention, and what overwrites them.

Spec: clients > The one PutFile rule set that serves all clients; Files > PutFile, X-WOPI-ItemVersion duties.
"""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.core.contents import (
    DocumentChanged,
    NoSuchVersion,
    Retention,
    Save,
    Saved,
    VersionChanged,
    decide_overwrite,
    decide_prune_versions,
    decide_put_file,
    decide_restore_version,
    item_version,
    last_modified_time,
    refusal_of,
    retained,
)
from shared.core.events import FileContentChanged, FileLockExpired
from shared.core.file import EMPTY_CONTENT, Caller, File, LockMismatch
from tests.builders import NOON, a_content, a_file, a_lock, a_version

BOB = Caller("bob", "another client", "session2")
LATER = NOON + timedelta(minutes=10)
KEPT = Retention()
NEW = a_content("new", 7, "bmV3Ynl0ZXM=")
M = last_modified_time(NOON)
OTHER = "2020-01-01T00:00:00.0000000Z"

FULL = a_file(current=a_version(3))
EMPTY = a_file(current=a_version(3, content=EMPTY_CONTENT))


def locked(file: File, lock_id: str = "S", **fields: Any) -> File:
    return replace(file, lock=a_lock(lock_id, **fields))


EXPIRED = locked(FULL, expires_at=LATER)

# Every combination of stored lock, presented lock, size, timestamp and dialect. A refusal is 409 with that X-WOPI-Lock;
# "1010" means that it also has the clients' own code for a changed document.
ROWS = [
    # state, L, T, locks advertised, outcome
    (locked(FULL), "S", None, True, "saved"),
    (locked(FULL), "S", M, True, "saved"),
    (locked(FULL), "S", OTHER, True, "1010 S"),
    (locked(FULL), "X", None, True, "409 S"),
    (locked(FULL), "X", M, True, "409 S"),
    (locked(FULL), "X", OTHER, True, "409 S"),
    (locked(FULL), None, None, True, "409 S"),
    (locked(FULL), None, M, True, "409 S"),
    (locked(FULL), None, OTHER, True, "409 S"),
    (locked(FULL), None, None, False, "409 S"),
    (locked(FULL), None, M, False, "409 S"),
    (locked(FULL), "S", None, False, "saved"),
    (locked(EMPTY), "S", None, True, "saved"),
    (locked(EMPTY), "X", None, True, "409 S"),
    (locked(EMPTY), None, None, True, "409 S"),
    (locked(EMPTY), None, M, True, "409 S"),
    (FULL, None, None, True, "409 "),
    (FULL, None, M, True, "409 "),
    (FULL, None, OTHER, True, "1010 "),
    (FULL, "L", None, True, "409 "),
    (FULL, "L", M, True, "saved"),
    (FULL, "L", OTHER, True, "1010 "),
    (FULL, None, None, False, "saved"),
    (FULL, None, M, False, "saved"),
    (FULL, None, OTHER, False, "1010 "),
    (FULL, "L", None, False, "saved"),
    (EMPTY, None, None, True, "saved"),
    (EMPTY, None, M, True, "saved"),
    (EMPTY, None, OTHER, True, "1010 "),
    (EMPTY, "L", None, True, "saved"),
    (EXPIRED, "S", None, True, "409 "),
    (EXPIRED, None, None, True, "409 "),
    (EXPIRED, "S", M, True, "saved"),
    (EXPIRED, "S", OTHER, True, "1010 "),
]


def told(refused: LockMismatch | DocumentChanged | None) -> str:
    match refused:
        case None:
            return "saved"
        case LockMismatch(current_lock_id):
            return f"409 {current_lock_id}"
        case DocumentChanged(current_lock_id):
            return f"1010 {current_lock_id}"


@pytest.mark.parametrize(("file", "lock_id", "timestamp", "locks_advertised", "outcome"), ROWS)
def test_put_file(file: File, lock_id: str | None, timestamp: str | None, locks_advertised: bool, outcome: str) -> None:
    save = Save(lock_id, timestamp, ("ann", "bob"), locks_advertised)

    decision = decide_put_file(file, NEW, save, BOB, KEPT, LATER)

    assert told(refusal_of(file, save, LATER)) == outcome
    if outcome == "saved":
        assert decision.outcome == Saved(4, last_modified_time(LATER), is_new_version=True)
        current = decision.state.current
        assert (current.content, current.saved_by, current.editors) == (NEW, BOB, ("ann", "bob"))
        assert decision.facts[-1] == FileContentChanged(
            "Report.docx", 4, NEW.size_bytes, NEW.sha256, ("ann", "bob"), restored_from=None
        )
    else:
        assert told(decision.outcome) == outcome
        assert (decision.state, decision.facts) == (file, ())


def test_the_table_has_every_combination_that_a_lock_can_make_a_difference_in() -> None:
    seen = {(file.lock is not None, lock_id, timestamp) for file, lock_id, timestamp, *_ in ROWS}

    for timestamp in (None, M, OTHER):
        assert {(True, lock_id, timestamp) for lock_id in (None, "S", "X")} <= seen
        assert {(False, lock_id, timestamp) for lock_id in (None, "L")} <= seen


def test_a_save_leaves_the_lock_and_its_time_alone() -> None:
    file = locked(FULL)

    assert decide_put_file(file, NEW, Save("S", None), BOB, KEPT, LATER).state.lock == file.lock


def test_a_save_tells_of_a_lock_that_expired_before_it() -> None:
    decision = decide_put_file(EXPIRED, NEW, Save("S", M), BOB, KEPT, LATER)

    assert decision.facts[0] == FileLockExpired(3, LATER)
    assert decision.state.lock is None


def test_a_save_to_no_bytes_is_legal_and_can_be_filled_without_a_lock() -> None:
    emptied = decide_put_file(locked(FULL), EMPTY_CONTENT, Save("S", None), BOB, KEPT, LATER).state

    filled = decide_put_file(replace(emptied, lock=None), NEW, Save(None, None), BOB, KEPT, LATER)

    assert isinstance(filled.outcome, Saved)
    assert filled.state.current.number == 5


def test_of_two_lockless_saves_of_a_new_file_the_second_is_refused() -> None:
    first = decide_put_file(EMPTY, NEW, Save(None, None), BOB, KEPT, LATER).state

    assert told(decide_put_file(first, NEW, Save(None, None), BOB, KEPT, LATER).outcome) == "409 "


def test_equal_bytes_get_a_number_of_their_own_but_are_neither_new_content_nor_news() -> None:
    file = locked(FULL)

    decision = decide_put_file(file, replace(file.current.content, key="other"), Save("S", None), BOB, KEPT, LATER)

    assert decision.outcome == Saved(4, M, is_new_version=False)
    assert decision.state == replace(file, current=replace(file.current, number=4))
    assert decision.facts == ()


def test_equal_bytes_change_nothing_for_a_client_that_goes_by_time() -> None:
    file = locked(FULL)
    save = Save("S", M, numbers_each_save=False)

    decision = decide_put_file(file, replace(file.current.content, key="other"), save, BOB, KEPT, LATER)

    assert decision.outcome == Saved(3, M, is_new_version=False)
    assert (decision.state, decision.facts) == (file, ())


def test_other_bytes_are_a_version_whatever_the_client_goes_by() -> None:
    decision = decide_put_file(locked(FULL), NEW, Save("S", M, numbers_each_save=False), BOB, KEPT, LATER)

    assert decision.outcome == Saved(4, last_modified_time(LATER), is_new_version=True)


def test_the_time_that_a_save_was_told_is_the_one_that_the_next_may_present() -> None:
    file = locked(FULL)
    first = decide_put_file(file, NEW, Save("S", M), BOB, KEPT, LATER)
    assert isinstance(first.outcome, Saved)

    second = decide_put_file(first.state, NEW, Save("S", first.outcome.last_modified_time), BOB, KEPT, LATER)

    assert isinstance(second.outcome, Saved)


# --- versions


def test_what_a_save_replaces_is_kept_as_a_former_version() -> None:
    state = decide_put_file(locked(FULL), NEW, Save("S", None), BOB, KEPT, LATER).state

    assert state.former == (replace(FULL.current, replaced_at=LATER),)


def test_no_bytes_are_not_worth_a_former_version() -> None:
    assert decide_put_file(EMPTY, NEW, Save(None, None), BOB, KEPT, LATER).state.former == ()


def test_a_version_is_kept_from_the_moment_it_was_replaced() -> None:
    years_later = NOON + timedelta(days=1000)

    state = decide_put_file(FULL, NEW, Save("L", M), BOB, KEPT, years_later).state

    assert [one.number for one in state.former] == [3]
    assert decide_prune_versions(state, KEPT, years_later + KEPT.max_age).outcome == 0
    assert decide_prune_versions(state, KEPT, years_later + KEPT.max_age + timedelta(microseconds=1)).outcome == 1


def former(*ages_days: int) -> tuple[Any, ...]:
    return tuple(
        a_version(number, replaced_at=LATER - timedelta(days=age)) for number, age in enumerate(ages_days, start=1)
    )


@pytest.mark.parametrize(
    ("retention", "kept"),
    [
        (Retention(100, timedelta(days=365)), [2, 3, 4]),
        (Retention(2, timedelta(days=365)), [3, 4]),
        (Retention(100, timedelta(days=5)), [4]),
        (Retention(0, timedelta(days=365)), []),
        (Retention(100, timedelta(days=400)), [1, 2, 3, 4]),
    ],
)
def test_former_versions_go_past_their_number_or_age(retention: Retention, kept: list[int]) -> None:
    versions = former(400, 365, 10, 1)

    assert [one.number for one in retained(versions, retention, LATER)] == kept
    decision = decide_prune_versions(replace(FULL, former=versions), retention, LATER)
    assert (decision.outcome, [one.number for one in decision.state.former]) == (4 - len(kept), kept)


def test_pruning_nothing_changes_nothing() -> None:
    file = replace(FULL, former=former(1))

    assert decide_prune_versions(file, KEPT, LATER).state is file


def test_a_clock_that_was_set_back_still_makes_later_times() -> None:
    saved = decide_put_file(FULL, NEW, Save("L", M), BOB, KEPT, NOON - timedelta(days=1)).state

    assert saved.current.saved_at == NOON + timedelta(microseconds=1)


# --- overwriting and restoring


def test_an_unlocked_file_is_overwritten_as_a_new_version() -> None:
    decision = decide_overwrite(FULL, NEW, BOB, KEPT, LATER)

    assert decision.outcome == Saved(4, last_modified_time(LATER), is_new_version=True)
    assert decision.state.current.content == NEW


def test_a_locked_file_is_not_overwritten() -> None:
    file = locked(FULL)

    decision = decide_overwrite(file, NEW, BOB, KEPT, LATER)

    assert (decision.state, told(decision.outcome)) == (file, "409 S")


def test_an_expired_lock_is_in_no_overwrites_way() -> None:
    assert decide_overwrite(EXPIRED, NEW, BOB, KEPT, LATER).facts[0] == FileLockExpired(3, LATER)


def test_an_overwrite_of_a_version_that_is_not_the_expected_one_is_refused() -> None:
    assert decide_overwrite(FULL, NEW, BOB, KEPT, LATER, expected_version=2).outcome == VersionChanged(3)
    assert isinstance(decide_overwrite(FULL, NEW, BOB, KEPT, LATER, expected_version=3).outcome, Saved)


def test_an_overwrite_with_equal_bytes_is_no_version() -> None:
    decision = decide_overwrite(FULL, replace(FULL.current.content, key="other"), BOB, KEPT, LATER)

    assert (decision.state, decision.outcome) == (FULL, Saved(3, M, is_new_version=False))


WITH_HISTORY = decide_put_file(locked(FULL), NEW, Save("S", None), BOB, KEPT, LATER).state


def test_a_former_version_comes_back_as_a_new_one() -> None:
    decision = decide_restore_version(replace(WITH_HISTORY, lock=None), 3, 4, BOB, KEPT, LATER)

    assert decision.outcome == Saved(5, last_modified_time(LATER + timedelta(microseconds=1)), is_new_version=True)
    assert decision.state.current.content == FULL.current.content
    assert [one.number for one in decision.state.former] == [3, 4]
    assert decision.facts[-1].restored_from == 3


@pytest.mark.parametrize(
    ("file", "number", "expected", "outcome"),
    [
        (WITH_HISTORY, 3, None, LockMismatch("S", "the file is locked")),
        (replace(WITH_HISTORY, lock=None), 3, 3, VersionChanged(4)),
        (replace(WITH_HISTORY, lock=None), 2, 4, NoSuchVersion(2)),
        (replace(WITH_HISTORY, lock=None), 4, 4, NoSuchVersion(4)),
    ],
    ids=["locked", "saved since", "not kept", "the current version"],
)
def test_a_restore_is_refused(file: File, number: int, expected: int | None, outcome: Any) -> None:
    decision = decide_restore_version(file, number, expected, BOB, KEPT, LATER)

    assert (decision.state, decision.outcome, decision.facts) == (file, outcome, ())


# --- texts


@pytest.mark.parametrize(
    ("saved_at", "text"),
    [
        (datetime(2009, 6, 15, 13, 45, 30, tzinfo=UTC), "2009-06-15T13:45:30.0000000Z"),
        (datetime(2009, 6, 15, 13, 45, 30, 1, tzinfo=UTC), "2009-06-15T13:45:30.0000010Z"),
        (datetime(2009, 6, 15, 15, 45, 30, tzinfo=timezone(timedelta(hours=2))), "2009-06-15T13:45:30.0000000Z"),
        (datetime(999, 1, 2, 3, 4, 5, 678901, tzinfo=UTC), "0999-01-02T03:04:05.6789010Z"),
    ],
)
def test_last_modified_time_is_utc_with_seven_decimals(saved_at: datetime, text: str) -> None:
    assert last_modified_time(saved_at) == text


def test_a_version_is_told_as_text() -> None:
    assert item_version(a_version(12)) == "12"


# --- laws

sizes = st.integers(0, 3).map(lambda size: a_content(f"key{size}", size, f"hash{size}") if size else EMPTY_CONTENT)
saves = st.builds(
    Save,
    lock_id=st.sampled_from([None, "S", "X"]),
    timestamp=st.sampled_from([None, M, OTHER]),
    locks_advertised=st.booleans(),
    numbers_each_save=st.booleans(),
)


@given(st.lists(st.tuples(saves, sizes, st.timedeltas(timedelta(0), timedelta(days=300)))), st.integers(0, 3))
def test_versions_and_times_only_ever_grow(steps: list[tuple[Save, Any, timedelta]], max_versions: int) -> None:
    file, at, told_versions = locked(FULL), NOON, {3}
    for save, content, pause in steps:
        at += pause
        decision = decide_put_file(file, content, save, BOB, Retention(max_versions), at)
        if decision.state is file:
            assert not isinstance(decision.outcome, Saved) or decision.outcome.version == file.current.number
        else:
            assert isinstance(decision.outcome, Saved)
            assert decision.outcome.version not in told_versions
            told_versions.add(decision.outcome.version)
            time = last_modified_time(file.current.saved_at)
            assert (decision.outcome.last_modified_time > time) is decision.outcome.is_new_version
            assert len(decision.state.former) <= max(max_versions, len(file.former))
        file = decision.state


@given(saves, sizes)
def test_no_save_gets_past_another_clients_lock(save: Save, content: Any) -> None:
    file = locked(FULL, "mine")

    assert told(decide_put_file(file, content, save, BOB, KEPT, LATER).outcome) == "409 mine"
