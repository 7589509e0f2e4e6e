"""The lock state machine, row by row, and the laws that it follows. Spec: Files > The lock state machine (complete)."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.core.decision import Decision
from shared.core.events import FileLocked, FileLockExpired, FileRelocked, FileUnlocked
from shared.core.file import LOCK_LIFETIME, Caller, File, LockMismatch
from shared.core.locks import (
    Locked,
    NotThatLock,
    Unlocked,
    decide_expire_lock,
    decide_force_unlock,
    decide_lock,
    decide_refresh_lock,
    decide_unlock,
    decide_unlock_and_relock,
)
from tests.builders import ANN, NOON, a_file, a_lock, a_version

BOB = Caller("bob", "another client", "session2")
LATER = NOON + timedelta(minutes=10)
JSON_ID = '{"S":"52510d33-9d3e","F":6,"E":2,"M":"102dc884","P":"39C1376D"}'

CURRENT = a_version(3)
NEVER_LOCKED = a_file(current=CURRENT)
LOCKED_BY_A = a_file(current=CURRENT, lock=a_lock("A"))
EXPIRED_A = a_file(current=CURRENT, lock=a_lock("A", expires_at=LATER - timedelta(seconds=1)))
EXPIRING_A = a_file(current=CURRENT, lock=a_lock("A", expires_at=LATER))
LAST_MOMENT_A = a_file(current=CURRENT, lock=a_lock("A", expires_at=LATER + timedelta(microseconds=1)))

OK, GONE = Locked(3), Unlocked(3)
NEWS_OF_LOCK, NEWS_OF_RELOCK = FileLocked(3, LATER + LOCK_LIFETIME), FileRelocked(3, LATER + LOCK_LIFETIME)


def expiry_of(file: File) -> FileLockExpired:
    assert file.lock is not None
    return FileLockExpired(3, file.lock.expires_at)


def mismatch(outcome: Any) -> str:
    assert isinstance(outcome, LockMismatch)
    assert outcome.reason
    return outcome.current_lock_id


@pytest.mark.parametrize(
    ("file", "lock_id", "outcome", "facts"),
    [
        (NEVER_LOCKED, "B", OK, [NEWS_OF_LOCK]),
        (EXPIRED_A, "B", OK, [expiry_of(EXPIRED_A), NEWS_OF_LOCK]),
        (EXPIRED_A, "A", OK, [expiry_of(EXPIRED_A), NEWS_OF_LOCK]),
        (EXPIRING_A, "B", OK, [expiry_of(EXPIRING_A), NEWS_OF_LOCK]),
        (LOCKED_BY_A, "A", OK, []),
        (LAST_MOMENT_A, "A", OK, []),
        (LOCKED_BY_A, "B", "A", []),
        (LAST_MOMENT_A, "B", "A", []),
        (LOCKED_BY_A, "a", "A", []),
        (LOCKED_BY_A, "A ", "A", []),
    ],
    ids=[
        "unlocked",
        "expired, another id",
        "expired, the same id",
        "expires on the dot",
        "own lock",
        "own lock at its last moment",
        "another's lock",
        "another's lock at its last moment",
        "an id is compared with its letter case",
        "an id is compared with its blanks",
    ],
)
def test_lock(file: File, lock_id: str, outcome: Locked | str, facts: list[Any]) -> None:
    decision = decide_lock(file, lock_id, BOB, LATER)

    assert_row(decision, file, lock_id, outcome, facts)


@pytest.mark.parametrize(
    ("file", "lock_id", "old_lock_id", "outcome", "facts"),
    [
        (NEVER_LOCKED, "B", "A", "", []),
        (EXPIRED_A, "B", "A", "", []),
        (EXPIRING_A, "B", "A", "", []),
        (LOCKED_BY_A, "B", "A", OK, [NEWS_OF_RELOCK]),
        (LOCKED_BY_A, "A", "A", OK, [NEWS_OF_RELOCK]),
        (LOCKED_BY_A, "B", "X", "A", []),
        (LOCKED_BY_A, "A", "X", "A", []),
        (LOCKED_BY_A, "B", "", "A", []),
    ],
    ids=[
        "unlocked",
        "expired",
        "expires on the dot",
        "the old id fits",
        "the new id may equal the old one",
        "the old id differs",
        "the old id differs, the new one is the present one",
        "an empty old id fits nothing",
    ],
)
def test_unlock_and_relock(file: File, lock_id: str, old_lock_id: str, outcome: Locked | str, facts: list[Any]) -> None:
    decision = decide_unlock_and_relock(file, lock_id, old_lock_id, BOB, LATER)

    assert_row(decision, file, lock_id, outcome, facts)


@pytest.mark.parametrize(
    ("file", "lock_id", "outcome"),
    [
        (NEVER_LOCKED, "A", ""),
        (EXPIRED_A, "A", ""),
        (EXPIRING_A, "A", ""),
        (LAST_MOMENT_A, "A", OK),
        (LOCKED_BY_A, "A", OK),
        (LOCKED_BY_A, "B", "A"),
    ],
    ids=["unlocked", "expired", "expires on the dot", "last moment", "own lock", "another's lock"],
)
def test_refresh_lock(file: File, lock_id: str, outcome: Locked | str) -> None:
    decision = decide_refresh_lock(file, lock_id, BOB, LATER)

    assert_row(decision, file, lock_id, outcome, [])


@pytest.mark.parametrize(
    ("file", "lock_id", "outcome", "facts"),
    [
        (NEVER_LOCKED, "A", "", []),
        (EXPIRED_A, "A", "", []),
        (EXPIRING_A, "A", "", []),
        (LAST_MOMENT_A, "A", GONE, [FileUnlocked(3)]),
        (LOCKED_BY_A, "A", GONE, [FileUnlocked(3)]),
        (LOCKED_BY_A, "B", "A", []),
    ],
    ids=["unlocked", "expired", "expires on the dot", "last moment", "own lock", "another's lock"],
)
def test_unlock(file: File, lock_id: str, outcome: Unlocked | str, facts: list[Any]) -> None:
    decision = decide_unlock(file, lock_id, LATER)

    if isinstance(outcome, str):
        assert (decision.state, mismatch(decision.outcome), decision.facts) == (file, outcome, ())
    else:
        assert (decision.state.lock, decision.outcome, list(decision.facts)) == (None, outcome, facts)


def assert_row(decision: Decision[File, Any], file: File, lock_id: str, outcome: Any, facts: list[Any]) -> None:
    assert list(decision.facts) == facts
    if isinstance(outcome, str):
        assert mismatch(decision.outcome) == outcome
        assert decision.state is file
        return
    assert decision.outcome == outcome
    lock = decision.state.lock
    assert lock is not None
    assert (lock.lock_id, lock.expires_at, lock.refreshed_by) == (lock_id, LATER + LOCK_LIFETIME, BOB)
    assert replace(decision.state, lock=None) == replace(file, lock=None)


def test_a_refresh_remembers_who_took_the_lock_and_when() -> None:
    for decide in (decide_lock, decide_refresh_lock):
        lock = decide(LOCKED_BY_A, "A", BOB, LATER).state.lock

        assert lock is not None
        assert (lock.taken_by, lock.taken_at, lock.refreshed_by, lock.refreshed_at) == (ANN, NOON, BOB, LATER)


def test_a_swapped_lock_is_taken_anew() -> None:
    lock = decide_unlock_and_relock(LOCKED_BY_A, "B", "A", BOB, LATER).state.lock

    assert lock is not None
    assert (lock.taken_by, lock.taken_at) == (BOB, LATER)


def test_a_lock_id_that_looks_like_json_is_compared_as_text() -> None:
    file = decide_lock(NEVER_LOCKED, JSON_ID, ANN, NOON).state

    assert decide_lock(file, JSON_ID, BOB, LATER).outcome == OK
    assert mismatch(decide_lock(file, JSON_ID.replace('"F":6', '"F":7'), BOB, LATER).outcome) == JSON_ID
    assert mismatch(decide_unlock(file, "52510d33-9d3e", LATER).outcome) == JSON_ID


# --- a lock broken by a person, and one whose time is up


def test_an_operator_breaks_the_lock_that_they_looked_at_even_if_it_was_refreshed_since() -> None:
    refreshed = decide_refresh_lock(LOCKED_BY_A, "A", BOB, LATER).state

    decision = decide_force_unlock(refreshed, NOON, "the client crashed", LATER)

    assert (decision.state.lock, decision.outcome) == (None, GONE)
    assert decision.facts == (FileUnlocked(3, forced=True, reason="the client crashed"),)


@pytest.mark.parametrize(
    "file",
    [NEVER_LOCKED, EXPIRED_A, decide_unlock_and_relock(LOCKED_BY_A, "B", "A", BOB, LATER).state],
    ids=["unlocked", "expired", "locked anew since"],
)
def test_an_operator_never_breaks_another_lock_than_the_one_they_looked_at(file: File) -> None:
    decision = decide_force_unlock(file, NOON, "the client crashed", LATER)

    assert isinstance(decision.outcome, NotThatLock)
    assert (decision.state, decision.facts) == (file, ())


@pytest.mark.parametrize(
    ("file", "is_expired"),
    [(NEVER_LOCKED, False), (LOCKED_BY_A, False), (LAST_MOMENT_A, False), (EXPIRING_A, True), (EXPIRED_A, True)],
)
def test_only_a_lock_whose_time_is_up_expires(file: File, is_expired: bool) -> None:
    decision = decide_expire_lock(file, LATER)

    assert decision.outcome is is_expired
    assert decision.facts == ((expiry_of(file),) if is_expired else ())
    assert decision.state == (replace(file, lock=None) if is_expired else file)


# --- laws

lock_ids = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=1, max_size=40)
moments = st.timedeltas(timedelta(days=-9000), timedelta(days=9000)).map(lambda pause: NOON + pause)
within_lifetime = st.timedeltas(timedelta(0), LOCK_LIFETIME - timedelta(microseconds=1))
past_lifetime = st.timedeltas(LOCK_LIFETIME, timedelta(days=400))


@given(lock_ids, lock_ids, moments, within_lifetime)
def test_a_lock_keeps_others_out_for_its_whole_lifetime(mine: str, theirs: str, at: datetime, later: timedelta) -> None:
    file = decide_lock(NEVER_LOCKED, mine, ANN, at).state

    decision = decide_lock(file, theirs, BOB, at + later)

    assert (decision.outcome == OK) == (mine == theirs)


@given(lock_ids, lock_ids, moments, past_lifetime)
def test_after_its_lifetime_a_lock_is_in_nobodys_way(mine: str, theirs: str, at: datetime, later: timedelta) -> None:
    file = decide_lock(NEVER_LOCKED, mine, ANN, at).state

    decision = decide_lock(file, theirs, BOB, at + later)

    assert decision.outcome == OK
    assert decision.state.lock_at(at + later + LOCK_LIFETIME - timedelta(microseconds=1)) is not None


@given(lock_ids, st.lists(within_lifetime, max_size=8), moments)
def test_refreshing_in_time_holds_a_lock_for_ever(lock_id: str, pauses: list[timedelta], at: datetime) -> None:
    file = decide_lock(NEVER_LOCKED, lock_id, ANN, at).state
    for pause in pauses:
        at += pause
        decision = decide_refresh_lock(file, lock_id, ANN, at)
        assert decision.outcome == OK
        file = decision.state

    assert decide_unlock(file, lock_id, at).outcome == GONE


Step = Callable[[File, str, str, datetime], Decision[File, Any]]
STEPS: list[Step] = [
    lambda file, one, _other, at: decide_lock(file, one, ANN, at),
    lambda file, one, other, at: decide_unlock_and_relock(file, one, other, ANN, at),
    lambda file, one, _other, at: decide_refresh_lock(file, one, ANN, at),
    lambda file, one, _other, at: decide_unlock(file, one, at),
    lambda file, _one, _other, at: decide_force_unlock(file, NOON, "", at),
    lambda file, _one, _other, at: decide_expire_lock(file, at),
]
some_ids = st.sampled_from(["A", "B", "C"])


@given(st.lists(st.tuples(st.sampled_from(STEPS), some_ids, some_ids, st.integers(0, 40))))
def test_refusals_change_nothing_and_say_what_is_on_the_file(steps: list[tuple[Step, str, str, int]]) -> None:
    file, at = NEVER_LOCKED, NOON
    for step, one, other, minutes in steps:
        at += timedelta(minutes=minutes)
        held = file.lock_at(at)
        decision = step(file, one, other, at)
        if isinstance(decision.outcome, LockMismatch):
            assert decision.outcome.current_lock_id == (held.lock_id if held else "")
        if isinstance(decision.outcome, LockMismatch | NotThatLock):
            assert (decision.state, decision.facts) == (file, ())
        assert decision.state.current == file.current
        file = decision.state
