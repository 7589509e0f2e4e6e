"""Commands that are worth more than one try: a client that saves for the last time doesn't ask again."""

import asyncio
from dataclasses import replace
from typing import Final, TypeVar

from services.gateway.context import Gateway
from shared.core.errors import Contended, Unavailable
from shared.messages.commands import Command

OutcomeT = TypeVar("OutcomeT")

PAUSES: Final = (0.005, 0.02, 0.08, 0.2)
"""Waits between the tries, as parts of the time that a command may take: about three seconds by default."""


async def request_patiently(gateway: Gateway, command: Command[OutcomeT]) -> OutcomeT:
    """Like `CommandBus.request`, but tries again for a while when too many writers race or a service is away.

    The command keeps its id, so that a try which did take effect unnoticed is not repeated but answered.
    """
    for pause in PAUSES:
        try:
            return await gateway.bus.request(command)
        except (Contended, Unavailable):
            await asyncio.sleep(pause * gateway.rules.command_timeout.total_seconds())
            command = replace(command, deadline=gateway.now() + gateway.rules.command_timeout)
    return await gateway.bus.request(command)
