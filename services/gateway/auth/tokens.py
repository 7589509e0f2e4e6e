"""Access tokens at the border: read from a request, minted for a page, traded for another resource.

A token that is minted in answer to a WOPI request says what the one in the request says, but for another resource: same
user, same moment of expiry, same limits. So no chain of requests makes a session longer than it was.
Spec: tokens and proof keys > Access tokens, Token trading.
"""

from typing import Final
from urllib.parse import unquote

from aiohttp import web

from services.gateway.auth.oidc import TokenInvalid
from services.gateway.auth.sign_in import bearer_token
from services.gateway.context import Gateway
from shared.core.tokens import Claims, Dialect, Resource, expiry, traded

CLAIMS: Final = web.RequestKey("claims", Claims)
"""What the request's access token says. Set where the request is authenticated."""

_PARAMETER: Final = "access_token="


def raw_query_token(query: str) -> str | None:
    """The access token as it stands in the raw query string, percent-escapes and all; None if it's absent or empty."""
    for pair in query.split("&"):
        if pair.startswith(_PARAMETER):
            return pair[len(_PARAMETER) :] or None
    return None


def access_token_of(request: web.Request) -> str | None:
    """The request's access token as proof keys sign it: that of the query counts, the bearer's stands in for it.

    Some clients are set up to send the header alone. Spec: clients > Every request.
    """
    return raw_query_token(request.rel_url.raw_query_string) or bearer_token(request)


def claims_of(gateway: Gateway, token: str | None) -> Claims:
    """What the token says. Raises TokenInvalid if it says nothing, or no longer."""
    if token is None:
        raise TokenInvalid("an access token is needed")
    claims = gateway.tokens.read(unquote(token) if "%" in token else token, gateway.now())
    if claims is None:
        raise TokenInvalid("the access token is invalid or has expired")
    return claims


def fresh_claims(
    gateway: Gateway,
    resource: Resource,
    resource_id: str,
    user_id: str,
    *,
    dialect: Dialect = Dialect.OFFICE,
    may_write: bool = True,
    supports_locks: bool = True,
) -> Claims:
    """Claims that begin to count now, for a user who has just proved who they are to the host itself."""
    return Claims(
        resource=resource,
        resource_id=resource_id,
        user_id=user_id,
        expires_at=expiry(gateway.now(), gateway.rules.token_lifetime),
        dialect=dialect,
        may_write=may_write,
        supports_locks=supports_locks,
    )


def mint(gateway: Gateway, claims: Claims) -> str:
    """The token that says `claims`."""
    return gateway.tokens.sign(claims)


def tokenised(gateway: Gateway, claims: Claims, resource: Resource, resource_id: str) -> str:
    """The WOPI address of another resource, with a token that is traded for that of `claims`.

    For a file, a container or the ecosystem (whose id is ""). Spec: tokens and proof keys > Token trading.
    """
    token = mint(gateway, traded(claims, resource, resource_id))
    return gateway.addresses.with_token(_address(gateway, resource, resource_id), token, claims.expires_at_ms)


def _address(gateway: Gateway, resource: Resource, resource_id: str) -> str:
    match resource:
        case Resource.FILE:
            return gateway.addresses.file(resource_id)
        case Resource.CONTAINER:
            return gateway.addresses.container(resource_id)
        case Resource.ECOSYSTEM:
            return gateway.addresses.ecosystem()
        case _:
            raise ValueError("a download's token is part of its address")
