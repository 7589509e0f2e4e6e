"""What this machine can't run is left out, and said in one line at the end."""

from collections.abc import Iterator

import pytest

from tests.servers import are_there, missing, stop_started


@pytest.fixture(scope="session", autouse=True)
def servers_stop_in_the_end() -> Iterator[None]:
    """Stop the servers that a test has started."""
    yield
    stop_started()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what needs Kafka, MongoDB and S3 where there are none."""
    if are_there():
        return
    without = [item for item in items if item.get_closest_marker("needs_servers") is None]
    config.hook.pytest_deselected(items=[item for item in items if item.get_closest_marker("needs_servers")])
    items[:] = without


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what was left out."""
    if not are_there():
        programs = ", ".join(missing())
        terminalreporter.write_line(
            f"Not run: everything on Kafka, MongoDB and S3, for this machine has no {programs}."
        )
