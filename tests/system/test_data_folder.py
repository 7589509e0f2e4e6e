"""What lies in the data folder besides metadata and content."""

from pathlib import Path

import pytest

from services.cli import locating
from services.data_folder import DataFolderUnusable, kept_secret, read_text, remove, write_text
from shared.service import settings


def test_a_secret_is_made_once_and_kept(tmp_path: Path) -> None:
    first = kept_secret(tmp_path, "api_key")

    assert len(first) == 64
    assert kept_secret(tmp_path, "api_key") == first
    assert (tmp_path / "api_key").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["api_key"]


def test_two_secrets_are_not_alike(tmp_path: Path) -> None:
    assert kept_secret(tmp_path, "api_key") != kept_secret(tmp_path, "token_secret")


def test_what_a_crash_left_half_written_is_no_secret(tmp_path: Path) -> None:
    (tmp_path / ".api_key.new").write_text("half")
    (tmp_path / "api_key").write_text("")

    assert len(kept_secret(tmp_path, "api_key")) == 64


def test_a_file_that_is_not_there_has_no_text(tmp_path: Path) -> None:
    assert read_text(tmp_path, "address") is None
    assert read_text(tmp_path / "nowhere", "address") is None
    remove(tmp_path, "address")


def test_what_can_not_be_read_or_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "api_key").mkdir()

    with pytest.raises(DataFolderUnusable, match="api_key can't be read"):
        read_text(tmp_path, "api_key")
    with pytest.raises(DataFolderUnusable, match="can't be written"):
        write_text(tmp_path / "nowhere", "api_key", "text")


def test_a_key_that_is_no_text_is_told_without_showing_it(tmp_path: Path) -> None:
    (tmp_path / "api_key").write_bytes(b"\xff\xfe")

    with pytest.raises(DataFolderUnusable, match="it is no text"):
        read_text(tmp_path, "api_key")


def test_command_line_and_host_read_the_same_env_file() -> None:
    assert locating.ENV_FILE == settings.ENV_FILE
