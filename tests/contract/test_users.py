"""What every UserStore promises."""

import asyncio
from dataclasses import replace

from shared.core.permissions import Role
from shared.core.users import User
from shared.ports.metadata import UserStore

ALICE = User("alice", "alice@example.com", "Alice Ünlü", "", Role.EDITOR, is_edu=True, is_business=True)


async def test_a_registered_user_is_found(users: UserStore) -> None:
    assert await users.find("alice") is None

    assert await users.register(ALICE)

    assert await users.find("alice") == ALICE


async def test_registering_again_changes_names_and_keeps_user_info_and_base_role(users: UserStore) -> None:
    _ = await users.register(replace(ALICE, user_info="zoom=100"))

    renamed = replace(ALICE, friendly_name="Alice", base_role=Role.OWNER, user_info="", is_edu=False)
    assert not await users.register(renamed)

    assert await users.find("alice") == replace(renamed, base_role=Role.EDITOR, user_info="zoom=100")


async def test_user_info_is_kept_as_sent(users: UserStore) -> None:
    _ = await users.register(ALICE)
    _ = await users.find("alice")

    await users.put_user_info("alice", '{"a":"\\u00e9"}')

    assert await users.find("alice") == replace(ALICE, user_info='{"a":"\\u00e9"}')


async def test_user_info_of_an_unknown_user_makes_them_known_by_their_id(users: UserStore) -> None:
    await users.put_user_info("bob", "x")

    bob = await users.find("bob")
    assert bob == User("bob", "bob", "bob", "x", Role.NONE)
    assert not await users.register(User("bob", "bob@example.com", "Bob"))
    assert await users.find("bob") == User("bob", "bob@example.com", "Bob", "x")


async def test_of_many_registering_one_user_one_makes_them_known(users: UserStore) -> None:
    outcomes = await asyncio.gather(*(users.register(ALICE) for _ in range(50)))

    assert outcomes.count(True) == 1


async def test_changes_at_once_of_user_info_and_names_are_both_kept(users: UserStore) -> None:
    _ = await users.register(ALICE)

    _ = await asyncio.gather(
        users.put_user_info("alice", "x"), users.register(replace(ALICE, friendly_name="A")), users.find("alice")
    )

    assert await users.find("alice") == replace(ALICE, friendly_name="A", user_info="x")
