"""User ids that every client accepts. Spec: CheckFileInfo > Required (user ids)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.core.users import OPERATOR_ID, USER_NAME_MAX, user_id_of, user_name_fault


@given(st.text(min_size=1), st.booleans())
def test_every_name_has_an_id_of_letters_and_digits(name: str, is_trusted: bool) -> None:
    user_id = user_id_of(name, is_trusted=is_trusted)

    assert user_id.isascii()
    assert user_id.isalnum()
    assert len(user_id) <= 64
    assert user_id == user_id_of(name, is_trusted=is_trusted)


def test_a_plain_name_is_its_own_id() -> None:
    assert user_id_of("ann") == "ann"
    assert user_id_of("Ann") != user_id_of("ann")


@pytest.mark.parametrize("name", ["ann@example.com", "Änne", "ann smith", "a" * 65, "安", "|", "a-b", "a_b"])
def test_any_other_name_has_an_id_of_its_own(name: str) -> None:
    assert user_id_of(name).startswith("u")
    assert user_id_of(name) != user_id_of(name + "x")


def test_one_name_in_two_compositions_is_one_user() -> None:
    assert user_id_of("\u00c4nne") == user_id_of("A\u0308nne")


def test_a_derived_id_stands_for_itself_only_where_it_is_trusted() -> None:
    derived = user_id_of("ann@example.com")

    assert user_id_of(derived) == derived
    assert user_id_of(derived, is_trusted=False) != derived


def test_nobody_becomes_the_operator_by_their_name() -> None:
    assert user_id_of(OPERATOR_ID) == OPERATOR_ID
    assert user_id_of(OPERATOR_ID, is_trusted=False) != OPERATOR_ID


@pytest.mark.parametrize("name", ["ann", "Ann Smith", "安", "ann@example.com", "x" * USER_NAME_MAX])
def test_names_that_people_have_are_taken(name: str) -> None:
    assert user_name_fault(name) is None


@pytest.mark.parametrize("name", ["", " ", " ann", "ann ", "a\nb", "a\0b", "x" * (USER_NAME_MAX + 1), "a\u202eb"])
def test_names_that_nobody_has_are_refused(name: str) -> None:
    assert user_name_fault(name)
