"""Letting go of bytes that nothing refers to any more."""

from collections.abc import Iterable

from shared.core.contents import Saved
from shared.core.errors import Unavailable
from shared.core.file import Content, File
from shared.core.files import Created
from shared.ports.content import ContentStore
from shared.service.logging import get_logger
from shared.service.transact import Transition

_log = get_logger()


async def release(content: ContentStore, keys: Iterable[str]) -> None:
    """Remove the bytes of keys that nothing refers to. What can't be removed now, the sweeper will."""
    for key in keys:
        if not key:  # no bytes
            continue
        try:
            await content.delete(key)
        except Unavailable as error:
            _log.warning("content_not_removed", key=key, reason=str(error))


def lets_upload_go(outcome: object) -> bool:
    """Whether the outcome is a success that needs no new bytes.

    It is remembered although it changes nothing: the uploaded key is then removed, and a redelivered command must not
    decide anew on a file that has changed since, and switch it to that key.
    """
    match outcome:
        case Saved(is_new_version=is_needed) | Created(is_new_content=is_needed):
            return not is_needed
        case _:
            return False


def unreferenced(done: Transition[File, object], uploaded: Content | None = None) -> frozenset[str]:
    """Keys that nothing refers to since that step; `uploaded` is the content that came with an accepted command.

    Contents belong to one file alone, so that its document tells all, also after a repetition: the upload is in use, or
    it isn't needed any more.
    """
    keys = done.former.content_keys()
    if uploaded is not None and uploaded.key:
        keys |= {uploaded.key}
    return keys - done.state.content_keys()
