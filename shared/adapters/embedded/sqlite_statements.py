"""The statements that the tables of files and of containers have in common."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Statements:
    """The statements of one table."""

    load: str
    applied: str
    remember: str
    forget_command: str
    exists: str
    insert: str
    update: str
    by_name: str
    siblings: str
    names_taken: str
    remove_deleted: str
    remove_applied: str


def statements(table: str, columns: Sequence[str]) -> Statements:
    """The statements for `table`, whose rows are found by `columns` besides their id."""

    def of_table(statement: str) -> str:
        return statement.replace("TABLE", table)

    return Statements(
        load=of_table("SELECT revision, sequence, body FROM TABLE WHERE id = ?"),
        applied=of_table(
            "SELECT command_id, applied_at, outcome FROM TABLE_applied WHERE id = ? ORDER BY revision, place"
        ),
        remember=of_table("INSERT INTO TABLE_applied VALUES (?, ?, ?, ?, ?, ?)"),
        forget_command=of_table("DELETE FROM TABLE_applied WHERE id = ? AND command_id = ?"),
        exists=of_table("SELECT 1 FROM TABLE WHERE id = ?"),
        insert=of_table("INSERT INTO TABLE (id, revision, sequence, body, COLUMNS) VALUES (?, 1, ?, ?, MARKS)")
        .replace("COLUMNS", ", ".join(columns))
        .replace("MARKS", ", ".join("?" for _ in columns)),
        update=of_table(
            "UPDATE TABLE SET revision = revision + 1, sequence = ?, body = ?COLUMNS WHERE id = ? AND revision = ?"
        ),
        by_name=of_table("SELECT id, body FROM TABLE WHERE parent_id = ? AND name_key = ? AND deleted_at IS NULL"),
        siblings=of_table(
            "SELECT id, body, name_key FROM TABLE"
            " WHERE parent_id = ? AND name_key > ? AND deleted_at IS NULL ORDER BY name_key LIMIT ?"
        ),
        names_taken=of_table(
            "SELECT name_key FROM TABLE WHERE parent_id = ? AND deleted_at IS NULL"
            " AND name_key IN (SELECT value FROM json_each(?))"
        ),
        remove_deleted=of_table(
            "DELETE FROM TABLE WHERE id IN (SELECT id FROM TABLE WHERE deleted_at < ? ORDER BY deleted_at LIMIT ?)"
            " RETURNING id"
        ),
        remove_applied=of_table("DELETE FROM TABLE_applied WHERE id = ?"),
    )
