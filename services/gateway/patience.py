"""Commands that are worth more than one try: a client that saves for the last time doesn't ask again."""

import asyncio
from dataclasses import replace
from typing import Final, TypeVar

from services.gateway.context import Gateway
from shared.core.errors import Contended, Unavailable
from shared.messages.commands import Command

OutcomeT = TypeVar("OutcomeT")

PAUSES_SECONDS: Final = (0.05, 0.2, 0.8, 2.0)
"""Waits between the tries."""


async def request_patiently(gateway: Gateway, command: Command[OutcomeT]) -> OutcomeT:
    """Like `CommandBus.request`, but tries again for a while when too many writers race or a service is away.

    The command keeps its id, so that a try which did take effect unnoticed is not repeated but answered.
    """
    for pause in PAUSES_SECONDS:
        try:
            return await gateway.bus.request(command)
        except (Contended, Unavailable):
            await asyncio.sleep(pause)
            command = replace(command, deadline=gateway.now() + gateway.rules.command_timeout)
    return await gateway.bus.request(command)
