"""What those who run a service ask it over HTTP: is it alive, do its dependencies answer, what has it counted."""

from collections.abc import Mapping
from typing import Final

from aiohttp import web

from shared.service.health import Ready, faults_of, readiness
from shared.service.metrics import CONTENT_TYPE, Metrics

_NO_STORE: Final = {"Cache-Control": "no-store"}


def make_operating_app(dependencies: Mapping[str, Ready], metrics: Metrics) -> web.Application:
    """All the HTTP of a service that isn't the gateway: /healthz, /readyz and /metrics."""

    async def healthz(_: web.Request) -> web.Response:
        return web.json_response({"status": "ok"}, headers=_NO_STORE)

    async def readyz(_: web.Request) -> web.Response:
        is_ready, body = await readiness(dependencies)
        status = 200 if is_ready else 503
        return web.Response(status=status, body=body, content_type="application/json", headers=_NO_STORE)

    async def counted(_: web.Request) -> web.Response:
        for name, fault in (await faults_of(dependencies)).items():
            metrics.ready(name, not fault)
        return web.Response(body=metrics.render(), headers={"Content-Type": CONTENT_TYPE, **_NO_STORE})

    app = web.Application()
    app.router.add_get("/healthz", healthz)
    app.router.add_get("/readyz", readyz)
    app.router.add_get("/metrics", counted)
    return app
