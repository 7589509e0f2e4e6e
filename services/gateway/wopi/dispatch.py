"""From a WOPI request to its operation: path, method, override; then token, proof, resource and right, in this order.

An operation is one row of a table and says the least role it needs. Handlers run with who asks, for what and by which
token already settled: they read `request[CLAIMS]` and `request[FILE]`, `request[CONTAINER]` or `request[USER]`.
Spec: endpoints > Dispatch rules.
"""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Final

from aiohttp import web

from services.gateway.access import ContainerAccess, FileAccess, container_access, file_access, user_of
from services.gateway.auth.proof import check_proof
from services.gateway.auth.tokens import CLAIMS, access_token_of, claims_of, raw_query_token
from services.gateway.context import GATEWAY, Gateway
from services.gateway.requests import USER_ID, log_id
from shared.core.errors import LecternError, NotFound
from shared.core.permissions import Role
from shared.core.tokens import Claims, Resource
from shared.core.users import User

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

FILE: Final = web.RequestKey("file", FileAccess)
"""The file of the path, for operations on files."""
CONTAINER: Final = web.RequestKey("container", ContainerAccess)
"""The container of the path, for operations on containers."""
USER: Final = web.RequestKey("user", User)
"""The token's user, for operations on the ecosystem."""
OPERATION: Final = web.RequestKey("operation", str)
"""The operation's name in the protocol, for logs and metrics."""
RESOURCE_ID: Final = web.RequestKey("resource_id", str)
"""The id in the path, for logs: as `log_id` gives it."""


_KINDS: Final = frozenset({"files", "containers", "ecosystem", "folders"})


class NotSupported(LecternError):
    """The host doesn't offer that operation, or not to this user."""

    status = 501


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of the protocol."""

    name: str
    method: str
    override: str | None
    """X-WOPI-Override; None for an operation that is told by its path alone."""
    handler: Handler
    resource: Resource
    least: Role
    """On the file or container of the path; of no meaning for the ecosystem, which any signed-in user may ask."""
    path: str = ""
    """What follows the resource's own path, such as "contents"."""
    without_right: Handler | None = None
    """Answers in place of 404 when the user's role is too low; the request has CLAIMS alone."""


class Table:
    """The operations of one kind of resource, by path, method and override."""

    def __init__(self, operations: Iterable[Operation]) -> None:
        self._by_path: dict[str, dict[str, dict[str | None, Operation]]] = {}
        for one in operations:
            self._by_path.setdefault(one.path, {}).setdefault(one.method, {})[one.override] = one

    def find(self, path: str, method: str, override: str | None) -> Operation | None:
        """The operation; None if the path and method are right but no operation has that override.

        Raises NotFound for an unknown path, HTTPMethodNotAllowed for a wrong method.
        """
        by_method = self._by_path.get(path)
        if by_method is None:
            raise NotFound("there is nothing at this address")
        by_override = by_method.get("GET" if method == "HEAD" else method)
        if by_override is None:
            raise web.HTTPMethodNotAllowed(method, tuple(by_method))
        # Where the path tells the operation, no override counts.
        return by_override.get(None) or by_override.get(override)


@dataclass(frozen=True, slots=True)
class Understood:
    """What a GET says by its target alone, once and for all: which operation on what, and by which token."""

    operation: Operation
    resource_id: str
    claims: Claims
    token: str


UNDERSTOOD_MAX: Final = 4096
"""Targets that are remembered; half a kilobyte each, more or less."""


class Dispatch:
    """The handler of everything below /wopi/."""

    def __init__(self, files: Table, containers: Table, ecosystem: Table) -> None:
        self._tables = {
            "files": (Resource.FILE, files),
            "containers": (Resource.CONTAINER, containers),
            "ecosystem": (Resource.ECOSYSTEM, ecosystem),
        }
        # Clients ask for the same addresses again and again: reading one costs as much as answering it.
        self._understood: dict[str, Understood] = {}

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        """Answer one request."""
        gateway = request.app[GATEWAY]
        known = self._understood.get(request.raw_path) if request.method == "GET" else None
        if known is not None and gateway.now() < known.claims.expires_at:
            request[RESOURCE_ID] = known.resource_id
            request[OPERATION] = known.operation.name
            await _proved(request, gateway, known.claims, known.token)
            return await _answered(request, gateway, known.claims, known.operation, None)
        kind, *rest = segments(request.path) or [""]
        if kind == "folders":
            request[OPERATION] = "Folders"
            await _authenticated(request, gateway)
            raise NotSupported("this host doesn't offer the folders of OneNote (SupportsFolders)")
        if kind not in self._tables or not (rest or kind == "ecosystem"):
            raise NotFound("there is nothing at this address")
        resource, table = self._tables[kind]
        resource_id = "" if kind == "ecosystem" else rest.pop(0)
        request[RESOURCE_ID] = log_id(resource_id)
        override = request.headers.get("X-WOPI-Override", "").strip().upper() or None
        operation = table.find("/".join(rest), request.method, override)
        request[OPERATION] = operation.name if operation else "Unknown"
        claims = await _authenticated(request, gateway)
        if claims.resource is not resource or claims.resource_id != resource_id:
            raise NotFound("there is no such resource")
        if operation is not None and request.method == "GET":
            self._remember(request, operation, claims)
        return await _answered(request, gateway, claims, operation, override)

    def _remember(self, request: web.Request, operation: Operation, claims: Claims) -> None:
        token = raw_query_token(request.rel_url.raw_query_string)
        if token is None:
            return
        if len(self._understood) >= UNDERSTOOD_MAX:
            self._understood.clear()
        self._understood[request.raw_path] = Understood(operation, claims.resource_id, claims, token)


async def _answered(
    request: web.Request, gateway: Gateway, claims: Claims, operation: Operation | None, override: str | None
) -> web.StreamResponse:
    try:
        await _settle(request, gateway, claims, operation.least if operation else Role.VIEWER)
    except NotFound:
        if operation is None or operation.without_right is None:
            raise
        return await operation.without_right(request)
    if operation is None:
        raise NotSupported(f"there is no operation {override}" if override else "X-WOPI-Override is missing")
    return await operation.handler(request)


def segments(path: str) -> list[str]:
    """The parts of `path` after the "wopi" that opens the protocol's part of it; none if there is no such part.

    What stands before, as in a public address with a path, doesn't count, even if there is a "wopi" in it; nor do slashes
    that proxies double or add at the end.
    """
    parts = [part for part in path.split("/") if part]
    for place, part in enumerate(parts[1:], 1):
        if part in _KINDS and parts[place - 1] == "wopi":
            return parts[place:]
    return []


async def _authenticated(request: web.Request, gateway: Gateway) -> Claims:
    token = access_token_of(request)
    claims = claims_of(gateway, token)
    await _proved(request, gateway, claims, token or "")
    return claims


async def _proved(request: web.Request, gateway: Gateway, claims: Claims, token: str) -> None:
    request[CLAIMS] = claims
    request[USER_ID] = claims.user_id
    await check_proof(request, gateway, claims, token)


async def _settle(request: web.Request, gateway: Gateway, claims: Claims, least: Role) -> None:
    """Find the resource for the token's user. Raises NotFound, also if the token only reads and that isn't enough."""
    if least > Role.VIEWER and not claims.may_write:
        raise NotFound("there is no such resource")
    user = await user_of(gateway, claims.user_id)
    match claims.resource:
        case Resource.FILE:
            request[FILE] = await file_access(gateway, user, claims.resource_id, least)
        case Resource.CONTAINER:
            request[CONTAINER] = await container_access(gateway, user, claims.resource_id, least)
        case Resource.ECOSYSTEM | Resource.DOWNLOAD:
            request[USER] = user
