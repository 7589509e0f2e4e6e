"""What becomes of bytes that arrived whole but didn't become the file's content: nobody's work is thrown away.

A content key is removed here only when nothing can refer to it. Wherever that isn't certain, because a service didn't
answer in time or broke off, the key is left to the sweeper, which asks the metadata.
"""

import uuid
from contextlib import suppress

from aiohttp import web

from services.gateway.context import GATEWAY, Gateway
from services.gateway.patience import request_patiently
from services.gateway.requests import CORRELATION_ID, envelope
from shared.core.errors import LecternError, NotFound
from shared.core.file import Content
from shared.messages.commands import KeepDraft
from shared.service.logging import get_logger


async def keep_draft(
    request: web.Request, file_id: str, content: Content, reason: str, *, is_unreferred: bool = True
) -> None:
    """Keep the bytes as a draft of the file, with the reason why they aren't its content. Never raises LecternError.

    `is_unreferred` False if a command that would make the file refer to the bytes may yet have taken effect.
    """
    if not content.key:
        return
    gateway = request.app[GATEWAY]
    command = KeepDraft(file_id=file_id, draft_id=uuid.uuid4().hex, content=content, reason=reason, **envelope(request))
    try:
        kept = await request_patiently(gateway, command)
    except NotFound:
        is_needed = False
    except LecternError as error:
        get_logger().error(
            "draft.lost_sight_of", correlation_id=request[CORRELATION_ID], file_id=file_id, error=str(error)
        )
        return
    else:
        is_needed = kept.is_new
    if not is_needed and is_unreferred:
        await discard(gateway, content)


async def discard(gateway: Gateway, content: Content) -> None:
    """Remove bytes that nothing refers to. Where that fails, the sweeper does it later."""
    if content.key:
        with suppress(LecternError):
            await gateway.content.delete(content.key)
