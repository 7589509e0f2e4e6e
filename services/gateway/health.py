"""What those who run the host ask it: is it alive, do its dependencies answer, what has it counted.

Spec: ARCHITECTURE > Contracts.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Final

import orjson
from aiohttp import web

from services.gateway.context import GATEWAY
from services.gateway.wopi.dispatch import OPERATION
from shared.core.errors import LecternError
from shared.service.metrics import CONTENT_TYPE

PATIENCE: Final = timedelta(seconds=3)
"""How long a dependency may take to answer."""

_NO_STORE: Final = {"Cache-Control": "no-store"}


async def healthz(request: web.Request) -> web.Response:
    """GET /healthz: 200 as long as the process answers at all."""
    request[OPERATION] = "healthz"
    return web.json_response({"status": "ok"}, headers=_NO_STORE)


async def readyz(request: web.Request) -> web.Response:
    """GET /readyz: 200 if bus, metadata and content answer, else 503; says which one doesn't, and why."""
    request[OPERATION] = "readyz"
    gateway = request.app[GATEWAY]
    faults = await asyncio.gather(
        _fault(gateway.bus.is_ready), _fault(gateway.metadata.is_ready), _fault(gateway.content.is_ready)
    )
    by_name = dict(zip(("bus", "metadata", "content"), faults, strict=True))
    is_ready = not any(faults)
    body = {
        "status": "ready" if is_ready else "not ready",
        "dependencies": {name: fault or "ready" for name, fault in by_name.items()},
    }
    return web.Response(
        status=200 if is_ready else 503,
        body=orjson.dumps(body),
        content_type="application/json",
        headers=_NO_STORE,
    )


async def _fault(is_ready: Callable[[], Awaitable[None]]) -> str:
    """Why a dependency isn't ready; "" if it is."""
    try:
        async with asyncio.timeout(PATIENCE.total_seconds()):
            await is_ready()
    except LecternError as error:
        return str(error)
    except TimeoutError:
        return f"no answer within {PATIENCE.total_seconds():g} seconds"
    return ""


async def metrics(request: web.Request) -> web.Response:
    """GET /metrics: for Prometheus."""
    request[OPERATION] = "metrics"
    return web.Response(body=request.app[GATEWAY].metrics.render(), headers={"Content-Type": CONTENT_TYPE, **_NO_STORE})
