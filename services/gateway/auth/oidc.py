"""Bearer tokens of the identity provider: signed JSON Web Tokens of an OpenID Connect issuer.

A token counts if the issuer signed it with one of its present keys, by an asymmetric algorithm, for this host's
audience, and if its time isn't up. `services.gateway.auth.sign_in` makes a user of whom it names.
Spec: bootstrapper; RFC 7519, RFC 8725.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import TracebackType
from typing import Any, Final, Self

import jwt
from jwt.types import Options

from services.gateway.auth.issuer import ALGORITHMS, Issuer, IssuerDocument, SigningKey
from shared.core.errors import LecternError
from shared.core.users import user_id_of, user_name_fault

LEEWAY: Final = timedelta(seconds=60)
"""How far the clocks of issuer and host may be apart."""
SUBJECT_MAX: Final = 255
"""Longest subject, in characters. Spec: OpenID Connect Core 2."""

_ACCEPTED_ALGORITHMS: Final = frozenset(name for names in ALGORITHMS.values() for name in names)
_ACCEPTED_TYPES: Final = frozenset({"", "jwt", "at+jwt", "application/jwt", "application/at+jwt"})
_SIGNATURE_ONLY: Final[Options] = {
    # Time, issuer and audience are compared here, against the host's own clock.
    "verify_exp": False,
    "verify_nbf": False,
    "verify_iat": False,
    "verify_aud": False,
    "verify_iss": False,
    "enforce_minimum_key_length": True,
}


class TokenInvalid(LecternError):
    """The token is missing, broken, expired, not meant for this host, or signed by nobody it trusts."""

    status = 401


@dataclass(frozen=True, slots=True)
class Identity:
    """Whom a token names. A name that the token doesn't tell is ""."""

    subject: str
    sign_in_name: str
    friendly_name: str

    @property
    def user_id(self) -> str:
        """The id that the host knows this user by."""
        return user_id_of(self.subject, is_trusted=False)


class OpenIdConnect:
    """One issuer, and the audience that its tokens must be meant for (None: any).

    Connects when it is first needed; use it as an async context manager, or `close` it.
    """

    def __init__(self, issuer: str, audience: str | None, now: Callable[[], datetime]) -> None:
        self._issuer = Issuer(issuer, now)
        self._audience = audience
        self._now = now

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Let go of connections."""
        await self._issuer.close()

    async def endpoints(self) -> IssuerDocument:
        """Where users sign in and clients get tokens. Raises Unavailable."""
        return (await self._issuer.known()).document

    async def identify(self, token: str) -> Identity:
        """Whom the token names. Raises TokenInvalid, and Unavailable if that can't be found out now."""
        algorithm, key_id = _checked_header(token)
        known = await self._issuer.known()
        claims = _verified(token, algorithm, key_id, known.keys)
        if claims is None:
            newer = await self._issuer.newer_than(known)
            claims = _verified(token, algorithm, key_id, newer.keys)
        if claims is None:
            raise TokenInvalid("the token is signed with a key that the identity provider doesn't publish")
        self._check(claims)
        return _identity(claims)

    def _check(self, claims: Mapping[str, Any]) -> None:
        if claims.get("iss") != self._issuer.url:
            raise TokenInvalid("the token comes from another issuer")
        audience = claims.get("aud")
        audiences = audience if isinstance(audience, list) else [audience]
        if self._audience is not None and self._audience not in audiences:
            raise TokenInvalid("the token is meant for another audience")
        now, leeway = self._now().timestamp(), LEEWAY.total_seconds()
        expires_at, not_before = claims.get("exp"), claims.get("nbf", 0)
        if not isinstance(expires_at, int | float) or not expires_at > now - leeway:
            raise TokenInvalid("the token has expired")
        if not isinstance(not_before, int | float) or not not_before <= now + leeway:
            raise TokenInvalid("the token is not valid yet")


def _checked_header(token: str) -> tuple[str, str | None]:
    """Algorithm and key id, before anything is asked or computed."""
    try:
        header = jwt.get_unverified_header(token)
    except (jwt.PyJWTError, UnicodeError) as error:  # bytes of a header that are no text
        raise TokenInvalid("the token is not a signed JSON Web Token") from error
    algorithm, key_id = header.get("alg"), header.get("kid")
    if not isinstance(algorithm, str) or algorithm not in _ACCEPTED_ALGORITHMS:
        raise TokenInvalid("the token isn't signed with a public-key algorithm")
    # A token of another kind from the same issuer, such as a logout notice, is no sign-in.
    if str(header.get("typ") or "").lower() not in _ACCEPTED_TYPES:
        raise TokenInvalid("the token is of a kind that doesn't sign anybody in")
    return algorithm, key_id


def _verified(token: str, algorithm: str, key_id: str | None, keys: tuple[SigningKey, ...]) -> Mapping[str, Any] | None:
    """What the token claims; None if no key of that id is here, or the token names no key and none here fits."""
    for key in keys:
        if key.algorithm != algorithm or key_id not in {None, key.key_id}:
            continue
        try:
            claims: Mapping[str, Any] = jwt.decode(token, key.key, algorithms=[algorithm], options=_SIGNATURE_ONLY)
        except jwt.InvalidSignatureError as error:
            if key_id is not None:
                raise TokenInvalid("the token's signature is wrong") from error
        except jwt.PyJWTError as error:
            raise TokenInvalid("the token can't be understood") from error
        else:
            return claims
    return None


def _identity(claims: Mapping[str, Any]) -> Identity:
    subject = claims.get("sub")
    if not isinstance(subject, str) or not 0 < len(subject) <= SUBJECT_MAX:
        raise TokenInvalid("the token names nobody")
    sign_in_name = _name(claims, "preferred_username", "upn", "email")
    return Identity(subject, sign_in_name, _name(claims, "name") or sign_in_name)


def _name(claims: Mapping[str, Any], *wishes: str) -> str:
    """The first of those claims that can be a user's name; "" if none can."""
    for wish in wishes:
        value = claims.get(wish)
        if isinstance(value, str) and user_name_fault(value.strip()) is None:
            return value.strip()
    return ""
