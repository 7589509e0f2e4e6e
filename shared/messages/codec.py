"""The one codec of commands, outcomes, failures and events: orjson out, typed and validated back in.

Commands and outcomes travel as `{"type": <class name>, "data": {...}}`; the registry is made from the command classes
themselves, so that a new command needs no line here.
"""

from collections.abc import Iterator
from dataclasses import fields
from types import UnionType
from typing import Any, Final, get_args, get_type_hints

import msgspec
import orjson

from shared.core.errors import Contended, DeadlinePassed, LecternError, NotFound, Unavailable
from shared.messages import commands as catalogue
from shared.messages.commands import Command
from shared.messages.events import FACT_TYPES, Event


class Undecodable(LecternError):
    """The bytes are no message of ours: not JSON, an unknown type, a missing or wrong field."""

    status = 400


def _leaves(base: type[Any]) -> Iterator[type[Any]]:
    for sub in base.__subclasses__():
        if sub.__module__ == catalogue.__name__:
            below = list(_leaves(sub))
            yield from below or [sub]


def _outcomes(command: type[Any]) -> tuple[type[Any], ...]:
    """The outcomes that the command's type argument names."""
    for base in getattr(command, "__orig_bases__", ()):
        (argument,) = get_args(base)
        return get_args(argument) if isinstance(argument, UnionType) else (argument,)
    raise TypeError(f"{command.__name__} names no outcomes")


# A dataclass with slots is a class made anew, and the first one stays among the subclasses until it is collected.
COMMAND_TYPES: Final[dict[str, type[Command[Any]]]] = {
    leaf.__name__: getattr(catalogue, leaf.__name__) for leaf in _leaves(Command) if hasattr(leaf, "service")
}
OUTCOME_TYPES: Final[dict[str, type[Any]]] = {
    outcome.__name__: outcome for command in COMMAND_TYPES.values() for outcome in _outcomes(command)
}
FAILURE_TYPES: Final[dict[str, type[LecternError]]] = {
    failure.__name__: failure for failure in (NotFound, Contended, DeadlinePassed, Unavailable, LecternError)
}

_EVENT_FIELDS: Final = {name: hint for name, hint in get_type_hints(Event).items() if name != "fact"}


def _encoded(message: Any) -> bytes:
    return orjson.dumps({"type": type(message).__name__, "data": message}, default=_plain)


def _plain(value: Any) -> Any:
    raise TypeError(f"{type(value).__name__} has no form in a message")


def _parsed(raw: bytes) -> tuple[str, Any]:
    try:
        parsed = orjson.loads(raw)
    except ValueError as error:
        raise Undecodable(f"not JSON: {error}") from error
    if not isinstance(parsed, dict) or not isinstance(parsed.get("type"), str) or "data" not in parsed:
        raise Undecodable("a message is an object with `type` and `data`")
    return parsed["type"], parsed["data"]


def _typed(data: Any, expected: type[Any]) -> Any:
    try:
        return msgspec.convert(data, expected)
    except (msgspec.ValidationError, TypeError) as error:
        raise Undecodable(f"{expected.__name__}: {error}") from error


def encode_command(command: Command[Any]) -> bytes:
    """The command as bytes."""
    return _encoded(command)


def decode_command(raw: bytes) -> Command[Any]:
    """The command in `raw`; raises Undecodable, with the reason."""
    name, data = _parsed(raw)
    if name not in COMMAND_TYPES:
        raise Undecodable(f"unknown command {name[:100]!r}")
    command: Command[Any] = _typed(data, COMMAND_TYPES[name])
    return command


def encode_outcome(outcome: Any) -> bytes:
    """An outcome, or the LecternError that came instead of one, as bytes."""
    if isinstance(outcome, LecternError):
        name = next(name for name, failure in FAILURE_TYPES.items() if isinstance(outcome, failure))
        return orjson.dumps({"type": name, "data": str(outcome)})
    return _encoded(outcome)


def decode_outcome(raw: bytes) -> Any:
    """The outcome in `raw`, or the LecternError; raises Undecodable, with the reason."""
    name, data = _parsed(raw)
    if name in FAILURE_TYPES:
        return FAILURE_TYPES[name](str(data))
    if name not in OUTCOME_TYPES:
        raise Undecodable(f"unknown outcome {name[:100]!r}")
    return _typed(data, OUTCOME_TYPES[name])


def encode_event(event: Event) -> bytes:
    """The event as bytes, for an outbox. (What subscribers get is `events.cloud_event`.)"""
    body = {field.name: getattr(event, field.name) for field in fields(event)}
    return orjson.dumps({"type": event.fact.type, "data": body})


def decode_event(raw: bytes) -> Event:
    """The event in `raw`; raises Undecodable, with the reason."""
    name, data = _parsed(raw)
    if name not in FACT_TYPES or not isinstance(data, dict):
        raise Undecodable(f"unknown event {name[:100]!r}")
    fact = _typed(data.get("fact"), FACT_TYPES[name])
    values: dict[str, Any] = {key: _typed(data[key], hint) for key, hint in _EVENT_FIELDS.items() if key in data}
    try:
        return Event(**values, fact=fact)
    except TypeError as error:
        raise Undecodable("an event lacks a field") from error
