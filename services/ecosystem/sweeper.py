"""What the ecosystem service cleans up by itself: deletions that broke off, leftovers of deleted containers, old dead
letters."""

from datetime import datetime, timedelta
from typing import Final

from shared.core.containers import decide_reopen_container
from shared.core.errors import Contended, NotFound
from shared.ports.metadata import Metadata
from shared.service.metrics import Swept
from shared.service.transact import REMEMBERED_FOR, transact

_BATCH: Final = 200


async def sweep(metadata: Metadata, letters_max_age: timedelta, now: datetime) -> dict[Swept, int]:
    """One round; says how much went.

    A container whose deletion broke off opens again: whoever asked for it has been told that it failed. A deletion that
    is under way in this moment notices, and begins anew.
    """
    return {
        Swept.BROKEN_DELETIONS: await _reopen(metadata, now),
        Swept.DELETED_LEFTOVERS: await _forget_deleted(metadata, now - REMEMBERED_FOR),
        Swept.DEAD_LETTERS: await metadata.webhooks.forget_letters(now - letters_max_age),
    }


async def _reopen(metadata: Metadata, now: datetime) -> int:
    reopened = 0
    for container in await metadata.containers.closing():
        try:
            reopened += await transact(metadata.containers, container.container_id, decide_reopen_container, now)
        except (NotFound, Contended):  # the deletion is under way after all
            continue
    return reopened


async def _forget_deleted(metadata: Metadata, before: datetime) -> int:
    total = 0
    while gone := await metadata.containers.forget_deleted(before, _BATCH):
        total += gone
    return total
