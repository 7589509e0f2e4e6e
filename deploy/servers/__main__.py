"""`make servers` and `make servers-stop`: Kafka, MongoDB and MinIO on this machine, for the distributed host.

Starting is idempotent: what runs is left alone, what died is started again on its old data and port.
"""

import fcntl
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from deploy.servers import kafka, minio, mongo
from deploy.servers.folders import RUN, say, write_private
from deploy.servers.processes import ServerFault, running, stop, wait_until_ready

SETTINGS: Final = RUN / "servers.env"
_SERVERS: Final = {kafka.NAME: kafka.is_ready, mongo.NAME: mongo.is_ready, minio.NAME: minio.is_ready}


def start_all() -> None:
    """Start what doesn't run, wait until all answer, and write the settings that reach them."""
    began = time.monotonic()
    ran = {name for name in _SERVERS if running(name) is not None}
    kafka_port, mongo_port = kafka.ensure_running(), mongo.ensure_running()
    minio_port, access, secret = minio.ensure_running()
    for name, is_ready in _SERVERS.items():
        wait_until_ready(name, is_ready)
        say(f"{name} {'was running' if name in ran else 'is running'} (process {running(name)})")
    settings = {
        "LECTERN_KAFKA_BOOTSTRAP": f"127.0.0.1:{kafka_port}",
        "LECTERN_MONGO_URL": f"mongodb://127.0.0.1:{mongo_port}/lectern",
        "LECTERN_S3_ENDPOINT": f"http://127.0.0.1:{minio_port}",
        "LECTERN_S3_ACCESS_KEY": access,
        "LECTERN_S3_SECRET_KEY": secret,
        "LECTERN_S3_BUCKET": minio.BUCKET,
    }
    write_private(SETTINGS, "".join(f"{name}={value}\n" for name, value in settings.items()))
    say(f"ready after {time.monotonic() - began:.1f} s; settings are in {SETTINGS}")


def stop_all() -> None:
    """Stop what runs; data and settings stay."""
    for name in _SERVERS:
        say(f"{name} {'is stopped' if stop(name) else 'was not running'}")


@contextmanager
def _alone() -> Iterator[None]:
    """One start or stop at a time."""
    RUN.mkdir(exist_ok=True)
    with (RUN / "servers.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def main(arguments: list[str]) -> int:
    """Do `start` or `stop`; the exit status."""
    actions = {"start": start_all, "stop": stop_all}
    if len(arguments) != 1 or arguments[0] not in actions:
        sys.stderr.write("usage: python -m deploy.servers start|stop\n")
        return 2
    try:
        with _alone():
            actions[arguments[0]]()
    except ServerFault as fault:
        sys.stderr.write(f"{fault}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
