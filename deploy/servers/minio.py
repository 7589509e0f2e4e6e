"""MinIO as one process on loopback, compiled from its last release by Go."""

import secrets
from pathlib import Path
from typing import Final

from deploy.servers.folders import RUN, cached, write_private
from deploy.servers.processes import answers_http, build, kept_port, running, start

NAME: Final = "minio"
VERSION: Final = "v0.0.0-20260212201848-7aac2a2c5b7c"
PREFERRED_PORT: Final = 9000
BUCKET: Final = "lectern"
_FOLDER: Final = RUN / NAME


def ensure_running() -> tuple[int, str, str]:
    """Start MinIO unless it runs; its port, access key and secret key."""
    port = kept_port(NAME, PREFERRED_PORT)
    access, secret = _keys()
    if running(NAME) is None:
        program = _program()
        data = _FOLDER / "data"
        data.mkdir(exist_ok=True)
        keys = {"MINIO_ROOT_USER": access, "MINIO_ROOT_PASSWORD": secret}
        quiet = {"MINIO_BROWSER": "off", "MINIO_UPDATE": "off", "MINIO_CALLHOME_ENABLE": "off"}
        start(NAME, [str(program), "server", "--address", f"127.0.0.1:{port}", str(data)], {**keys, **quiet})
    return port, access, secret


def is_ready() -> bool:
    """Whether MinIO takes requests."""
    return answers_http(kept_port(NAME, PREFERRED_PORT), "/minio/health/ready")


def _keys() -> tuple[str, str]:
    path = _FOLDER / "keys"
    if not path.exists():
        write_private(path, f"lectern-{secrets.token_hex(4)}\n{secrets.token_hex(24)}\n")
    access, secret = path.read_text().split()
    return access, secret


def _program() -> Path:
    def make(folder: Path) -> None:
        module = f"github.com/minio/minio@{VERSION}"
        what = "compiling MinIO, which takes two to five minutes"
        build(what, ["go", "install", module], _FOLDER / "go.log", folder, {"GOBIN": str(folder)})

    return cached(f"minio-{VERSION}", make) / "minio"
