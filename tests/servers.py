"""The real servers that the distributed adapters are tested on.

`LECTERN_TEST_KAFKA_BOOTSTRAP`, `LECTERN_TEST_MONGO_URL` and `LECTERN_TEST_S3_URL` (http://access-key:secret-key@host:port)
name servers that run already. Without them, those of `make servers` are used, and started and stopped again if they don't
run; a machine that lacks what they are made with can't test these adapters.
"""

import os
import shutil
from dataclasses import dataclass
from functools import cache
from urllib.parse import urlsplit

from deploy.servers import __main__ as native
from deploy.servers import kafka, minio, mongo
from deploy.servers.folders import CHECKOUT
from deploy.servers.processes import running

_NAMES = ("LECTERN_TEST_KAFKA_BOOTSTRAP", "LECTERN_TEST_MONGO_URL", "LECTERN_TEST_S3_URL")
_started: list[str] = []


@dataclass(frozen=True)
class Servers:
    """Where the servers are."""

    kafka_bootstrap: str
    mongo_url: str
    s3_endpoint: str
    s3_access_key: str
    s3_secret_key: str


def are_there() -> bool:
    """Whether to go by the servers: they are named, or can be made; in CI always, for there they may not be missing."""
    return os.environ.get("CI") == "true" or not missing()


def missing() -> tuple[str, ...]:
    """The programs that it takes to make the servers, and that this machine lacks; none if the servers are named."""
    if all(os.environ.get(name) for name in _NAMES):
        return ()
    return tuple(program for program in ("java", "mvn", "go") if shutil.which(program) is None)


def are_native() -> bool:
    """Whether they are those of `make servers`."""
    return not all(os.environ.get(name) for name in _NAMES)


@cache
def servers() -> Servers:
    """The servers, running."""
    if all(os.environ.get(name) for name in _NAMES):
        bootstrap, mongo_url, s3_url = (os.environ[name] for name in _NAMES)
        s3 = urlsplit(s3_url)
        return Servers(
            bootstrap, mongo_url, f"{s3.scheme}://{s3.hostname}:{s3.port}", s3.username or "", s3.password or ""
        )
    _started.extend(name for name in (kafka.NAME, mongo.NAME, minio.NAME) if running(name) is None)
    if native.main(["start"]):
        raise RuntimeError("the servers can't be started")
    settings = dict(line.split("=", 1) for line in (CHECKOUT / ".run" / "servers.env").read_text().splitlines())
    return Servers(
        settings["LECTERN_KAFKA_BOOTSTRAP"],
        settings["LECTERN_MONGO_URL"],
        settings["LECTERN_S3_ENDPOINT"],
        settings["LECTERN_S3_ACCESS_KEY"],
        settings["LECTERN_S3_SECRET_KEY"],
    )


def stop_started() -> None:
    """Stop the servers that were started here."""
    if _started:
        native.main(["stop"])
        _started.clear()
        servers.cache_clear()
