"""A real Keycloak for tests: fetched once through Maven into the user's cache, started on loopback, ended afterwards.

Its database is in memory, so that each start begins with nothing but the administrator.
"""

import fcntl
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

VERSION: Final = "26.7.3"
ARTIFACT: Final = f"org.keycloak:keycloak-quarkus-dist:{VERSION}:zip"
COPY_GOAL: Final = "org.apache.maven.plugins:maven-dependency-plugin:3.9.0:copy"
FETCH_SECONDS: Final = 600
START_SECONDS: Final = 240
ADMIN: Final = "admin"
REALM: Final = "people"


class CannotRun(Exception):
    """Keycloak can't be had on this machine, and why."""


def cache_folder() -> Path:
    """Where downloads are kept between runs, outside of the checkout."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "lectern"


def installed() -> Path:
    """Keycloak's folder, fetched if it isn't there yet. Raises CannotRun."""
    if missing := [tool for tool in ("java", "mvn") if shutil.which(tool) is None]:
        raise CannotRun(f"Keycloak needs {' and '.join(missing)}, which this machine doesn't have")
    home = cache_folder() / f"keycloak-{VERSION}"
    if not home.exists():
        home.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=home.parent) as scratch:
            _fetch(Path(scratch))
            (archive,) = Path(scratch).glob("*.zip")
            with zipfile.ZipFile(archive) as packed:
                packed.extractall(scratch)
            (Path(scratch) / home.name).rename(home)
    return home


def _fetch(folder: Path) -> None:
    command = ["mvn", "-q", "-B", COPY_GOAL, f"-Dartifact={ARTIFACT}", f"-DoutputDirectory={folder}"]
    fetched = subprocess.run(  # noqa: S603 - nothing in it comes from elsewhere
        command, cwd=folder, capture_output=True, text=True, timeout=FETCH_SECONDS, check=False
    )
    if fetched.returncode:
        raise CannotRun(f"Maven couldn't fetch {ARTIFACT}: {fetched.stdout[-500:]}")


@dataclass(frozen=True)
class Keycloak:
    """A server that runs, as its administrator sees it."""

    url: str
    password: str = field(repr=False)

    @property
    def issuer(self) -> str:
        """The issuer's name in the tokens of REALM."""
        return f"{self.url}/realms/{REALM}"

    def endpoints(self) -> Mapping[str, Any]:
        """What the issuer says of itself."""
        return _json(f"{self.issuer}/.well-known/openid-configuration")

    def sign_in(self, realm: str, client_id: str, user: str, password: str) -> Mapping[str, Any]:
        """The tokens for a user, by the direct-access grant."""
        form = {"grant_type": "password", "client_id": client_id, "username": user, "password": password}
        return _json(f"{self.url}/realms/{realm}/protocol/openid-connect/token", urllib.parse.urlencode(form).encode())

    def administer(self, path: str, body: Any) -> None:
        """Create something through the admin API."""
        token = self.sign_in("master", "admin-cli", ADMIN, self.password)["access_token"]
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        _json(f"{self.url}/admin/realms{path}", json.dumps(body).encode(), headers)


def _json(url: str, body: bytes | None = None, headers: Mapping[str, str] | None = None) -> Any:
    request = urllib.request.Request(url, body, dict(headers or {}))  # noqa: S310 - our own server
    with urllib.request.urlopen(request, timeout=30) as response:  # noqa: S310 - our own server
        raw = response.read()
    return json.loads(raw) if raw else None


@contextmanager
def running(folder: Path, password: str) -> Iterator[Keycloak]:
    """Keycloak on a free port of loopback, with its log in `folder`. Raises CannotRun."""
    home = installed()
    with (cache_folder() / "keycloak.lock").open("w") as turn:
        # A start rewrites files of the installation: two test runs take turns.
        fcntl.flock(turn, fcntl.LOCK_EX)
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        server = Keycloak(f"http://127.0.0.1:{port}", password)
        log = folder / "keycloak.log"
        with log.open("wb") as sink:
            process = subprocess.Popen(  # noqa: S603 - our own server
                [
                    *("bash", str(home / "bin" / "kc.sh"), "start-dev", "--db=dev-mem"),
                    *("--http-host=127.0.0.1", f"--http-port={port}"),
                ],
                env=os.environ
                | {
                    "KC_BOOTSTRAP_ADMIN_USERNAME": ADMIN,
                    "KC_BOOTSTRAP_ADMIN_PASSWORD": password,
                    "JAVA_OPTS_KC_HEAP": "-Xms64m -Xmx512m",
                },
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            _wait_until_ready(server, process, log)
            yield server
        finally:
            # The script may have a Java process of its own below it: they are one group, whose id is the script's.
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def _wait_until_ready(server: Keycloak, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            _json(f"{server.url}/realms/master")
        except (urllib.error.URLError, OSError):
            time.sleep(0.25)
        else:
            return
    raise CannotRun(f"Keycloak didn't start: {log.read_text(errors='replace')[-2000:]}")
