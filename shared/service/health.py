"""Whether a process could do its work: whether all that it depends on answers."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Final

import orjson

from shared.core.errors import LecternError

PATIENCE: Final = timedelta(seconds=3)
"""How long a dependency may take to answer."""
Ready = Callable[[], Awaitable[None]]
"""Returns if the dependency answers; raises LecternError with the reason if it doesn't."""


async def readiness(dependencies: Mapping[str, Ready]) -> tuple[bool, bytes]:
    """Whether all dependencies answer, and a JSON text that says which one doesn't, and why."""
    faults = await asyncio.gather(*(_fault(is_ready) for is_ready in dependencies.values()))
    by_name = dict(zip(dependencies, faults, strict=True))
    body = {
        "status": "not ready" if any(faults) else "ready",
        "dependencies": {name: fault or "ready" for name, fault in by_name.items()},
    }
    return not any(faults), orjson.dumps(body)


async def _fault(is_ready: Ready) -> str:
    """Why a dependency isn't ready; "" if it is."""
    try:
        async with asyncio.timeout(PATIENCE.total_seconds()):
            await is_ready()
    except LecternError as error:
        return str(error)
    except TimeoutError:
        return f"no answer within {PATIENCE.total_seconds():g} seconds"
    return ""
