"""The tables of the embedded host, and how its database file is opened.

Each document has its columns for finding it and its whole state as JSON in `body`. What grows with a document (former
versions, remembered commands) has rows of its own, so that a change of the lock writes one small row. Moments are whole
microseconds since 1970-01-01 UTC. Events lie in the order in which they were committed: the table is the stream.
"""

import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from shared.core.errors import Unavailable

VERSION: Final = 2
_APPLICATION_ID: Final = 0x4C454354  # "LECT": tells `file` and us that the database is ours

_SCHEMA: Final = """
CREATE TABLE files (
    id TEXT NOT NULL PRIMARY KEY,
    revision INTEGER NOT NULL,
    sequence INTEGER NOT NULL,
    parent_id TEXT NOT NULL,
    name_key TEXT NOT NULL,
    deleted_at INTEGER,
    content_key TEXT NOT NULL,
    saved_at INTEGER NOT NULL,
    lock_expires_at INTEGER,
    body BLOB NOT NULL
);
CREATE UNIQUE INDEX files_by_name ON files (parent_id, name_key) WHERE deleted_at IS NULL;
CREATE INDEX files_by_content ON files (content_key) WHERE deleted_at IS NULL;
CREATE INDEX files_by_save ON files (saved_at) WHERE deleted_at IS NULL;
CREATE INDEX files_by_lock ON files (lock_expires_at) WHERE deleted_at IS NULL AND lock_expires_at IS NOT NULL;
CREATE INDEX files_deleted ON files (deleted_at) WHERE deleted_at IS NOT NULL;

CREATE TABLE totals (
    files INTEGER NOT NULL
);
INSERT INTO totals VALUES (0);

CREATE TABLE former_versions (
    file_id TEXT NOT NULL,
    number INTEGER NOT NULL,
    replaced_at INTEGER NOT NULL,
    content_key TEXT NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY (file_id, number)
) WITHOUT ROWID;
CREATE INDEX former_versions_by_age ON former_versions (replaced_at);
CREATE INDEX former_versions_by_content ON former_versions (content_key);

CREATE TABLE containers (
    id TEXT NOT NULL PRIMARY KEY,
    revision INTEGER NOT NULL,
    sequence INTEGER NOT NULL,
    parent_id TEXT NOT NULL,
    name_key TEXT NOT NULL,
    deleted_at INTEGER,
    closing INTEGER NOT NULL,
    body BLOB NOT NULL
);
CREATE UNIQUE INDEX containers_by_name ON containers (parent_id, name_key) WHERE deleted_at IS NULL;
CREATE INDEX containers_closing ON containers (id) WHERE closing AND deleted_at IS NULL;
CREATE INDEX containers_deleted ON containers (deleted_at) WHERE deleted_at IS NOT NULL;

CREATE TABLE files_applied (
    id TEXT NOT NULL,
    revision INTEGER NOT NULL,
    place INTEGER NOT NULL,
    command_id TEXT NOT NULL,
    applied_at INTEGER NOT NULL,
    outcome BLOB NOT NULL,
    PRIMARY KEY (id, command_id)
) WITHOUT ROWID;
CREATE TABLE containers_applied (
    id TEXT NOT NULL,
    revision INTEGER NOT NULL,
    place INTEGER NOT NULL,
    command_id TEXT NOT NULL,
    applied_at INTEGER NOT NULL,
    outcome BLOB NOT NULL,
    PRIMARY KEY (id, command_id)
) WITHOUT ROWID;

CREATE TABLE users (
    id TEXT NOT NULL PRIMARY KEY,
    body BLOB NOT NULL
);

CREATE TABLE drafts (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    file_id TEXT NOT NULL,
    refused_at INTEGER NOT NULL,
    content_key TEXT NOT NULL,
    body BLOB NOT NULL
);
CREATE INDEX drafts_by_file ON drafts (file_id, refused_at);
CREATE INDEX drafts_by_age ON drafts (refused_at);
CREATE INDEX drafts_by_content ON drafts (content_key);

CREATE TABLE events (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    occurred_at INTEGER NOT NULL,
    body BLOB NOT NULL
);
"""

_WEBHOOKS: Final = """
CREATE TABLE webhooks (
    id TEXT NOT NULL PRIMARY KEY,
    revision INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    body BLOB NOT NULL
);

CREATE TABLE webhook_progress (
    id TEXT NOT NULL PRIMARY KEY,
    holder TEXT NOT NULL,
    held_until INTEGER NOT NULL,
    body BLOB NOT NULL
);

CREATE TABLE dead_letters (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    webhook_id TEXT NOT NULL,
    letter_id TEXT NOT NULL,
    failed_at INTEGER NOT NULL,
    waiting INTEGER NOT NULL,
    body BLOB NOT NULL,
    UNIQUE (webhook_id, letter_id)
);
CREATE INDEX dead_letters_by_age ON dead_letters (failed_at);
CREATE INDEX dead_letters_waiting ON dead_letters (webhook_id, number) WHERE waiting = 1;
"""

_STEPS: Final = (_SCHEMA, _WEBHOOKS)
"""What makes form 1 of the database out of nothing, form 2 out of form 1, and so on."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


def micros(moment: datetime) -> int:
    """The moment as a column holds it."""
    return (moment - _EPOCH) // _MICROSECOND


def moment(micros_since_epoch: int) -> datetime:
    """The moment in a column."""
    return _EPOCH + micros_since_epoch * _MICROSECOND


def connect(path: Path) -> sqlite3.Connection:
    """A connection whose commits are durable when they return. Transactions are begun and ended by hand."""
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, cached_statements=256)
    for pragma in (
        "journal_mode = WAL",
        "synchronous = FULL",
        "fullfsync = ON",  # macOS: fsync alone doesn't reach the disk there
        "cache_size = -16384",
        "temp_store = MEMORY",
        "busy_timeout = 250",  # spent in the loop; only a tool that somebody runs on the file is ever in the way
        "journal_size_limit = 16777216",
        "trusted_schema = OFF",
    ):
        _ = connection.execute(f"PRAGMA {pragma}").fetchall()
    return connection


def prepare(connection: sqlite3.Connection) -> None:
    """Make the tables that a new or older database lacks. Raises Unavailable if this release can't use the database."""
    version, application_id = _pragma(connection, "user_version"), _pragma(connection, "application_id")
    if version == 0 and application_id == 0 and not connection.execute("SELECT 1 FROM sqlite_master").fetchall():
        _complete(connection, 0)
    elif application_id != _APPLICATION_ID:
        raise Unavailable("the database in the data folder is not one of Lectern's")
    elif 0 < version < VERSION:
        _complete(connection, version)
    elif version != VERSION:
        raise Unavailable(f"the database has form {version}; this release reads and writes form {VERSION}")


def _complete(connection: sqlite3.Connection, version: int) -> None:
    # One transaction, marks included: a process that dies in between leaves the database as it was.
    connection.executescript(
        f"BEGIN IMMEDIATE; {''.join(_STEPS[version:])}"
        f"PRAGMA application_id = {_APPLICATION_ID}; PRAGMA user_version = {VERSION}; COMMIT;"
    )


def _pragma(connection: sqlite3.Connection, name: str) -> Any:
    return connection.execute(f"PRAGMA {name}").fetchone()[0]
