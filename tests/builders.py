"""Valid objects for tests, of which a test names only what matters to it."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from shared.core.file import Caller, Content, File, Lock, Version
from shared.core.permissions import Grant, Role
from shared.core.users import User

NOON = datetime(2026, 3, 2, 12, 0, 0, 123456, tzinfo=UTC)
"""The time at which tests begin."""
ANN = Caller("ann", "tests", "session1")


class Clock:
    """A clock that stands still until a test moves it."""

    def __init__(self, at: datetime = NOON) -> None:
        self.at = at

    def __call__(self) -> datetime:
        return self.at

    def move(self, by: timedelta) -> None:
        """Let time pass."""
        self.at += by


def a_content(
    key: str = "key1", size_bytes: int = 5, sha256: str = "LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ="
) -> Content:
    """Bytes that are said to be under `key`: those of "hello"."""
    return Content(key, size_bytes, sha256)


def a_version(number: int = 1, **fields: Any) -> Version:
    """A version saved by Ann at noon."""
    return Version(**{"number": number, "content": a_content(), "saved_at": NOON, "saved_by": ANN, **fields})


def a_lock(lock_id: str = "lock-a", **fields: Any) -> Lock:
    """A lock that Ann took at noon."""
    defaults = {"taken_at": NOON, "taken_by": ANN, "refreshed_at": NOON, "refreshed_by": ANN}
    return Lock(**{"lock_id": lock_id, "expires_at": NOON + timedelta(minutes=30), **defaults, **fields})


def a_file(file_id: str = "f1", **fields: Any) -> File:
    """Ann's unlocked Report.docx in the root, with five bytes."""
    defaults = {
        "container_id": "root",
        "name": "Report.docx",
        "owner_id": "ann",
        "created_at": NOON,
        "current": a_version(),
    }
    return File(**{"file_id": file_id, **defaults, **fields})


def a_user(user_id: str = "ann", base_role: Role = Role.EDITOR, **fields: Any) -> User:
    """A user who may edit everything that no grant says otherwise of."""
    return User(
        **{
            "user_id": user_id,
            "sign_in_name": user_id,
            "friendly_name": user_id.title(),
            "base_role": base_role,
            **fields,
        }
    )


def a_grant(user_id: str = "ann", role: Role = Role.EDITOR) -> Grant:
    """A grant."""
    return Grant(user_id, role)


def an_envelope(at: datetime = NOON, user_id: str = "ann", command_id: str | None = None) -> dict[str, Any]:
    """What every command carries; spread it into one."""
    return {
        "command_id": command_id or uuid.uuid4().hex,
        "deadline": at + timedelta(seconds=30),
        "caller": Caller(user_id, "tests", "session1"),
        "correlation_id": "test",
    }
