"""Locks whose time is up: taken away, so that subscribers hear of the expiry even if nobody touches the file again."""

import asyncio
from datetime import datetime
from typing import Final

from shared.core.errors import Contended, NotFound
from shared.core.locks import decide_expire_lock
from shared.ports.metadata import Metadata
from shared.service.metrics import Swept
from shared.service.transact import transact

_BATCH: Final = 100
"""Locks that are taken away side by side."""


async def sweep(metadata: Metadata, now: datetime) -> dict[Swept, int]:
    """Take away all locks whose time is up at `now`; says how many went."""
    gone = 0
    while True:
        heads = await metadata.files.locked(expired_by=now, limit=_BATCH)
        expired = await asyncio.gather(*(_expire(metadata, head.file_id, now) for head in heads))
        gone += sum(expired)
        if len(heads) < _BATCH or not any(expired):
            return {Swept.EXPIRED_LOCKS: gone}


async def _expire(metadata: Metadata, file_id: str, now: datetime) -> bool:
    try:
        return await transact(metadata.files, file_id, lambda file: decide_expire_lock(file, now), now)
    except (NotFound, Contended):  # somebody is at the file right now, and meets the expired lock
        return False
