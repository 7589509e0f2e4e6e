"""The host under measurement: its files, and the requests that WOPI clients send for them."""

import hashlib
import itertools
import json
import os
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from measure import checked
from wire import Connection, request_head

JSON = {"Content-Type": "application/json"}
_serial = itertools.count()


@dataclass(frozen=True, slots=True)
class HostFile:
    """A file on the host, and the token of a user who may write it."""

    path: str
    token: str

    def target(self, suffix: str = "") -> str:
        """The request target of the file, or of its contents."""
        return f"{self.path}{suffix}?access_token={self.token}"


class Host:
    """The host's REST API, as far as it's needed to set up a measurement."""

    def __init__(self, url: str, key: str) -> None:
        self.port = urlsplit(url).port or 80
        self._url = url
        self._key = key

    def api(self, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None) -> Any:
        """One call."""
        request = urllib.request.Request(f"{self._url}/api/v1/{path}", body, method=method)  # noqa: S310 - our own URL
        for name, value in {"Authorization": f"Bearer {self._key}", **(headers or {})}.items():
            request.add_header(name, value)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=120) as answer:
            raw = answer.read()
        return json.loads(raw) if raw else None

    def file(self, name: str, content: bytes) -> HostFile:
        """Put a file into the root, and mint a token for it."""
        octets = {"Content-Type": "application/octet-stream"}
        made = self.api("PUT", f"containers/root/files/{name}", content, octets)
        return self.token({"file_id": made["id"]})

    def token(self, what: dict[str, str]) -> HostFile:
        """A token for a file that is there."""
        minted = self.api("POST", "tokens", json.dumps({"user": "bench", **what}).encode(), JSON)
        return HostFile(urlsplit(minted["wopi_src"]).path, minted["access_token"])


def opened_host(first_line: str, folder: Path) -> Host:
    """The host that has printed where it runs, with the key in its data folder."""
    url = next(word for word in first_line.split() if word.startswith("http://"))
    return Host(url, (folder / "api_key").read_text().strip())


async def check_file_info(connection: Connection, file: HostFile) -> int:
    """CheckFileInfo."""
    answer = await connection.request(request_head("GET", file.target(), {}))
    checked(answer.status, 200, "CheckFileInfo")
    assert b'"BaseFileName"' in answer.body
    return 1


async def get_file(connection: Connection, file: HostFile, size: int) -> int:
    """GetFile, its bytes counted."""
    answer = await connection.request(request_head("GET", file.target("/contents"), {}), keeps=False)
    checked(answer.status, 200, "GetFile")
    assert answer.size == size
    return 1


async def put_file(connection: Connection, file: HostFile, lock: str, body: memoryview) -> int:
    """PutFile of bytes that differ from all before in their first sixteen."""
    stamp = b"%016d" % next(_serial)
    headers = {"X-WOPI-Override": "PUT", "X-WOPI-Lock": lock}
    head = request_head("POST", file.target("/contents"), headers, len(stamp) + len(body))
    answer = await connection.request(head, stamp, body)
    checked(answer.status, 200, "PutFile")
    return 1


async def lock_operation(connection: Connection, file: HostFile, override: str, lock: str) -> int:
    """Lock, RefreshLock or Unlock."""
    head = request_head("POST", file.target(), {"X-WOPI-Override": override, "X-WOPI-Lock": lock}, 0)
    checked((await connection.request(head)).status, 200, override)
    return 1


async def lock_cycle(connection: Connection, file: HostFile, lock: str) -> int:
    """Lock, RefreshLock, Unlock: three durable changes."""
    for override in ("LOCK", "REFRESH_LOCK", "UNLOCK"):
        await lock_operation(connection, file, override, lock)
    return 3


async def sha256_of(connection: Connection, file: HostFile) -> str:
    """Hash of what GetFile gives."""
    answer = await connection.request(request_head("GET", file.target("/contents"), {}))
    return hashlib.sha256(answer.body).hexdigest()


def random_bytes(size: int) -> bytes:
    """Bytes that nothing can compress."""
    return os.urandom(size)
