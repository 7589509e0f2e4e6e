"""A distributed host as its users run it: each part in a process of its own, over real servers."""

import asyncio
import http.client
import json
import os
import secrets
import signal
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pymongo import MongoClient

from deploy.servers import __main__ as native
from shared.adapters.distributed.kafka_topics import Topics
from tests.contract.distributed import remove_topics
from tests.servers import Servers
from tests.system.processes import LECTERN, STOP_SECONDS, clean_environment, first_line, lectern

KEY = "0123456789abcdef0123456789abcdef"


@dataclass
class Part:
    """One running process of a host."""

    name: str
    process: "subprocess.Popen[str]"
    url: str
    log: Path

    def get(self, path: str) -> int:
        """The status of a GET."""
        return request(self.url, "GET", path)[0]

    def is_ready(self) -> bool:
        """Whether all that it depends on answers."""
        return self.get("/readyz") == http.client.OK

    def kill(self) -> None:
        """End it as a power cut would."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        """Tell it to stop, and wait until it has; gives its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(STOP_SECONDS)
        if self.process.stdout is not None:
            self.process.stdout.close()
        return code


@dataclass
class Host:
    """Parts that belong together: with topics, a database and a bucket of their own."""

    servers: Servers
    folder: Path
    name: str = field(default_factory=lambda: f"t{secrets.token_hex(6)}")
    parts: list[Part] = field(default_factory=list)

    def environment(self) -> dict[str, str]:
        return {
            "LECTERN_KAFKA_BOOTSTRAP": self.servers.kafka_bootstrap,
            "LECTERN_KAFKA_PREFIX": self.name,
            "LECTERN_MONGO_URL": f"{self.servers.mongo_url.rsplit('/', 1)[0]}/{self.name}",
            "LECTERN_S3_ENDPOINT": self.servers.s3_endpoint,
            "LECTERN_S3_ACCESS_KEY": self.servers.s3_access_key,
            "LECTERN_S3_SECRET_KEY": self.servers.s3_secret_key,
            "LECTERN_S3_BUCKET": self.name,
            "LECTERN_API_KEY": KEY,
            "LECTERN_TOKEN_SECRET": KEY,
        }

    def start(self, name: str, **variables: str) -> Part:
        """Start one part on a free port; it may not be ready yet."""
        log = self.folder / f"{len(self.parts)}-{name}.log"
        with log.open("a") as sink:
            process = subprocess.Popen(  # noqa: S603 - our own command
                [LECTERN, name, "--port", "0"],
                cwd=self.folder,
                env=clean_environment(**self.environment(), **variables),
                stdout=subprocess.PIPE,
                stderr=sink,
                stdin=subprocess.DEVNULL,
                text=True,
            )
        line = first_line(process, log)
        part = Part(name, process, next(word for word in line.split() if word.startswith("http://")), log)
        self.parts.append(part)
        return part

    def said(self, gateway: Part, *arguments: str) -> str:
        """What a command prints; it has to succeed."""
        done = lectern(*arguments, cwd=self.folder, LECTERN_URL=gateway.url, LECTERN_API_KEY=KEY)
        assert done.returncode == 0, (arguments, done.stdout, done.stderr)
        return done.stdout

    def token(self, gateway: Part, path: str) -> str:
        """The address of a file with a token in it, below the gateway's."""
        minted = json.loads(self.said(gateway, "token", "--user", "alice", "--path", path, "--json"))
        return f"{urlsplit(minted['wopi_src']).path}?access_token={minted['access_token']}"

    def close(self) -> None:
        """Stop all parts and remove what they kept."""
        for part in reversed(self.parts):
            part.stop()
        with MongoClient[dict[str, Any]](self.servers.mongo_url) as client:
            client.drop_database(self.name)
        asyncio.run(remove_topics(self.servers.kafka_bootstrap, Topics(self.name)))


def request(url: str, method: str, path: str, body: bytes = b"", **headers: str) -> tuple[int, dict[str, str]]:
    """Status and headers of the answer; names of `headers` with underscores for hyphens."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=30)
    try:
        connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
        answer = connection.getresponse()
        answer.read()
        return answer.status, dict(answer.getheaders())
    finally:
        connection.close()


def operate(gateway: Part, address: str, override: str, lock_id: str) -> tuple[int, dict[str, str]]:
    """One WOPI operation about a lock."""
    return request(gateway.url, "POST", address, X_WOPI_Override=override, X_WOPI_Lock=lock_id)


def kill_server(name: str) -> None:
    """End a native server as a power cut would."""
    os.kill(int((native.RUN / f"{name}.pid").read_text()), signal.SIGKILL)


def start_servers() -> None:
    """Start the native servers that don't run."""
    assert native.main(["start"]) == 0


def wait_until_all(conditions: Any, seconds: float = 60.0) -> None:
    """Wait until each of the conditions holds."""
    deadline = time.monotonic() + seconds
    for condition in conditions:
        while not condition():
            assert time.monotonic() < deadline, "the condition didn't come true in time"
            time.sleep(0.1)
