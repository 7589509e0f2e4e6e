"""The form of log lines."""

import logging
from collections.abc import Iterator

import orjson
import pytest

from shared.service.logging import configure, get_logger


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    yield
    configure("warning", "json")


def test_a_line_is_one_json_object_with_the_time_in_utc(capsys: pytest.CaptureFixture[str]) -> None:
    configure("info", "json")

    get_logger().info("started", port=8080, name="Bericht \u00fc")

    (line,) = capsys.readouterr().err.splitlines()
    fields = orjson.loads(line)
    assert (fields["event"], fields["level"], fields["port"], fields["name"]) == ("started", "info", 8080, "Bericht ü")
    assert fields["timestamp"].endswith("Z")


def test_lines_below_the_level_are_not_written(capsys: pytest.CaptureFixture[str]) -> None:
    configure("warning", "json")

    get_logger().info("too little")

    assert capsys.readouterr().err == ""


def test_a_logger_follows_a_later_configuration(capsys: pytest.CaptureFixture[str]) -> None:
    configure("error", "json")
    logger = get_logger()

    configure("info", "json")
    logger.info("written")

    assert "written" in capsys.readouterr().err


@pytest.mark.parametrize("form", ["json", "console"])
def test_a_traceback_shows_no_values_of_variables(capsys: pytest.CaptureFixture[str], form: str) -> None:
    configure("info", form)

    try:
        token = "".join(["secret", "-", "token"])
        int(token[:0])
    except ValueError:
        get_logger().exception("failed")
        logging.getLogger("aiohttp.server").exception("also failed")

    written = capsys.readouterr().err
    assert written.count("ValueError") == 2
    assert "secret-token" not in written


def test_what_libraries_log_joins_from_warning_up(capsys: pytest.CaptureFixture[str]) -> None:
    configure("debug", "json")

    logging.getLogger("aiohttp.access").info("GET /wopi/files/1?access_token=secret")
    logging.getLogger("asyncio").warning("slow callback: %s", "x")

    (line,) = capsys.readouterr().err.splitlines()
    assert orjson.loads(line)["event"] == "slow callback: x"


@pytest.mark.parametrize("form", ["json", "console"])
def test_nothing_is_too_odd_to_be_written(capsys: pytest.CaptureFixture[str], form: str) -> None:
    configure("info", form)

    get_logger().info("odd", text="\ud800", thing=object(), number=2**70)

    assert "odd" in capsys.readouterr().err


def test_configuring_twice_writes_a_line_once(capsys: pytest.CaptureFixture[str]) -> None:
    configure("info", "json")
    configure("info", "json")

    logging.getLogger("asyncio").warning("once")

    assert len(capsys.readouterr().err.splitlines()) == 1


def test_a_line_in_the_log_stays_one_line_whatever_a_client_sends(capsys: pytest.CaptureFixture[str]) -> None:
    configure("info", "json")

    get_logger().info("request", client="a\nb\u2028c")

    assert len(capsys.readouterr().err.strip("\n").split("\n")) == 1
