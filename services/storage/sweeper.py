"""What storage cleans up by itself: old versions and drafts, leftovers of deleted files, bytes that nobody refers to."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from services.storage.drafts import let_go
from services.storage.releasing import release, unreferenced
from shared.core.contents import Retention, decide_prune_versions
from shared.core.errors import Contended, NotFound
from shared.ports.content import ContentStore
from shared.ports.metadata import Metadata
from shared.service.metrics import Swept
from shared.service.transact import REMEMBERED_FOR, transition

_BATCH: Final = 200


async def sweep(
    metadata: Metadata,
    content: ContentStore,
    retention: Retention,
    drafts_max_age: timedelta,
    orphan_grace: timedelta,
    now: datetime,
) -> dict[Swept, int]:
    """One round; says how much went.

    `orphan_grace` is how old unreferenced bytes must be: older than any upload that is still under way can be, from its
    last byte to the command that makes a file refer to them. With no upload under way it can be nothing.
    """
    return {
        Swept.FORMER_VERSIONS: await _prune_versions(metadata, content, retention, now),
        Swept.DRAFTS: await _prune_drafts(metadata, content, now - drafts_max_age),
        Swept.DELETED_LEFTOVERS: await _forget_deleted(metadata, now - REMEMBERED_FOR),
        Swept.ORPHANED_CONTENT: await _remove_orphans(metadata, content, now - orphan_grace),
    }


async def _prune_versions(metadata: Metadata, content: ContentStore, retention: Retention, now: datetime) -> int:
    total = 0
    while True:
        file_ids = await metadata.files.with_former_before(now - retention.max_age, _BATCH)
        gone = 0
        for file_id in file_ids:
            gone += await _prune(metadata, content, file_id, retention, now)
        total += gone
        if len(file_ids) < _BATCH or gone == 0:
            return total


async def _prune(metadata: Metadata, content: ContentStore, file_id: str, retention: Retention, now: datetime) -> int:
    try:
        done = await transition(metadata.files, file_id, lambda file: decide_prune_versions(file, retention, now), now)
    except (NotFound, Contended):  # deleted, or being saved right now: the next round sees to it
        return 0
    await release(content, unreferenced(done))
    return done.outcome


async def _prune_drafts(metadata: Metadata, content: ContentStore, before: datetime) -> int:
    total = 0
    while drafts := await metadata.drafts.all(before=before, limit=_BATCH):
        for draft in drafts:
            await let_go(metadata.drafts, content, draft)
        total += len(drafts)
    return total


async def _forget_deleted(metadata: Metadata, before: datetime) -> int:
    total = 0
    while gone := await metadata.files.forget_deleted(before, _BATCH):
        total += gone
    return total


async def _remove_orphans(metadata: Metadata, content: ContentStore, written_before: datetime) -> int:
    total = 0
    async for stored in content.keys(written_before):
        orphans = await _unreferred(metadata, [one.key for one in stored])
        await release(content, orphans)
        total += len(orphans)
    return total


async def _unreferred(metadata: Metadata, keys: Sequence[str]) -> list[str]:
    # A key never goes from a draft to a file or back, so that the two questions need not be asked at one moment.
    in_use = await metadata.files.content_in_use(keys) | await metadata.drafts.content_in_use(keys)
    return [key for key in keys if key not in in_use]
