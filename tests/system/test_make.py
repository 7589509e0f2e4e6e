"""The Makefile and what ships the host: targets that exist, and files that agree with the rest of the repository."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Final

from shared.service.settings import Settings

ROOT: Final = Path(__file__).parents[2]


def make(*arguments: str, folder: Path = ROOT) -> str:
    """What make prints."""
    done = subprocess.run(  # noqa: S603 - our own Makefile
        ["make", *arguments],  # noqa: S607
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return done.stdout


def listed_targets() -> dict[str, str]:
    """What `make` alone lists."""
    return dict(re.findall(r"^  make (\S+) +(.*)$", make(), re.MULTILINE))


def test_make_alone_lists_what_there_is() -> None:
    assert {"install", "run", "test", "lint", "bench", "lock", "clean"} <= listed_targets().keys()


def test_the_development_page_explains_every_target() -> None:
    text = (ROOT / "docs" / "development.md").read_text("utf-8")

    assert set(re.findall(r"^\| `make ([a-z-]+)`", text, re.MULTILINE)) == listed_targets().keys()


def test_run_passes_on_port_and_data_folder_and_nothing_else(tmp_path: Path) -> None:
    shutil.copy(ROOT / "Makefile", tmp_path)
    shutil.copy(ROOT / "requirements.lock", tmp_path)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)

    plain = make("-n", "run", folder=tmp_path)
    told = make("-n", "run", "PORT=1234", "DATA=my data", folder=tmp_path)

    assert re.search(r"lectern serve *$", plain, re.MULTILINE)
    assert 'lectern serve --port "1234" --data-dir "my data"' in told


def test_clean_leaves_data_alone(tmp_path: Path) -> None:
    shutil.copy(ROOT / "Makefile", tmp_path)
    for folder in ("data", ".venv", "build", "services/__pycache__", "data/__pycache__"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "data" / "metadata.sqlite3").touch()

    make("clean", folder=tmp_path)

    left = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*"))
    assert left == ["Makefile", "data", "data/__pycache__", "data/metadata.sqlite3", "services"]


def test_image_and_compose_file_use_settings_that_exist() -> None:
    text = "".join((ROOT / name).read_text("utf-8") for name in ("deploy/Dockerfile", "docker-compose.yml"))
    known = {f"LECTERN_{name.upper()}" for name in Settings.model_fields}

    assert set(re.findall(r"LECTERN_[A-Z0-9_]+", text)) <= known


def test_the_image_copies_what_exists_and_is_not_ignored() -> None:
    dockerfile = (ROOT / "deploy" / "Dockerfile").read_text("utf-8")
    let_in = set(re.findall(r"^!(\S+)$", (ROOT / ".dockerignore").read_text("utf-8"), re.MULTILINE))
    sources = {
        name for line in re.findall(r"^COPY (?!--from)(.*)$", dockerfile, re.MULTILINE) for name in line.split()[:-1]
    }

    assert all((ROOT / name).exists() for name in sources)
    assert sources <= let_in
