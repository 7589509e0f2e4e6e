"""The rules of webhooks: which events, which addresses, how long, and signed how."""

import base64
import hashlib
import hmac
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address, ip_network
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.core.webhooks import (
    Pace,
    Webhook,
    is_given_up,
    is_wanted,
    may_be_called,
    new_secret,
    pause_after,
    signatures,
    types_fault,
    url_fault,
)
from tests.builders import NOON

HOUR = timedelta(hours=1)


def a_hook(**fields: Any) -> Webhook:
    return Webhook(
        **{
            "webhook_id": "w1",
            "url": "http://x.example/",
            "secret": new_secret(bytes(32)),
            "created_at": NOON,
            **fields,
        }
    )


@pytest.mark.parametrize(
    ("types", "event_type", "is_told"),
    [
        ((), "file.created", True),
        (("file.created",), "file.created", True),
        (("file.created",), "file.deleted", False),
        (("file.*",), "file.deleted", True),
        (("file.*",), "container.deleted", False),
        (("container.*", "file.locked"), "file.locked", True),
    ],
)
def test_a_webhook_is_told_of_the_types_that_it_asks_for(
    types: tuple[str, ...], event_type: str, *, is_told: bool
) -> None:
    assert is_wanted(a_hook(types=types), event_type, NOON) is is_told


def test_a_replay_begins_at_its_time() -> None:
    hook = a_hook(since=NOON)

    assert is_wanted(hook, "file.created", NOON)
    assert not is_wanted(hook, "file.created", NOON - timedelta(microseconds=1))


def test_types_that_no_event_has_are_no_filter() -> None:
    assert types_fault(["file.created", "file.*"], ["file.created"]) is None
    assert "file.creatd" in (types_fault(["file.creatd"], ["file.created"]) or "")


@pytest.mark.parametrize(
    "url", ["https://a.example", "http://a.example:81/x?y=z", "HTTP://127.0.0.1", "https://[2001:db8::1]/"]
)
def test_addresses_of_the_web_are_addresses_of_webhooks(url: str) -> None:
    assert url_fault(url) is None


@pytest.mark.parametrize(
    "url",
    [
        "",
        "a.example",
        "ftp://a.example",
        "https://",
        "https:///x",
        "https://a:b@c.example",
        "https://c.example/#x",
        "https://c.example:0/",
        "https://c.example:x/",
        "https://[::1/",
        "https://c.example/ x",
        "https://c.example\\@d.example/",
        "https://é.example/",
        "https://c.example/" + "x" * 2000,
    ],
)
def test_anything_else_is_not(url: str) -> None:
    assert url_fault(url) is not None


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8"])
def test_public_addresses_may_be_called(address: str) -> None:
    assert may_be_called(ip_address(address), ())


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "0.0.0.0",  # noqa: S104 - looked at, not listened on
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "100.64.0.1",
        "169.254.169.254",
        "224.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "fe80::1",
        "fd00::1",
        "ff02::1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "2002:7f00:1::1",
        "64:ff9b::7f00:1",
        "64:ff9b::a9fe:a9fe",
    ],
)
def test_others_may_not_unless_their_network_is_allowed(address: str) -> None:
    assert not may_be_called(ip_address(address), ())
    assert may_be_called(ip_address(address), [ip_network("0.0.0.0/0"), ip_network("::/0")])


def test_an_allowed_network_allows_no_other() -> None:
    allowed = [ip_network("127.0.0.0/8")]

    assert may_be_called(ip_address("127.0.0.1"), allowed)
    assert may_be_called(ip_address("::ffff:127.0.0.1"), allowed)
    assert not may_be_called(ip_address("::1"), allowed)
    assert not may_be_called(ip_address("10.0.0.1"), allowed)


@given(st.integers(1, 10_000), st.floats(0, 1))
def test_pauses_double_up_to_a_longest_one_and_half_of_each_is_chance(attempts: int, chance: float) -> None:
    pace = Pace()
    whole = min(timedelta(seconds=2.0 ** min(attempts - 1, 30)), pace.longest_pause)

    assert whole / 2 <= pause_after(attempts, pace, chance) <= whole


def test_a_receiver_may_ask_for_a_longer_pause_but_not_for_ever() -> None:
    pace = Pace()

    assert pause_after(1, pace, 1, timedelta(seconds=30)) == timedelta(seconds=30)
    assert pause_after(1, pace, 1, timedelta(days=30)) == pace.longest_pause


@pytest.mark.parametrize(
    ("attempts", "tried_for", "others_pass", "given_up"),
    [
        (9, HOUR, True, False),
        (10, HOUR, True, True),
        (1000, HOUR, False, False),
        (1, timedelta(days=1), False, True),
    ],
    ids=["not yet", "others pass", "nothing passes", "patience ends"],
)
def test_how_long_an_event_is_tried(attempts: int, tried_for: timedelta, *, others_pass: bool, given_up: bool) -> None:
    assert is_given_up(Pace(), attempts, tried_for, others_pass=others_pass) is given_up


def test_the_signature_is_that_of_standard_webhooks() -> None:
    # The example of the Standard Webhooks reference libraries.
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    at = datetime.fromtimestamp(1614265330, UTC)

    signature = signatures(a_hook(secret=secret), "msg_p5jXN8AQM9LWM0D4loKWxJek", at, b'{"test": 2432232314}')

    assert signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_a_former_secret_signs_as_well_for_its_time() -> None:
    former = base64.b64encode(bytes(range(32))).decode()
    hook = a_hook(former_secret=f"whsec_{former}", former_secret_until=NOON + HOUR)
    content = f"e:1.{int(NOON.timestamp())}.body".encode()
    expected = base64.b64encode(hmac.new(bytes(range(32)), content, hashlib.sha256).digest()).decode()

    new, old = signatures(hook, "e:1", NOON, b"body").split(" ")

    assert old == f"v1,{expected}"
    assert new != old
    assert len(signatures(hook, "e:1", NOON + HOUR, b"body").split(" ")) == 1


def test_a_webhook_does_not_show_its_secrets() -> None:
    hook = a_hook(secret="whsec_one", former_secret="whsec_two")

    assert "whsec_" not in repr(hook)
