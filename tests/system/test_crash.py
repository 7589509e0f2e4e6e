"""A host that is killed in the middle of saving: what was confirmed is there, and nothing else is left over."""

import asyncio
import hashlib
import http.client
import json
import os
import random
import threading
from base64 import b64decode
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

from shared.adapters.embedded.folder_content import FolderContent
from shared.adapters.embedded.sqlite_metadata import SqliteMetadata
from tests.system.processes import Serving, wait_until

Start = Callable[..., Serving]

WRITERS = 4
ROUNDS = 5
LOCK = "crash-lock"


@dataclass
class Writer:
    """Saves one file again and again, and remembers what was confirmed."""

    url: str
    path: str
    token: str
    confirmed: bytes = b""
    tried: bytes = b""
    version: str = ""
    saves: int = 0
    faults: list[str] = field(default_factory=list)

    def run(self) -> None:
        """Save until the host is gone."""
        with closing(http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=30)) as connection:
            try:
                while True:
                    self._save(connection)
            except (OSError, http.client.HTTPException):
                return

    def _save(self, connection: http.client.HTTPConnection) -> None:
        self.tried = os.urandom(random.choice((100, 20_000, 1_500_000)))  # noqa: S311 - no secret
        headers = {"X-WOPI-Override": "PUT", "X-WOPI-Lock": LOCK}
        connection.request("POST", f"{self.path}/contents?access_token={self.token}", self.tried, headers)
        answer = connection.getresponse()
        answer.read()
        if answer.status != 200:
            self.faults.append(f"{answer.status} {answer.headers}")
            raise http.client.HTTPException("refused")
        self.confirmed, self.version = self.tried, answer.headers["X-WOPI-ItemVersion"]
        self.saves += 1

    def ask(self, method: str, suffix: str = "", **headers: str) -> tuple[int, http.client.HTTPMessage, bytes]:
        """One request."""
        connection = http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=30)
        wopi = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, f"{self.path}{suffix}?access_token={self.token}", headers=wopi)
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        return answer.status, answer.headers, body


def writers_on(host: Serving, local: Path) -> list[Writer]:
    """Each with a locked file of its own."""
    made = []
    for number in range(WRITERS):
        name = f"/file{number}.docx"
        host.said("put", str(local), name)
        minted = host.json("token", "--user", "ann", "--path", name)
        writer = Writer(host.url, urlsplit(minted["wopi_src"]).path, minted["access_token"])
        status, _, _ = writer.ask("POST", X_WOPI_Override="LOCK", X_WOPI_Lock=LOCK)
        assert status == 200
        made.append(writer)
    return made


def save_until_killed(host: Serving, writers: list[Writer], saves: int) -> None:
    """Let all save at once, and kill the host when so many saves have been confirmed."""
    before = sum(writer.saves for writer in writers)
    threads = [threading.Thread(target=writer.run) for writer in writers]
    for thread in threads:
        thread.start()
    wait_until(lambda: sum(writer.saves for writer in writers) >= before + saves)
    host.kill()
    for thread in threads:
        thread.join(30)
    assert [writer.faults for writer in writers if writer.faults] == []


def test_every_confirmed_save_and_lock_survives_being_killed_at_any_moment(
    serving: Serving, start: Start, tmp_path: Path
) -> None:
    local = tmp_path / "local.docx"
    local.write_bytes(b"at first")
    writers = writers_on(serving, local)
    running = serving

    for _ in range(ROUNDS):
        save_until_killed(running, writers, random.randrange(1, 60))  # noqa: S311 - no secret
        running = start(serving.folder)
        for writer in writers:
            writer.url = running.url
            check(writer)

    assert running.stop() == 0
    assert asyncio.run(stray_keys(serving.folder)) == (set(), set())


def check(writer: Writer) -> None:
    """The content is what was confirmed last, or what was on its way when the host was killed."""
    status, headers, body = writer.ask("GET", "/contents")
    assert status == 200
    assert body in {writer.confirmed, writer.tried}, (len(body), len(writer.confirmed), len(writer.tried))
    if body == writer.confirmed:
        assert headers["X-WOPI-ItemVersion"] == writer.version
    _, _, raw = writer.ask("GET")
    info = json.loads(raw)
    assert info["Size"] == len(body)
    assert hashlib.sha256(body).digest() == b64decode(info["SHA256"])
    _, headers, _ = writer.ask("POST", X_WOPI_Override="GET_LOCK")
    assert headers["X-WOPI-Lock"] == LOCK


async def stray_keys(folder: Path) -> tuple[set[str], set[str]]:
    """Keys that hold bytes but that nothing refers to, and keys that a file refers to but that hold none."""
    content = FolderContent(folder / "content")
    async with SqliteMetadata(folder) as store:
        keys = {one.key async for batch in content.keys(datetime.now(UTC) + timedelta(days=1)) for one in batch}
        used = await store.metadata.files.content_in_use(keys) | await store.metadata.drafts.content_in_use(keys)
        referred: set[str] = set()
        for head in await store.metadata.files.saved_since(datetime(2000, 1, 1, tzinfo=UTC)):
            loaded = await store.metadata.files.load(head.file_id)
            referred |= loaded.state.content_keys()
    await content.close()
    return keys - used, referred - keys


def test_uploads_that_a_crash_broke_off_are_gone_after_the_next_start(serving: Serving, start: Start) -> None:
    connection = http.client.HTTPConnection(urlsplit(serving.url).netloc, timeout=30)
    connection.putrequest("PUT", "/api/v1/containers/root/files/half.bin")
    connection.putheader("Authorization", f"Bearer {serving.key}")
    connection.putheader("Content-Type", "application/octet-stream")
    connection.putheader("Content-Length", str(20_000_000))
    connection.endheaders()
    connection.send(b"x" * 10_000_000)
    content = serving.folder / "content"
    wait_until(lambda: any(path.is_file() and path.stat().st_size > 1_000_000 for path in content.rglob("*")))

    serving.kill()
    connection.close()
    after = start(serving.folder)

    assert "half.bin" not in after.said("ls", "/")
    assert after.stop() == 0
    assert asyncio.run(stray_keys(serving.folder)) == (set(), set())
