"""Who calls the API: the operator by the API key, in their own name or in that of a user, or a user of the issuer."""

import hmac
from dataclasses import replace
from typing import Final

from aiohttp import web

from services.gateway.api.problems import Kind, Refused
from services.gateway.auth.oidc import TokenInvalid
from services.gateway.auth.sign_in import bearer_token, signed_in_user
from services.gateway.context import GATEWAY, Gateway
from services.gateway.requests import USER_ID, envelope
from shared.core.permissions import Role
from shared.core.users import OPERATOR_ID, User, user_id_of, user_name_fault
from shared.messages.commands import RegisterUser

ACT_AS: Final = "X-Lectern-User"
"""The user in whose name, and with whose permissions, the operator acts."""


async def sign_in(request: web.Request) -> User:
    """The caller, or the user whom the operator acts for; sets the request's USER_ID.

    Raises TokenInvalid; Refused for a name that can't be a user's; Unavailable if the identity provider is.
    """
    gateway = request.app[GATEWAY]
    token = bearer_token(request)
    act_as = request.headers.get(ACT_AS)  # an empty one is a slip, which must not make anybody the operator
    if token is None:
        raise TokenInvalid("an API key or a token of the identity provider is needed: Authorization: Bearer ...")
    if not is_api_key(gateway, token):
        if act_as is not None:
            raise TokenInvalid(f"{ACT_AS} needs the operator's key")
        return await signed_in_user(request, token)
    request[USER_ID] = OPERATOR_ID
    user = await operator(gateway) if act_as is None else await named_user(request, act_as)
    request[USER_ID] = user.user_id
    return user


def is_api_key(gateway: Gateway, token: str) -> bool:
    """Whether that is the operator's key; takes as long for a wrong one as for the right one."""
    key = gateway.api_key.encode()
    return bool(key) and hmac.compare_digest(key, token.encode("utf-8", "surrogateescape"))


async def operator(gateway: Gateway) -> User:
    """The operator, who owns everything whatever is granted."""
    known = await gateway.metadata.users.find(OPERATOR_ID)
    user = known or User(OPERATOR_ID, OPERATOR_ID, "Operator")
    return replace(user, base_role=Role.OWNER)


async def named_user(request: web.Request, name: str) -> User:
    """The user whom the operator calls so; if they weren't known, they are from now on.

    Raises Refused for a name that can't be a user's.
    """
    gateway = request.app[GATEWAY]
    user_id = user_id_named(name)
    if user_id == OPERATOR_ID:
        return await operator(gateway)
    known = await gateway.metadata.users.find(user_id)
    if known is not None:
        return known
    newcomer = User(user_id, name, name, base_role=gateway.rules.new_user_role)
    await gateway.bus.request(RegisterUser(user_id=user_id, user=newcomer, **envelope(request)))
    return newcomer


def user_id_named(name: str) -> str:
    """The id of the user called so, or the name itself if it's an id. Raises Refused for what can't be a user's name."""
    fault = user_name_fault(name)
    if fault is not None:
        raise Refused(Kind.BAD_REQUEST, fault)
    return user_id_of(name)


def challenge(request: web.Request) -> dict[str, str]:
    """The header with which a 401 asks to sign in. Spec: RFC 6750."""
    fault = ', error="invalid_token"' if bearer_token(request) is not None else ""
    return {"WWW-Authenticate": f'Bearer realm="lectern"{fault}'}
