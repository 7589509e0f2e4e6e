"""Logs: one line per request and per command, JSON for machines or text for a person at a terminal, on standard error.

An event's name is constant and what varies are fields. Ids that belong to everything a request or command causes are
bound once, at the border (`structlog.contextvars`), and appear in every line below it. Tokens, lock ids and UserInfo are
nobody's field, and tracebacks are written without the values of variables, for those would give them away.
"""

import asyncio
import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any, Final, Literal

import orjson
import structlog
from structlog.typing import EventDict, FilteringBoundLogger, Processor, WrappedLogger

LogFormat = Literal["auto", "json", "console"]

_LEVELS: Final = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


class _StandardError:
    """Where lines go. The stream is looked up for each line, so that whoever replaces it (a test, a shell) gets it."""

    def __init__(self) -> None:
        self._waiting: list[str] = []

    def msg(self, line: str) -> None:
        """Write the line, after those that wait."""
        self._waiting.append(line)
        self.write_waiting()

    def soon(self, line: str) -> None:
        """Write the line together with those that come until the event loop turns; at once where no loop runs."""
        self._waiting.append(line)
        if len(self._waiting) == 1:
            try:
                asyncio.get_running_loop().call_soon(self.write_waiting)
            except RuntimeError:
                self.write_waiting()

    def write_waiting(self) -> None:
        """Write all lines that wait."""
        if not self._waiting:
            return
        lines = "\n".join(self._waiting) + "\n"
        self._waiting.clear()
        stream = sys.stderr
        try:
            stream.write(lines)
        except UnicodeEncodeError:
            stream.write(lines.encode("ascii", "backslashreplace").decode())
        stream.flush()

    debug = info = warning = error = critical = exception = msg


def configure(level: str, fmt: LogFormat = "auto") -> None:
    """Write lines of at least `level` ("debug", "info", "warning", "error") as `fmt`; "auto" asks whether a person looks.

    Libraries that log through the standard library join in the same form, from "warning" up: what they say below that
    (such as every URL, with the access token in it) is not for logs.
    """
    threshold = _LEVELS[level]
    as_json = fmt == "json" or (fmt == "auto" and not sys.stderr.isatty())
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        _with_time if as_json else structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    # The console renderer lays out exceptions itself.
    last: list[Processor] = [structlog.processors.format_exc_info, _as_json] if as_json else [_console()]
    out = _StandardError()
    structlog.configure(
        processors=[*shared, *last],
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        logger_factory=lambda *_: out,
        cache_logger_on_first_use=False,
    )
    _join_standard_library(max(threshold, logging.WARNING), shared, last)


def get_logger() -> FilteringBoundLogger:
    """A logger; what it writes follows the last `configure`."""
    logger: FilteringBoundLogger = structlog.get_logger()
    return logger


class InfoLines:
    """Writes lines of level "info" about one event: as a logger would, at a fraction of its cost.

    For what is written at every request: it takes no part of a line from the context, and lines that are written in one
    turn of the event loop go out together. What it writes follows the `configure` before it was made.
    """

    def __init__(self, event: str) -> None:
        self._event = event
        self._logger = get_logger().bind()
        self._is_on = self._logger.is_enabled_for(logging.INFO)
        config = structlog.get_config()
        out = config["logger_factory"]() if config["processors"][-1] is _as_json else None
        self._out = out if isinstance(out, _StandardError) else None

    def write(self, fields: EventDict) -> None:
        """Write one line; `fields` is the caller's no more."""
        if not self._is_on:
            return
        if self._out is None:
            self._logger.info(self._event, **fields)
            return
        fields["event"] = self._event
        fields["level"] = "info"
        self._out.soon(_as_json(None, "info", _with_time(None, "info", fields)))


def _with_time(_: WrappedLogger, __: str, fields: EventDict) -> EventDict:
    # Left to orjson to spell out, which is many times as fast as strftime.
    fields["timestamp"] = datetime.now(UTC)
    return fields


def _as_json(_: WrappedLogger, __: str, fields: EventDict) -> str:
    try:
        return orjson.dumps(fields, default=repr, option=orjson.OPT_UTC_Z).decode()
    except TypeError:  # text without a UTF-8 form, or a key that isn't text: to be written all the same
        return json.dumps(fields, default=str, skipkeys=True)


def _console() -> Processor:
    # The renderer's own choice of a traceback shows the values of variables.
    return structlog.dev.ConsoleRenderer(
        colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback, pad_event_to=24
    )


class _StandardErrorHandler(logging.StreamHandler[Any]):
    """Looks the stream up for each line, as `_StandardError` does."""

    def emit(self, record: logging.LogRecord) -> None:
        self.stream = sys.stderr
        super().emit(record)


def _join_standard_library(threshold: int, shared: list[Processor], last: list[Processor]) -> None:
    remove_meta = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    handler = _StandardErrorHandler()
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=[remove_meta, *last]))
    root = logging.getLogger()
    for former in [one for one in root.handlers if isinstance(one, _StandardErrorHandler)]:
        root.removeHandler(former)
    root.addHandler(handler)
    root.setLevel(threshold)
