"""Drafts: the bytes of saves that were refused or failed, so that nobody's work is lost."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from shared.core.file import Caller, Content

DRAFTS_PER_FILE: Final = 50
"""Most drafts that are kept of one file; past that the oldest goes."""
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
    """The bytes are kept under this id; `is_new` False if an equal draft was there already, so the key isn't needed."""

    draft_id: str
    is_new: bool


@dataclass(frozen=True, slots=True)
class DraftDiscarded:
    """The draft is gone."""
