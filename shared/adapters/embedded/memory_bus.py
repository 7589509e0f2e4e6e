"""The bus of an embedded host: commands go straight to the services in the same process.

A command runs in a task of its own, so that a sender that goes away doesn't stop it, and in a context without the
sender's variables, as on the other side of a real bus. Commands of one key to one service form a queue.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from contextvars import Context
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Self, TypeVar

from shared.core.errors import DeadlinePassed, Unavailable
from shared.messages.commands import Command, Service
from shared.ports.bus import Handler, Handlers

OutcomeT = TypeVar("OutcomeT")

WAITING_MAX: Final = 10_000
"""Most commands that are under way or wait for others of their key."""
_Queue = tuple[Service, str]


@dataclass(frozen=True, slots=True)
class _Sent:
    """A command on its way. `reply` may be done before the command is: its sender has given up."""

    command: Command[Any]
    handler: Handler
    reply: asyncio.Future[Any]


class MemoryBus:
    """CommandBus and CommandServer in one process."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._handlers: dict[Service, Handlers] = {}
        self._queues: dict[_Queue, deque[_Sent]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._count = 0
        self._is_closed = False

    def serve(self, service: Service, handlers: Handlers) -> None:
        """From now on `handlers` answer the commands of `service`."""
        self._handlers[service] = handlers

    async def request(self, command: Command[OutcomeT]) -> OutcomeT:
        """Send the command and wait for its outcome."""
        handler = self._handler_of(command)
        seconds = (command.deadline - self._now()).total_seconds()
        if seconds <= 0:
            raise _late()
        loop = asyncio.get_running_loop()
        reply: asyncio.Future[OutcomeT] = loop.create_future()
        self._send(_Sent(command, handler, reply))
        timer = loop.call_later(seconds, _fail, reply, _late())
        try:
            return await reply
        finally:
            timer.cancel()

    async def is_ready(self) -> None:
        """Returns if commands can be sent; raises Unavailable if the bus is closed."""
        if self._is_closed:
            raise _closed()

    async def close(self, timeout_seconds: float = 10) -> None:
        """Take no more commands and wait for those that were sent; those that don't end in time are cancelled."""
        self._is_closed = True
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_seconds):
                while self._tasks:
                    _ = await asyncio.wait(self._tasks)
        while self._tasks:
            for task in self._tasks:
                _ = task.cancel()
            _ = await asyncio.wait(self._tasks)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def _handler_of(self, command: Command[Any]) -> Handler:
        if self._is_closed:
            raise _closed()
        if self._count >= WAITING_MAX:
            raise Unavailable("too many commands are waiting; try again")
        handler = self._handlers.get(command.service, {}).get(type(command))
        if handler is None:
            raise Unavailable(f"nobody answers {type(command).__name__}")
        return handler

    def _send(self, sent: _Sent) -> None:
        self._count += 1
        key = (sent.command.service, sent.command.key)
        queue = self._queues.get(key)
        if queue is not None:
            queue.append(sent)
        else:
            self._queues[key] = deque()
            self._start(key, sent)

    def _start(self, key: _Queue, sent: _Sent) -> None:
        task = asyncio.get_running_loop().create_task(self._handle(sent), context=Context())
        self._tasks.add(task)
        task.add_done_callback(lambda done: self._finished(key, done))

    def _finished(self, key: _Queue, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._count -= 1
        queue = self._queues[key]
        if queue:
            self._start(key, queue.popleft())
        else:
            del self._queues[key]

    async def _handle(self, sent: _Sent) -> None:
        if self._now() >= sent.command.deadline:
            _fail(sent.reply, _late())
            return
        try:
            outcome = await sent.handler(sent.command)
        except asyncio.CancelledError:
            _fail(sent.reply, _closed())
            raise
        except Exception as error:  # noqa: BLE001 - it is the sender's to deal with
            _fail(sent.reply, error)
        else:
            if not sent.reply.done():
                sent.reply.set_result(outcome)


def _late() -> DeadlinePassed:
    return DeadlinePassed("the service didn't answer in time; try again")


def _closed() -> Unavailable:
    return Unavailable("the host is shutting down")


def _fail(reply: asyncio.Future[Any], error: Exception) -> None:
    if not reply.done():
        reply.set_exception(error)
