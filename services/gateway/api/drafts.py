"""Drafts: what somebody tried to save and couldn't. For those who may edit the file, and for the operator."""

from aiohttp import web

from services.gateway.access import file_access
from services.gateway.api.downloads import SAFE_DOWNLOAD, sent
from services.gateway.api.inputs import NoBody, NoQuery, RestoreWish
from services.gateway.api.operations import NO_STORE, AnyCall, Call, json_response, no_content
from services.gateway.api.refusals import refused
from services.gateway.api.resources import Drafts
from services.gateway.api.views import Views
from services.gateway.requests import envelope
from services.gateway.serving import attachment
from shared.core.contents import Saved
from shared.core.drafts import Draft
from shared.core.errors import NotFound
from shared.messages.commands import DiscardDraft, RestoreDraft


async def list_all_drafts(call: Call[NoQuery, NoBody]) -> web.Response:
    """List the drafts of all files, the oldest first."""
    views = Views(call.gateway, call.user)
    return json_response(Drafts(items=[await views.draft(one) for one in await call.gateway.metadata.drafts.all()]))


async def list_drafts(call: Call[NoQuery, NoBody]) -> web.Response:
    """List the drafts of a file, the oldest first."""
    access = await call.file()
    drafts = await call.gateway.metadata.drafts.of_file(access.file.file_id)
    views = Views(call.gateway, call.user)
    return json_response(Drafts(items=[await views.draft(one) for one in drafts]))


async def get_draft(call: Call[NoQuery, NoBody]) -> web.Response:
    """Read what is known of a draft."""
    return json_response(await Views(call.gateway, call.user).draft(await _draft(call)))


async def get_draft_content(call: Call[NoQuery, NoBody]) -> web.StreamResponse:
    """Download the bytes of a draft, or a range of them."""
    draft = await _draft(call)
    headers = NO_STORE | SAFE_DOWNLOAD | {"Content-Disposition": attachment(draft.file_name)}
    return await sent(call.request, draft.content, headers)


async def restore_draft(call: Call[NoQuery, RestoreWish]) -> web.Response:
    """Make a draft the file's content, as a new version, and let go of the draft."""
    draft = await _draft(call)
    command = RestoreDraft(
        file_id=draft.file_id,
        draft_id=draft.draft_id,
        expected_version=call.body.expected,
        **envelope(call.request),
    )
    match await call.gateway.bus.request(command):
        case Saved():
            access = await file_access(call.gateway, call.user, draft.file_id)
            return json_response(await Views(call.gateway, call.user).file(access))
        case refusal:
            raise refused(refusal)


async def discard_draft(call: Call[NoQuery, NoBody]) -> web.Response:
    """Let go of a draft."""
    draft = await _draft(call)
    command = DiscardDraft(file_id=draft.file_id, draft_id=draft.draft_id, **envelope(call.request))
    await call.gateway.bus.request(command)
    return no_content()


async def _draft(call: AnyCall) -> Draft:
    """The draft that the path names. Raises NotFound if there is none, or if this user may not edit its file."""
    draft = await call.gateway.metadata.drafts.find(call.id("draft_id"))
    if draft is None:
        raise NotFound("there is no such draft")
    if not call.is_operator:  # who finds drafts of deleted files, too
        await _refuse_stranger(call, draft)
    return draft


async def _refuse_stranger(call: AnyCall, draft: Draft) -> None:
    try:
        await file_access(call.gateway, call.user, draft.file_id, call.least)
    except NotFound:
        raise NotFound("there is no such draft") from None
