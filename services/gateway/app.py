"""The gateway as a web application: every route, and who answers it."""

from aiohttp import web

from services.gateway.api.routes import add_api, methods_of
from services.gateway.context import GATEWAY, Gateway
from services.gateway.health import healthz, metrics, readyz
from services.gateway.middlewares import DISPATCH, LINES, name_the_host, observed
from services.gateway.pages.routes import add_pages
from services.gateway.uploads import expect_later
from services.gateway.wopi import containers, ecosystem
from services.gateway.wopi.bootstrapper import bootstrap
from services.gateway.wopi.dispatch import Dispatch, Table, segments
from services.gateway.wopi.downloads import DOWNLOAD_PATH, download
from services.gateway.wopi.files import FILE_INFOS
from services.gateway.wopi.info import FileInfos
from services.gateway.wopi.operations import FILE_OPERATIONS
from shared.service.logging import InfoLines


def make_app(gateway: Gateway) -> web.Application:
    """All of the host's HTTP: the protocol, the REST API, the pages, and what those who run it ask."""
    app = web.Application(middlewares=[observed])
    app[GATEWAY] = gateway
    app[LINES] = InfoLines("request")
    app[FILE_INFOS] = FileInfos(gateway)
    app[DISPATCH] = Dispatch(
        files=Table(FILE_OPERATIONS),
        containers=Table(containers.OPERATIONS),
        ecosystem=Table(ecosystem.OPERATIONS),
    )
    app.on_response_prepare.append(name_the_host)
    for beginning in gateway.addresses.beginnings:
        add_protocol(app, beginning)
    add_api(app)
    add_pages(app)
    app.router.add_route("*", "/{rest:.*}", unknown_address, expect_handler=expect_later)
    return app


def add_protocol(app: web.Application, beginning: str) -> None:
    """The protocol's own addresses, and those for people who run the host, below `beginning`."""
    router = app.router
    protocol = Below(f"{beginning}/wopi")
    protocol.add_route("*", app[DISPATCH].__call__, expect_handler=expect_later)
    router.register_resource(protocol)
    router.add_route("GET", f"{beginning}/wopibootstrapper", bootstrap, expect_handler=expect_later)
    router.add_route("POST", f"{beginning}/wopibootstrapper", bootstrap, expect_handler=expect_later)
    router.add_get(beginning + DOWNLOAD_PATH, download, expect_handler=expect_later)
    router.add_get(f"{beginning}/healthz", healthz, expect_handler=expect_later)
    router.add_get(f"{beginning}/readyz", readyz, expect_handler=expect_later)
    router.add_get(f"{beginning}/metrics", metrics, expect_handler=expect_later)


class Below(web.PlainResource):
    """All addresses below a path. A pattern of aiohttp would be matched and decoded anew for each request, unused."""

    def _match(self, path: str) -> dict[str, str] | None:
        return {} if len(path) > len(self.canonical) + 1 and path.startswith(self.canonical + "/") else None


async def unknown_address(request: web.Request) -> web.StreamResponse:
    """All other addresses: the protocol's, if they look like it, else 404; 405 if only the method is wrong.

    It is a route of its own because aiohttp, left to itself, meets a request that it knows no route for with its own
    reading of Expect, which some bytes in that header break.
    """
    if segments(request.path):
        return await request.app[DISPATCH](request)
    allowed = await methods_of(request)
    if allowed:
        raise web.HTTPMethodNotAllowed(request.method, allowed)
    raise web.HTTPNotFound
