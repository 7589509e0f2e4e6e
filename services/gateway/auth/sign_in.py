"""Signing in with the identity provider: a bearer token becomes a user of this host.

A user becomes known by their first token and is told apart by the issuer's subject alone; changed names follow.
Spec: bootstrapper.
"""

import re
from dataclasses import replace
from typing import Final

from aiohttp import web

from services.gateway.auth.oidc import Identity, TokenInvalid
from services.gateway.context import GATEWAY, Gateway
from services.gateway.requests import USER_ID, envelope
from shared.core.users import User, user_name_fault
from shared.messages.commands import RegisterUser

# The protocol's pages write a colon after the scheme, OAuth none.
_BEARER: Final = re.compile(r"bearer(?::\s*|\s+)(\S+)", re.IGNORECASE)


def bearer_token(request: web.Request) -> str | None:
    """The token in `Authorization: Bearer ...`, the scheme in any letter case and with or without a colon, or None."""
    found = _BEARER.fullmatch(request.headers.get("Authorization", "").strip())
    return found.group(1) if found else None


async def signed_in_user(request: web.Request, token: str) -> User:
    """The user whom the identity provider's token names, known to the host from now on; sets the request's USER_ID.

    Raises TokenInvalid, and Unavailable if the identity provider has to be asked and doesn't answer.
    """
    gateway = request.app[GATEWAY]
    if gateway.oidc is None:
        raise TokenInvalid("this host has no identity provider")
    identity = await gateway.oidc.identify(token)
    request[USER_ID] = identity.user_id
    known = await gateway.metadata.users.find(identity.user_id)
    user = _named(known or _newcomer(gateway, identity), identity)
    if user != known:
        await gateway.bus.request(RegisterUser(user_id=user.user_id, user=user, **envelope(request)))
    return user


def _newcomer(gateway: Gateway, identity: Identity) -> User:
    name = identity.subject if user_name_fault(identity.subject) is None else identity.user_id
    return User(identity.user_id, name, name, base_role=gateway.rules.oidc_new_user_role)


def _named(user: User, identity: Identity) -> User:
    """The user under the names that the token tells; what it doesn't tell stays."""
    return replace(
        user,
        sign_in_name=identity.sign_in_name or user.sign_in_name,
        friendly_name=identity.friendly_name or user.friendly_name,
    )
