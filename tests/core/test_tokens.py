"""Access tokens: bound, signed, expiring, and made of letters and digits. Spec: tokens and proof keys > Access tokens."""

from dataclasses import fields, replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.core.tokens import TOKEN_MAX, Claims, Dialect, Resource, TokenSigner, expiry, traded
from tests.builders import NOON

SIGNER = TokenSigner(b"a secret of the tests, long enough")
CLAIMS = Claims(Resource.FILE, "0123456789abcdef0123456789abcdef", "ann", expiry(NOON, timedelta(hours=10)))

whole_milliseconds = st.integers(0, 4_000_000_000_000).map(
    lambda ms: datetime(1970, 1, 1, tzinfo=NOON.tzinfo) + timedelta(milliseconds=ms)
)
ids = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
all_claims = st.builds(
    Claims,
    resource=st.sampled_from(Resource),
    resource_id=ids,
    user_id=ids,
    expires_at=whole_milliseconds,
    dialect=st.sampled_from(Dialect),
    may_write=st.booleans(),
    supports_locks=st.booleans(),
)


@given(all_claims)
def test_what_is_signed_is_read_back(claims: Claims) -> None:
    token = SIGNER.sign(claims)

    assert token.isalnum()
    assert token.isascii()
    assert SIGNER.read(token, claims.expires_at - timedelta(milliseconds=1)) == claims
    assert TokenSigner(b"a secret of the tests, long enough").read(token, claims.expires_at - timedelta(1)) == claims


@given(all_claims)
def test_a_token_expires_on_the_dot(claims: Claims) -> None:
    token = SIGNER.sign(claims)

    assert SIGNER.read(token, claims.expires_at) is None
    assert SIGNER.read(token, claims.expires_at + timedelta(days=1)) is None


def test_a_token_that_was_valid_a_moment_ago_expires_too() -> None:
    token = SIGNER.sign(CLAIMS)
    assert SIGNER.read(token, NOON) == CLAIMS

    assert SIGNER.read(token, CLAIMS.expires_at) is None


@given(st.data())
def test_no_changed_digit_goes_unnoticed(data: st.DataObject) -> None:
    token = SIGNER.sign(CLAIMS)
    at = data.draw(st.integers(0, len(token) - 1))
    digit = data.draw(st.sampled_from("0123456789abcdef").filter(lambda one: one != token[at]))

    assert SIGNER.read(token[:at] + digit + token[at + 1 :], NOON) is None


@given(st.text(max_size=200))
def test_what_nobody_signed_is_no_token(text: str) -> None:
    assert SIGNER.read(text, NOON) is None


@pytest.mark.parametrize(
    "token",
    ["", "INVALID", "00", "0" * 39, "0" * 40, "0" * 41, "0" * 100, "f" * TOKEN_MAX, "0" * (TOKEN_MAX + 2), "0" * 10**6],
)
def test_malformed_tokens_say_nothing(token: str) -> None:
    assert SIGNER.read(token, NOON) is None


def test_cut_lengthened_and_upper_case_tokens_say_nothing() -> None:
    token = SIGNER.sign(CLAIMS)

    for changed in (token[:-2], token[2:], token + "00", "00" + token, token.upper(), f" {token}", token[:-1]):
        assert SIGNER.read(changed, NOON) is None


def test_another_secret_reads_nothing() -> None:
    assert TokenSigner(b"another secret of the tests").read(SIGNER.sign(CLAIMS), NOON) is None


def test_tokens_of_a_former_secret_stay_valid_and_new_ones_are_signed_with_the_new_one() -> None:
    both = TokenSigner(b"the new secret of the tests", (b"a secret of the tests, long enough",))

    assert both.read(SIGNER.sign(CLAIMS), NOON) == CLAIMS
    assert SIGNER.read(both.sign(CLAIMS), NOON) is None


def test_an_ordinary_token_is_short() -> None:
    assert len(SIGNER.sign(replace(CLAIMS, user_id="u" + "0" * 32))) < 250


def test_many_tokens_at_once_are_all_read() -> None:
    tokens = [SIGNER.sign(replace(CLAIMS, user_id=f"user{number}")) for number in range(10_050)]

    assert all(SIGNER.read(token, NOON) is not None for token in tokens)
    assert SIGNER.read(tokens[0], NOON) == replace(CLAIMS, user_id="user0")


@given(all_claims, st.sampled_from(Resource), ids)
def test_trading_changes_the_resource_and_nothing_else(claims: Claims, resource: Resource, resource_id: str) -> None:
    new = traded(claims, resource, resource_id)

    assert (new.resource, new.resource_id) == (resource, resource_id)
    for field in fields(claims):
        if field.name not in {"resource", "resource_id"}:
            assert getattr(new, field.name) == getattr(claims, field.name)


def test_the_ttl_is_an_absolute_moment_in_milliseconds() -> None:
    assert expiry(NOON, timedelta(hours=10)) == NOON.replace(microsecond=123000) + timedelta(hours=10)
    assert (
        replace(CLAIMS, expires_at=datetime(2009, 2, 13, 23, 31, 30, 5000, NOON.tzinfo)).expires_at_ms == 1234567890005
    )
