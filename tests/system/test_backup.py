"""A backup that is made as docs/operations.md says, while the host runs, restores to the same documents."""

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from tests.system.processes import Serving


def test_a_backup_of_a_running_host_restores_to_the_same_documents(
    serving: Serving, start: Callable[..., Serving], tmp_path: Path
) -> None:
    (tmp_path / "a.txt").write_text("one")
    serving.said("put", "a.txt", "/", cwd=tmp_path)
    backup = tmp_path / "backup"
    backup.mkdir()

    with (
        closing(sqlite3.connect(serving.folder / "metadata.sqlite3")) as source,
        closing(sqlite3.connect(backup / "metadata.sqlite3")) as copy,
    ):
        source.backup(copy)
    shutil.copytree(serving.folder / "content", backup / "content")
    for name in ("token_secret", "api_key"):
        shutil.copy(serving.folder / name, backup)
    serving.said("rm", "/a.txt")
    restored = start(backup)

    assert restored.said("get", "/a.txt", "-") == "one"
    assert restored.json("ls", "/Samples") == serving.json("ls", "/Samples")
    assert restored.key == serving.key
