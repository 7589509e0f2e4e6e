"""What the code says of its parts: which commands and settings there are, and what they make of an environment."""

import re
from collections.abc import Mapping
from typing import Any

import click
import pytest

from deploy.servers.folders import CHECKOUT
from services.cli.main import lectern
from shared.service.settings import PREFIX, Settings, load_settings, refuse_unsafe, require_servers, unknown_settings

PORT = 8080
PARTS = ("gateway", "lock", "storage", "ecosystem")


def documented_settings() -> set[str]:
    """The names in docs/settings.md."""
    text = (CHECKOUT / "docs" / "settings.md").read_text("utf-8")
    return set(re.findall(r"^\| `(LECTERN_\w+)` \|", text, re.MULTILINE))


def existing_settings() -> set[str]:
    """The names that the code reads."""
    return {PREFIX + name.upper() for name in Settings.model_fields}


def parsed(arguments: list[str]) -> tuple[str, dict[str, Any]]:
    """The command that `lectern` would run, and its options. Raises click.UsageError for a wrong one."""
    context = click.Context(lectern)
    name, command, rest = lectern.resolve_command(context, list(arguments))
    assert command is not None
    assert name is not None
    return name, command.make_context(name, rest, parent=context).params


def settings_in(environment: Mapping[str, str], monkeypatch: pytest.MonkeyPatch, folder: Any) -> Settings:
    """The settings of a part that starts with that environment; whatever it would refuse or warn of fails."""
    monkeypatch.chdir(folder)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    settings = load_settings()
    refuse_unsafe(settings)
    require_servers(settings)
    assert unknown_settings() == []
    return settings


def image_environment() -> dict[str, str]:
    """The settings that the image brings."""
    text = (CHECKOUT / "deploy" / "Dockerfile").read_text("utf-8")
    return dict(re.findall(r"\b(LECTERN_\w+)=(\S+)", text))
