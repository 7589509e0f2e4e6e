"""What becomes of bytes that arrived whole but didn't become the file's content: nobody's work is thrown away.

Once a command that was accepted names a key, the storage service looks after it. Here a key is removed only when no
command was, so that nothing can refer to it. Wherever that isn't certain, because a service didn't answer in time or
broke off, the key is left to the sweeper, which asks the metadata.
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
    draft_id = uuid.uuid4().hex
    command = KeepDraft(file_id=file_id, draft_id=draft_id, content=content, reason=reason, **envelope(request))
    try:
        await request_patiently(gateway, command)
    except NotFound:
        if is_unreferred:
            await discard(gateway, content)
    except LecternError as error:
        correlation_id = request[CORRELATION_ID]
        get_logger().error("draft_not_kept", correlation_id=correlation_id, file_id=file_id, reason=str(error))


async def discard(gateway: Gateway, content: Content) -> None:
    """Remove bytes that nothing refers to. Where that fails, the sweeper does it later."""
    if content.key:
        with suppress(LecternError):
            await gateway.content.delete(content.key)
