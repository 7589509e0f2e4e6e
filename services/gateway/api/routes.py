"""The API's addresses in the web application."""

import asyncio
from importlib.metadata import version

import msgspec
from aiohttp import web

from services.gateway.api import asyncapi
from services.gateway.api.events import CLOSING
from services.gateway.api.openapi import JSON, document_of
from services.gateway.api.operations import NO_STORE, PREFIX
from services.gateway.api.problems import Kind, Refused, problem_response
from services.gateway.api.table import OPERATIONS
from services.gateway.context import GATEWAY
from services.gateway.uploads import expect_later
from services.gateway.wopi.dispatch import OPERATION

DOCUMENT = web.AppKey("openapi", bytes)
EVENTS_DOCUMENT = web.AppKey("asyncapi", bytes)


def add_api(app: web.Application) -> None:
    """Add the whole API to the application, which has its gateway already."""
    public_url = app[GATEWAY].addresses.public_url
    app[DOCUMENT] = msgspec.json.encode(document_of(OPERATIONS, public_url, version("lectern")))
    app[EVENTS_DOCUMENT] = msgspec.json.encode(asyncapi.document_of(public_url, version("lectern")))
    app[CLOSING] = asyncio.Event()
    app.on_shutdown.append(_close_streams)
    for beginning in app[GATEWAY].addresses.beginnings:
        _add_routes(app.router, beginning)


def _add_routes(router: web.UrlDispatcher, beginning: str) -> None:
    router.add_get(f"{beginning}/api/openapi.json", get_openapi, allow_head=False, expect_handler=expect_later)
    router.add_get(f"{beginning}/api/asyncapi.json", get_asyncapi, allow_head=False, expect_handler=expect_later)
    for operation in OPERATIONS:
        path = beginning + PREFIX + operation.path
        for method in ("GET", "HEAD") if operation.has_head else (operation.method,):
            router.add_route(method, path, operation.__call__, expect_handler=expect_later)
    router.add_route("*", beginning + "/api{rest:(/.*)?}", nothing_here, expect_handler=expect_later)


async def get_openapi(request: web.Request) -> web.Response:
    """GET /api/openapi.json: what this API is, for programs."""
    request[OPERATION] = "get_openapi"
    return web.Response(body=request.app[DOCUMENT], content_type=JSON, headers={"Cache-Control": "no-cache"})


async def get_asyncapi(request: web.Request) -> web.Response:
    """GET /api/asyncapi.json: what the events are, for programs."""
    request[OPERATION] = "get_asyncapi"
    return web.Response(body=request.app[EVENTS_DOCUMENT], content_type=JSON, headers={"Cache-Control": "no-cache"})


async def nothing_here(request: web.Request) -> web.Response:
    """All other addresses below /api: 404; 405 if only the method is wrong."""
    request[OPERATION] = "unknown_address"
    allowed = ", ".join(await methods_of(request))
    if allowed:
        refused = Refused(Kind.METHOD_NOT_ALLOWED, f"this address knows {allowed} alone")
        return problem_response(refused, NO_STORE | {"Allow": allowed})
    return problem_response(Refused(Kind.NOT_FOUND, "the API has no such address"), NO_STORE)


async def methods_of(request: web.Request) -> list[str]:
    """The methods that the request's address knows, by name; none if there is no such address."""
    methods: set[str] = set()
    for resource in request.app.router.resources():
        _, known = await resource.resolve(request)
        methods |= known
    return sorted(methods - {"*"})


async def _close_streams(app: web.Application) -> None:
    app[CLOSING].set()
