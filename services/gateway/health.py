"""What those who run the host ask it: is it alive, do its dependencies answer, what has it counted.

Spec: ARCHITECTURE > Contracts.
"""

from typing import Final

from aiohttp import web

from services.gateway.context import GATEWAY
from services.gateway.wopi.dispatch import OPERATION
from shared.service.health import readiness
from shared.service.metrics import CONTENT_TYPE

_NO_STORE: Final = {"Cache-Control": "no-store"}


async def healthz(request: web.Request) -> web.Response:
    """GET /healthz: 200 as long as the process answers at all."""
    request[OPERATION] = "healthz"
    return web.json_response({"status": "ok"}, headers=_NO_STORE)


async def readyz(request: web.Request) -> web.Response:
    """GET /readyz: 200 if bus, metadata and content answer, else 503; says which one doesn't, and why."""
    request[OPERATION] = "readyz"
    gateway = request.app[GATEWAY]
    is_ready, body = await readiness(
        {
            "bus": gateway.bus.is_ready,
            "metadata": gateway.metadata.is_ready,
            "content": gateway.content.is_ready,
        }
    )
    return web.Response(
        status=200 if is_ready else 503,
        body=body,
        content_type="application/json",
        headers=_NO_STORE,
    )


async def metrics(request: web.Request) -> web.Response:
    """GET /metrics: for Prometheus."""
    request[OPERATION] = "metrics"
    return web.Response(body=request.app[GATEWAY].metrics.render(), headers={"Content-Type": CONTENT_TYPE, **_NO_STORE})
