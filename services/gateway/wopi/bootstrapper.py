"""The bootstrapper: native clients come with a bearer token of the identity provider and leave with WOPI tokens.

Whoever comes without a good one is told, in WWW-Authenticate, where to sign in. The tokens that are given out here have
the host's whole default lifetime: a sign-in stands behind them, and not another WOPI token.
Spec: bootstrapper.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final
from urllib.parse import quote

from aiohttp import web

from services.gateway.auth.oidc import TokenInvalid
from services.gateway.auth.sign_in import bearer_token, signed_in_user
from services.gateway.auth.tokens import fresh_claims, mint, tokenised
from services.gateway.context import GATEWAY, Gateway
from services.gateway.requests import header
from services.gateway.wopi.answers import X_WOPI_SERVER_ERROR, json_answer
from services.gateway.wopi.dispatch import OPERATION
from services.gateway.wopi.ecosystem import GET_WOPI_SRC, X_WOPI_HOST_NATIVE_FILE_NAME
from services.gateway.wopi.pointers import named_resource, root_container, wopi_src
from shared.core.tokens import Claims, Resource, traded
from shared.core.users import User

Answer = Callable[[web.Request, Claims, User], Awaitable[Mapping[str, Any]]]
"""What an operation adds to the answer, besides `Bootstrap`."""


async def bootstrap(request: web.Request) -> web.Response:
    """Bootstrap and its shortcuts: GET or POST /wopibootstrapper, with the identity provider's bearer token.

    200 with the user and the ecosystem, and with what a POST's X-WOPI-EcosystemOperation asks for; an unknown operation
    asks for nothing more. 401 with WWW-Authenticate without a good token; 404 for a resource that isn't there for this
    user; 503 while the identity provider would have to be asked and doesn't answer.

    Spec: bootstrapper.
    """
    gateway = request.app[GATEWAY]
    asked_for = request.headers.get("X-WOPI-EcosystemOperation", "") if request.method == "POST" else ""
    request[OPERATION], answer = OPERATIONS.get(asked_for.strip().upper(), ("Bootstrap", None))
    try:
        user = await signed_in_user(request, _token_of(request))
    except TokenInvalid as error:
        challenge = await www_authenticate(gateway)
        headers = {"WWW-Authenticate": challenge, X_WOPI_SERVER_ERROR: str(error)}
        return web.Response(status=401, headers=headers)
    claims = fresh_claims(gateway, Resource.ECOSYSTEM, "", user.user_id)
    more = {} if answer is None else await answer(request, claims, user)
    return json_answer({"Bootstrap": _bootstrap(gateway, claims, user), **more})


async def www_authenticate(gateway: Gateway) -> str:
    """Where to sign in, as far as that is known: a host without an identity provider has no such place.

    Raises Unavailable if the identity provider has to be asked and doesn't answer.
    Spec: bootstrapper > 401 header.
    """
    parameters: dict[str, str] = {}
    if gateway.oidc is not None:
        document = await gateway.oidc.endpoints()
        parameters["authorization_uri"] = document.authorization_endpoint
        parameters["tokenIssuance_uri"] = document.token_endpoint
        parameters["providerId"] = gateway.rules.oidc_provider_id
    known = ",".join(f'{name}="{_quotable(value)}"' for name, value in parameters.items() if value)
    return f"Bearer {known}".rstrip()


async def _new_access_token(request: web.Request, claims: Claims, user: User) -> Mapping[str, Any]:
    gateway = request.app[GATEWAY]
    resource, resource_id = await named_resource(gateway, user, header(request, "X-WOPI-WopiSrc"))
    token = mint(gateway, traded(claims, resource, resource_id))
    return {"AccessTokenInfo": {"AccessToken": token, "AccessTokenExpiry": claims.expires_at_ms}}


async def _root_container(request: web.Request, claims: Claims, user: User) -> Mapping[str, Any]:
    return {"RootContainerInfo": await root_container(request.app[GATEWAY], claims, user)}


async def _file_wopi_src(request: web.Request, claims: Claims, user: User) -> Mapping[str, Any]:
    address = header(request, X_WOPI_HOST_NATIVE_FILE_NAME)
    return {"WopiSrcInfo": await wopi_src(request.app[GATEWAY], claims, user, address)}


OPERATIONS: Final[Mapping[str, tuple[str, Answer]]] = {
    "GET_NEW_ACCESS_TOKEN": ("GetNewAccessToken", _new_access_token),
    "GET_ROOT_CONTAINER": ("GetRootContainer", _root_container),
    GET_WOPI_SRC: ("GetFileWopiSrc", _file_wopi_src),
}
"""The shortcuts, by X-WOPI-EcosystemOperation."""


def _token_of(request: web.Request) -> str:
    token = bearer_token(request)
    if token is None:
        raise TokenInvalid("a bearer token of the identity provider is needed")
    return token


def _bootstrap(gateway: Gateway, claims: Claims, user: User) -> dict[str, str]:
    return {
        "EcosystemUrl": tokenised(gateway, claims, Resource.ECOSYSTEM, ""),
        "UserId": user.user_id,
        "SignInName": user.sign_in_name,
        "UserFriendlyName": user.friendly_name or user.sign_in_name,
    }


def _quotable(value: str) -> str:
    """`value` for the inside of a quoted parameter: an address never holds what would end it there."""
    return quote(value, safe="!#$%&'()*+,-./:;=?@[]_~")
