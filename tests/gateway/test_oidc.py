"""Tokens of an OpenID Connect issuer, checked against a small real one on loopback."""

import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from services.gateway.auth.issuer import DOCUMENT_MAX_BYTES, FRESH_FOR, REREAD_PAUSE, STALE_FOR
from services.gateway.auth.oidc import LEEWAY, Identity, OpenIdConnect, TokenInvalid
from shared.core.errors import Unavailable
from shared.core.users import OPERATOR_ID
from tests.builders import Clock
from tests.issuer import AUDIENCE, Issuer


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def issuer(clock: Clock) -> AsyncIterator[Issuer]:
    async with Issuer.running(clock) as running:
        yield running


@pytest.fixture
async def oidc(issuer: Issuer, clock: Clock) -> AsyncIterator[OpenIdConnect]:
    async with OpenIdConnect(issuer.url, AUDIENCE, clock) as connected:
        yield connected


def encoded(part: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()


async def test_a_good_token_names_its_user(issuer: Issuer, oidc: OpenIdConnect) -> None:
    assert await oidc.identify(issuer.token()) == Identity("4711-ada", "ada@example.com", "Ada Lovelace")


@pytest.mark.parametrize(
    ("changed", "sign_in_name", "friendly_name"),
    [
        ({"preferred_username": None, "upn": "ada@corp"}, "ada@corp", "Ada Lovelace"),
        ({"preferred_username": None, "email": "ada@mail"}, "ada@mail", "Ada Lovelace"),
        ({"name": None}, "ada@example.com", "ada@example.com"),
        ({"name": "Ada\x07"}, "ada@example.com", "ada@example.com"),
        ({"name": ["Ada"]}, "ada@example.com", "ada@example.com"),
        ({"preferred_username": None, "name": None}, "", ""),
    ],
    ids=["upn", "mail", "no name", "control characters", "no text", "nothing told"],
)
async def test_names_come_from_the_claims_that_issuers_use_for_them(
    issuer: Issuer, oidc: OpenIdConnect, changed: dict[str, Any], sign_in_name: str, friendly_name: str
) -> None:
    identity = await oidc.identify(issuer.token(**changed))

    assert (identity.sign_in_name, identity.friendly_name) == (sign_in_name, friendly_name)


def test_a_subject_never_stands_for_the_operator_nor_for_an_id_that_was_derived_from_another_name() -> None:
    derived = Identity("ada@example.com", "", "").user_id

    assert Identity(OPERATOR_ID, "", "").user_id != OPERATOR_ID
    assert Identity(derived, "", "").user_id != derived


@pytest.mark.parametrize(
    "changed",
    [
        {"iss": "https://elsewhere.example"},
        {"iss": None},
        {"aud": "another"},
        {"aud": ["another", "third"]},
        {"aud": None},
        {"exp": None},
        {"exp": "tomorrow"},
        {"sub": None},
        {"sub": ""},
        {"sub": "x" * 256},
        {"exp": float("nan")},
        {"nbf": 4102444800},
        {"nbf": "now"},
    ],
    ids=[
        "another issuer",
        "no issuer",
        "another audience",
        "several audiences",
        "no audience",
        "never expires",
        "expires at no time",
        "nobody",
        "empty subject",
        "endless subject",
        "expires at no number",
        "not yet",
        "begins at no time",
    ],
)
async def test_a_signed_token_that_says_the_wrong_thing_is_refused(
    issuer: Issuer, oidc: OpenIdConnect, changed: dict[str, Any]
) -> None:
    with pytest.raises(TokenInvalid):
        await oidc.identify(issuer.token(**changed))


async def test_one_of_several_audiences_is_enough(issuer: Issuer, oidc: OpenIdConnect) -> None:
    identity = await oidc.identify(issuer.token(aud=["account", AUDIENCE]))

    assert identity.subject == "4711-ada"


async def test_without_a_wanted_audience_any_will_do(issuer: Issuer, clock: Clock) -> None:
    async with OpenIdConnect(issuer.url, None, clock) as oidc:
        identity = await oidc.identify(issuer.token(aud="another"))

    assert identity.subject == "4711-ada"


async def test_a_token_counts_until_its_time_is_up_and_the_clocks_leeway_too(
    issuer: Issuer, oidc: OpenIdConnect, clock: Clock
) -> None:
    token = issuer.token()

    clock.move(timedelta(minutes=5) + LEEWAY - timedelta(seconds=1))
    assert (await oidc.identify(token)).subject == "4711-ada"
    clock.move(timedelta(seconds=1))
    with pytest.raises(TokenInvalid):
        await oidc.identify(token)


async def test_a_token_without_signature_is_refused(issuer: Issuer, oidc: OpenIdConnect) -> None:
    body = encoded(issuer.claims())

    for algorithm in ("none", "None", "NONE", ""):
        with pytest.raises(TokenInvalid):
            await oidc.identify(f"{encoded({'alg': algorithm, 'kid': issuer.key_id})}.{body}.")


async def test_the_public_key_is_no_shared_secret(issuer: Issuer, oidc: OpenIdConnect) -> None:
    signed = f"{encoded({'alg': 'HS256', 'kid': issuer.key_id})}.{encoded(issuer.claims())}"
    mac = hmac.new(issuer.public_pem(), signed.encode(), hashlib.sha256).digest()

    with pytest.raises(TokenInvalid):
        await oidc.identify(f"{signed}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}")


async def test_a_key_that_the_issuer_publishes_for_shared_secrets_is_not_used(
    issuer: Issuer, oidc: OpenIdConnect
) -> None:
    secret = b"0123456789abcdef0123456789abcdef"
    k = base64.urlsafe_b64encode(secret).rstrip(b"=").decode()
    issuer.published.append({"kty": "oct", "k": k, "kid": "shared", "use": "sig", "alg": "HS256"})

    with pytest.raises(TokenInvalid):
        await oidc.identify(jwt.encode(issuer.claims(), secret, "HS256", headers={"kid": "shared"}))


async def test_another_signers_key_is_refused_whatever_id_it_claims(issuer: Issuer, oidc: OpenIdConnect) -> None:
    stranger = Issuer(issuer.now)

    with pytest.raises(TokenInvalid):
        await oidc.identify(jwt.encode(issuer.claims(), stranger.key, "ES256", headers={"kid": issuer.key_id}))


async def test_a_key_for_encryption_signs_nobody_in(issuer: Issuer, oidc: OpenIdConnect) -> None:
    key = issuer.add_rsa_key("enc")
    issuer.published[-1] |= {"use": "enc"}

    with pytest.raises(TokenInvalid):
        await oidc.identify(jwt.encode(issuer.claims(), key, "RS256", headers={"kid": "enc"}))


async def test_a_key_is_used_with_its_own_algorithm_alone(issuer: Issuer, oidc: OpenIdConnect) -> None:
    key = issuer.add_rsa_key("rsa")

    identity = await oidc.identify(jwt.encode(issuer.claims(), key, "RS256", headers={"kid": "rsa"}))
    assert identity.subject == "4711-ada"
    with pytest.raises(TokenInvalid):
        await oidc.identify(jwt.encode(issuer.claims(), key, "PS256", headers={"kid": "rsa"}))


async def test_a_key_without_a_stated_algorithm_serves_all_of_its_kind(issuer: Issuer, oidc: OpenIdConnect) -> None:
    key = issuer.add_rsa_key("rsa")
    del issuer.published[-1]["alg"]

    for algorithm in ("RS256", "RS512", "PS256"):
        token = jwt.encode(issuer.claims(), key, algorithm, headers={"kid": "rsa"})
        assert (await oidc.identify(token)).subject == "4711-ada"


async def test_a_weak_key_is_refused_even_if_the_issuer_publishes_it(issuer: Issuer, oidc: OpenIdConnect) -> None:
    key = rsa.generate_private_key(65537, 1024)  # noqa: S505 - that's the point
    issuer.published.append(Issuer._public(key, "RS256", "weak"))
    with pytest.warns(jwt.InsecureKeyLengthWarning):
        token = jwt.encode(issuer.claims(), key, "RS256", headers={"kid": "weak"})

    with pytest.raises(TokenInvalid):
        await oidc.identify(token)


@pytest.mark.parametrize(
    "token",
    [
        *("", "x", "a.b.c", "é.é.é", "\udcff.\udcff.\udcff", "." * 3, "0" * 5000),
        *(f"{encoded(header)}.e30.e30" for header in ({}, {"alg": ["RS256"]}, {"alg": "RS256", "kid": ["a"]})),
    ],
)
async def test_what_is_no_token_is_refused_before_the_issuer_is_asked(
    issuer: Issuer, oidc: OpenIdConnect, token: str
) -> None:
    with pytest.raises(TokenInvalid):
        await oidc.identify(token)

    assert issuer.reads == 0


async def test_a_token_of_another_kind_signs_nobody_in(issuer: Issuer, oidc: OpenIdConnect) -> None:
    with pytest.raises(TokenInvalid):
        await oidc.identify(issuer.signed(issuer.claims(), typ="logout+jwt"))
    assert (await oidc.identify(issuer.signed(issuer.claims(), typ="at+jwt"))).subject == "4711-ada"


async def test_a_token_that_names_no_key_is_checked_with_each(issuer: Issuer, oidc: OpenIdConnect) -> None:
    former = issuer.published[0]
    issuer.rotate()
    issuer.published.insert(0, former)

    token = jwt.encode(issuer.claims(), issuer.key, "ES256")

    assert (await oidc.identify(token)).subject == "4711-ada"


async def test_a_rotated_key_is_found_without_waiting_for_the_hour(
    issuer: Issuer, oidc: OpenIdConnect, clock: Clock
) -> None:
    await oidc.identify(issuer.token())
    clock.move(REREAD_PAUSE)
    issuer.rotate()

    identity = await oidc.identify(issuer.token())

    assert identity.subject == "4711-ada"


async def test_a_key_that_was_taken_back_stops_counting_within_the_hour(
    issuer: Issuer, oidc: OpenIdConnect, clock: Clock
) -> None:
    token = issuer.token(exp=4102444800)
    await oidc.identify(token)
    issuer.rotate()

    clock.move(FRESH_FOR)

    with pytest.raises(TokenInvalid):
        await oidc.identify(token)


async def test_made_up_key_ids_dont_make_the_host_ask_the_issuer_again_and_again(
    issuer: Issuer, oidc: OpenIdConnect, clock: Clock
) -> None:
    await oidc.identify(issuer.token())
    clock.move(REREAD_PAUSE)

    for number in range(20):
        with pytest.raises(TokenInvalid):
            await oidc.identify(issuer.signed(issuer.claims(), kid=f"made up {number}"))

    assert issuer.reads == 2


async def test_while_the_issuer_was_never_reached_nobody_can_tell_good_tokens_from_bad(
    issuer: Issuer, oidc: OpenIdConnect
) -> None:
    await issuer.stop()

    for _ in range(2):  # the second one isn't even tried: it comes too soon
        with pytest.raises(Unavailable):
            await oidc.identify(issuer.token())
    with pytest.raises(Unavailable):
        await oidc.endpoints()


async def test_an_issuer_that_comes_back_is_found_again(issuer: Issuer, oidc: OpenIdConnect, clock: Clock) -> None:
    issuer.is_broken = True
    with pytest.raises(Unavailable):
        await oidc.identify(issuer.token())

    issuer.is_broken = False
    clock.move(REREAD_PAUSE)

    assert (await oidc.identify(issuer.token())).subject == "4711-ada"


async def test_what_the_issuer_said_stays_good_for_a_day_while_it_is_away(
    issuer: Issuer, oidc: OpenIdConnect, clock: Clock
) -> None:
    token = issuer.token(exp=4102444800)
    await oidc.identify(token)
    issuer.is_broken = True

    clock.move(STALE_FOR - timedelta(seconds=1))
    assert (await oidc.identify(token)).subject == "4711-ada"
    clock.move(timedelta(seconds=1))
    with pytest.raises(Unavailable):
        await oidc.identify(token)


async def test_a_new_key_while_the_issuer_is_away_is_no_bad_token(
    issuer: Issuer, oidc: OpenIdConnect, clock: Clock
) -> None:
    await oidc.identify(issuer.token())
    clock.move(REREAD_PAUSE)
    issuer.rotate()
    issuer.is_broken = True

    with pytest.raises(Unavailable):
        await oidc.identify(issuer.token())


@pytest.mark.parametrize(
    "more",
    [
        {"issuer": "https://elsewhere.example"},
        {"jwks_uri": None},
        {"jwks_uri": "http://127.0.0.1:1/keys"},
        {"jwks_uri": "nowhere"},
        {"padding": "x" * DOCUMENT_MAX_BYTES},
    ],
    ids=["another name", "no keys", "keys that aren't there", "no address", "too long"],
)
async def test_an_issuer_that_says_nonsense_counts_as_away(
    issuer: Issuer, oidc: OpenIdConnect, more: dict[str, Any]
) -> None:
    issuer.document_more = more

    with pytest.raises(Unavailable):
        await oidc.identify(issuer.token())


async def test_keys_that_nobody_understands_dont_hide_the_others(issuer: Issuer, oidc: OpenIdConnect) -> None:
    issuer.published[:0] = [
        {},
        {"kty": "EC", "crv": "P-256", "x": "!"},
        {"kty": "RSA", "n": 5},
        {"kty": ["EC"]},
        {"kty": "EC", "alg": []},
    ]

    assert (await oidc.identify(issuer.token())).subject == "4711-ada"


async def test_the_endpoints_are_the_issuers(issuer: Issuer, oidc: OpenIdConnect) -> None:
    document = await oidc.endpoints()

    assert document.authorization_endpoint == f"{issuer.url}/authorize"
    assert document.token_endpoint == f"{issuer.url}/token"
