"""The docs tell the truth: what exists is in them, and what is in them exists."""

import re
from dataclasses import fields
from pathlib import Path
from typing import Final

import click
import pytest

from services.cli.main import lectern
from services.gateway.api.problems import Kind
from services.gateway.api.table import OPERATIONS as API_OPERATIONS
from services.gateway.wopi import containers, ecosystem
from services.gateway.wopi.dispatch import Operation
from services.gateway.wopi.operations import FILE_OPERATIONS
from shared.messages.events import FACT_TYPES
from shared.service.metrics import Level, Metrics, Swept

ROOT: Final = Path(__file__).parents[2]
DOCS: Final = ROOT / "docs"
PAGES: Final = sorted([*DOCS.glob("*.md"), ROOT / "README.md", ROOT / "CHANGELOG.md"])


def rows_of(section: str) -> list[str]:
    """First cells of the table in a section, without their backticks."""
    return re.findall(r"^\| `([a-z0-9_]+)` \|", section, re.MULTILINE)


def test_every_event_is_described_with_all_its_fields() -> None:
    text = (DOCS / "events.md").read_text("utf-8")
    sections = dict(re.findall(r"^### ([a-z_.]+)\n(.*?)(?=^##|\Z)", text, re.MULTILINE | re.DOTALL))

    described = {name: rows_of(section) for name, section in sections.items()}

    assert described == {name: [one.name for one in fields(fact)] for name, fact in FACT_TYPES.items()}


def test_every_metric_is_described() -> None:
    text = (DOCS / "operations.md").read_text("utf-8")
    helps = [line.split()[2] for line in Metrics().render().decode().splitlines() if line.startswith("# HELP lectern_")]
    names = {name.removesuffix("_total") for name in helps}

    assert set(re.findall(r"^\| `(lectern_\w+)` \|", text, re.MULTILINE)) == names
    assert all(level.metric in text for level in Level)
    assert all(f"`{what.value}`" in text for what in Swept)


def _commands(group: click.Group) -> list[str]:
    return [
        f"{name} {below}" if below else name
        for name, command in group.commands.items()
        for below in (_commands(command) if isinstance(command, click.Group) else [""])
    ]


def test_every_command_is_listed() -> None:
    text = (DOCS / "operations.md").read_text("utf-8")

    listed = re.findall(r"^\| `lectern ([a-z]+(?: [a-z]+)?)", text, re.MULTILINE)

    assert sorted(listed) == sorted(_commands(lectern))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_within_the_docs_lead_somewhere(page: Path) -> None:
    text = page.read_text("utf-8")

    targets = [target for target in re.findall(r"\]\(([^)#]+)[^)]*\)", text) if "://" not in target]

    assert [target for target in targets if not (page.parent / target).exists()] == []


def test_the_readme_links_every_page_of_the_docs() -> None:
    text = (ROOT / "README.md").read_text("utf-8")

    assert [page.name for page in DOCS.glob("*.md") if f"docs/{page.name}" not in text] == []


def test_every_operation_of_the_api_is_listed() -> None:
    text = (DOCS / "api.md").read_text("utf-8")

    listed = re.findall(r"^\| ([A-Z]+) \| `(/[^`]*)` \|", text, re.MULTILINE)

    assert sorted(listed) == sorted((one.method, one.path) for one in API_OPERATIONS)


def test_every_kind_of_problem_is_listed_with_its_status() -> None:
    text = (DOCS / "api.md").read_text("utf-8")

    listed = {
        (kind, int(status))
        for kinds, status in re.findall(r"^\| (`[a-z-]+`(?:, `[a-z-]+`)*) \| (\d{3}) \|", text, re.MULTILINE)
        for kind in re.findall(r"`([a-z-]+)`", kinds)
    }

    assert listed == {(kind.slug, kind.status.value) for kind in Kind}


def test_every_operation_of_the_protocol_is_listed() -> None:
    text = (DOCS / "protocol.md").read_text("utf-8")
    tables = (FILE_OPERATIONS, containers.OPERATIONS, ecosystem.OPERATIONS)

    assert [one.name for table in tables for one in table if not re.search(rf"\b{one.name}\b", text)] == []
    assert [one.override for table in tables for one in table if one.override and not _is_named(one, text)] == []


def _is_named(operation: Operation, text: str) -> bool:
    """By its override if it's offered, by its name in the list of what isn't."""
    offered, _, refused = text.partition("## Not offered")
    return f"`{operation.override}`" in offered or operation.name in refused
