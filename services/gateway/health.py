"""What those who run the host ask it: is it alive, do its dependencies answer, what has it counted.

Spec: ARCHITECTURE > Contracts.
"""

from collections.abc import Mapping
from typing import Final

from aiohttp import web

from services.gateway.context import GATEWAY, Gateway
from services.gateway.wopi.dispatch import OPERATION
from shared.service.health import Ready, faults_of, readiness
from shared.service.metrics import CONTENT_TYPE

_NO_STORE: Final = {"Cache-Control": "no-store"}


async def healthz(request: web.Request) -> web.Response:
    """GET /healthz: 200 as long as the process answers at all."""
    request[OPERATION] = "healthz"
    return web.json_response({"status": "ok"}, headers=_NO_STORE)


async def readyz(request: web.Request) -> web.Response:
    """GET /readyz: 200 if bus, metadata and content answer, else 503; says which one doesn't, and why."""
    request[OPERATION] = "readyz"
    is_ready, body = await readiness(_dependencies(request.app[GATEWAY]))
    return web.Response(
        status=200 if is_ready else 503,
        body=body,
        content_type="application/json",
        headers=_NO_STORE,
    )


async def metrics(request: web.Request) -> web.Response:
    """GET /metrics: for Prometheus."""
    request[OPERATION] = "metrics"
    gateway = request.app[GATEWAY]
    for name, fault in (await faults_of(_dependencies(gateway))).items():
        gateway.metrics.ready(name, not fault)
    return web.Response(body=gateway.metrics.render(), headers={"Content-Type": CONTENT_TYPE, **_NO_STORE})


def _dependencies(gateway: Gateway) -> Mapping[str, Ready]:
    return {
        "bus": gateway.bus.is_ready,
        "metadata": gateway.metadata.is_ready,
        "content": gateway.content.is_ready,
    }
