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
    faults = await faults_of(dependencies)
    is_ready = not any(faults.values())
    body = {
        "status": "ready" if is_ready else "not ready",
        "dependencies": {name: fault or "ready" for name, fault in faults.items()},
    }
    return is_ready, orjson.dumps(body)


async def faults_of(dependencies: Mapping[str, Ready]) -> dict[str, str]:
    """Why each of the dependencies isn't ready; "" for one that is."""
    faults = await asyncio.gather(*(_fault(is_ready) for is_ready in dependencies.values()))
    return dict(zip(dependencies, faults, strict=True))


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
