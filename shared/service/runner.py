"""What happens around every handler, written once: deadline, repetition, log line, metrics, unexpected errors."""

from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime
from time import perf_counter
from typing import Any, Final

from structlog.contextvars import bound_contextvars

from shared.core.errors import Contended, DeadlinePassed, LecternError, NotFound, Unavailable
from shared.messages.commands import Command
from shared.ports.bus import Handler, Handlers
from shared.service.logging import InfoLines, get_logger
from shared.service.metrics import Metrics

_ANSWERS_MAX: Final = 50_000
_TROUBLES: Final = (Unavailable, Contended, DeadlinePassed)
"""Errors that an operator should hear of."""

_log = get_logger()


class Answers:
    """What commands were answered, for as long as they could be delivered again.

    What took effect is remembered with the document itself. A refusal is not, so that it costs nobody a race; it is
    remembered here, so that it doesn't turn into a success after the sender was told of it. NotFound is such a refusal;
    the other errors leave open whether the command takes effect, and are no answers.
    """

    def __init__(self, limit: int = _ANSWERS_MAX) -> None:
        self._limit = limit
        self._answers: OrderedDict[str, tuple[datetime, Any]] = OrderedDict()

    def of(self, command: Command[Any]) -> Any | None:
        """What the command was answered before; None if it's new."""
        known = self._answers.get(command.command_id)
        return None if known is None else known[1]

    def keep(self, command: Command[Any], outcome: Any, now: datetime) -> None:
        """Remember the answer until the command's deadline; past that it's dropped, not answered."""
        answers = self._answers
        while answers and (len(answers) >= self._limit or next(iter(answers.values()))[0] <= now):
            answers.popitem(last=False)
        answers[command.command_id] = (command.deadline, outcome)


def observed(handlers: Handlers, metrics: Metrics, now: Callable[[], datetime]) -> Handlers:
    """`handlers` that keep deadlines, answer a repetition as before, write one log line a command, and are counted.

    A command past its deadline raises DeadlinePassed. An exception that is no LecternError is logged with its
    traceback, and becomes one that tells the sender nothing about the inside.
    """
    answers = Answers()
    lines = InfoLines("command")

    def wrapped(handler: Handler) -> Handler:
        async def handle(command: Command[Any]) -> Any:
            started = perf_counter()
            outcome: Any = None
            with bound_contextvars(correlation_id=command.correlation_id):
                try:
                    outcome = await _answer(handler, command, answers, now)
                except LecternError as error:
                    outcome = error
                    raise
                finally:
                    _tell(command, outcome, perf_counter() - started, metrics, lines)
            return outcome

        return handle

    return {command: wrapped(handler) for command, handler in handlers.items()}


async def _answer(handler: Handler, command: Command[Any], answers: Answers, now: Callable[[], datetime]) -> Any:
    if now() >= command.deadline:
        raise DeadlinePassed("the command came too late and was dropped")
    known = answers.of(command)
    if isinstance(known, NotFound):
        raise NotFound(str(known))
    if known is not None:
        return known
    try:
        outcome = await handler(command)
    except NotFound as error:
        answers.keep(command, error, now())
        raise
    except LecternError:
        raise
    except Exception as error:
        _log.exception("command_failed", **_ids(command))
        raise LecternError("the host failed to handle this; its log has the details") from error
    answers.keep(command, outcome, now())
    return outcome


def _ids(command: Command[Any]) -> dict[str, str]:
    return {
        "correlation_id": command.correlation_id,
        "session_id": command.caller.session_id,
        "service": command.service.value,
        "command": type(command).__name__,
        "resource": command.key,
        "user": command.caller.user_id,
    }


def _tell(command: Command[Any], outcome: Any, seconds: float, metrics: Metrics, lines: InfoLines) -> None:
    """`outcome` is None for a command that was cancelled."""
    name = "Cancelled" if outcome is None else type(outcome).__name__
    metrics.command(command.service.value, type(command).__name__, name, seconds)
    line = {**_ids(command), "outcome": name, "duration_ms": round(seconds * 1000, 3)}
    if isinstance(outcome, LecternError):
        line["reason"] = str(outcome)
    if isinstance(outcome, _TROUBLES):
        _log.warning("command", **line)
    else:
        lines.write(line)
