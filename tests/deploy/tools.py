"""Kustomize, as it is on the machine: by itself, inside kubectl, or built by Go for this version of the project."""

import os
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.servers.folders import CHECKOUT, cache_folder

KUSTOMIZE_VERSION = "v5.8.1"
DEPLOY = CHECKOUT / "deploy"
OVERLAYS = sorted(folder.name for folder in (DEPLOY / "kubernetes" / "overlays").iterdir())


@cache
def kustomize() -> tuple[str, ...]:
    """The command that builds the folder which comes after it."""
    if program := shutil.which("kustomize"):
        return program, "build"
    if program := shutil.which("kubectl"):
        return program, "kustomize"
    if not (go := shutil.which("go")):
        reason = "the manifests need kustomize or kubectl to be built, or Go to make one"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    folder = cache_folder() / f"kustomize-{KUSTOMIZE_VERSION}"
    if not (folder / "kustomize").exists():
        module = f"sigs.k8s.io/kustomize/kustomize/v5@{KUSTOMIZE_VERSION}"
        subprocess.run([go, "install", module], env={**os.environ, "GOBIN": str(folder)}, check=True)  # noqa: S603 - ours
    return str(folder / "kustomize"), "build"


@cache
def built(overlay: str) -> tuple[dict[str, Any], ...]:
    """All resources of an overlay, as they would be applied."""
    folder = DEPLOY / "kubernetes" / "overlays" / overlay
    command = [*kustomize(), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - ours
    assert done.returncode == 0, done.stderr
    return tuple(yaml.safe_load_all(done.stdout))


def of_kind(resources: tuple[dict[str, Any], ...], *kinds: str) -> dict[str, dict[str, Any]]:
    """Those of the kinds, by name."""
    return {one["metadata"]["name"]: one for one in resources if one["kind"] in kinds}


def read_yaml(path: Path) -> Any:
    """One document."""
    return yaml.safe_load(path.read_text("utf-8"))
