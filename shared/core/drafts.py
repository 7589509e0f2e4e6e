"""Drafts: the bytes of saves that were refused or failed, so that nobody's work is lost."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from shared.core.file import Caller, Content, File

DRAFTS_PER_FILE: Final = 50
"""Most drafts that are kept of one file; past that, whoever has most of them loses their oldest."""
DRAFT_LIFETIME: Final = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Draft:
    """What somebody tried to save, and why it didn't become the file's content."""

    draft_id: str
    file_id: str
    file_name: str
    base_version: int
    """The file's version when the save was refused."""
    content: Content
    saved_by: Caller
    refused_at: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class DraftKept:
    """The bytes are kept under this id; `is_new` False if an equal draft was there already, so the key isn't needed.

    The id is "" if no draft is needed: there are no bytes, or the file itself keeps them.
    """

    draft_id: str
    is_new: bool


@dataclass(frozen=True, slots=True)
class DraftDiscarded:
    """The draft is gone."""


def is_same(one: Content, other: Content) -> bool:
    """Whether two contents are equal byte for byte."""
    return (one.sha256, one.size_bytes) == (other.sha256, other.size_bytes)


def needs_no_draft(file: File, content: Content) -> bool:
    """Whether nothing would be lost with the bytes: they are none, or the file has them now or as a former version."""
    if content.size_bytes == 0:
        return True
    return file.deleted_at is None and any(is_same(one.content, content) for one in (file.current, *file.former))


def outlived(drafts: Sequence[Draft], max_age: timedelta, now: datetime) -> tuple[Draft, ...]:
    """Those of one file's drafts (the oldest first) that are to go: too old, or more than DRAFTS_PER_FILE.

    One user's many drafts never push out another's few: whoever may see a file can have saves of it refused.
    """
    going = [draft for draft in drafts if now - draft.refused_at > max_age]
    kept = [draft for draft in drafts if now - draft.refused_at <= max_age]
    while len(kept) > DRAFTS_PER_FILE:
        counts = Counter(draft.saved_by.user_id for draft in kept)
        most = max(counts.values())
        surplus = next(draft for draft in kept if counts[draft.saved_by.user_id] == most)
        kept.remove(surplus)
        going.append(surplus)
    return tuple(going)
