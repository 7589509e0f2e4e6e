"""A server that speaks MongoDB's protocol, on loopback: `mongod` if it's on the PATH, else a stand-in.

The stand-in is SecantusDB, a beta: good for tests and trials on a machine without MongoDB, and not for anybody's documents.
"""

import shutil
import sys
import venv
from pathlib import Path
from typing import Final

from pymongo import MongoClient
from pymongo.errors import PyMongoError

from deploy.servers.folders import RUN, cache_folder, cached, say
from deploy.servers.processes import PYTHON_TAG, build, kept_port, running, start

NAME: Final = "mongo"
STAND_IN: Final = "SecantusDB"
STAND_IN_VERSION: Final = "0.7.0b3"
PREFERRED_PORT: Final = 27017
_FOLDER: Final = RUN / NAME


def ensure_running() -> int:
    """Start the server unless it runs; its port."""
    port = kept_port(NAME, PREFERRED_PORT)
    if running(NAME) is None:
        mongod = shutil.which("mongod")
        # Their files have nothing in common: each has a folder of its own.
        data = _FOLDER / ("data" if mongod else "stand-in")
        data.mkdir(exist_ok=True)
        if mongod:
            command = [mongod, "--bind_ip", "127.0.0.1", "--port", str(port), "--dbpath", str(data)]
        else:
            say(f"there is no mongod on the PATH: {STAND_IN} {STAND_IN_VERSION} stands in for MongoDB")
            where = ["--host", "127.0.0.1", "--port", str(port), "--storage-path", str(data)]
            command = [str(_stand_in()), *where, "--sync-on-commit"]
        start(NAME, command)
    return port


def is_ready() -> bool:
    """Whether the server answers."""
    try:
        with MongoClient[dict[str, object]](
            "127.0.0.1", kept_port(NAME, PREFERRED_PORT), serverSelectionTimeoutMS=500, connectTimeoutMS=2000
        ) as client:
            client.admin.command("ping")
    except PyMongoError:
        return False
    return True


def _stand_in() -> Path:
    # An environment can't be renamed, so that what is cached is only the sign that it's complete.
    folder = cache_folder() / f"secantusdb-{STAND_IN_VERSION}-{PYTHON_TAG}"

    def make(stamp: Path) -> None:
        venv.create(folder, with_pip=True, clear=True)
        pip = [str(folder / "bin" / "python"), "-m", "pip", "--disable-pip-version-check"]
        package = f"secantusdb=={STAND_IN_VERSION}"
        build(f"installing {STAND_IN} {STAND_IN_VERSION}", [*pip, "install", package], _FOLDER / "pip.log", stamp)

    cached(f"{folder.name}.complete", make)
    return folder / "bin" / ("secantusd-py" if sys.platform != "win32" else "secantusd-py.exe")
