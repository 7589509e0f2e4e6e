"""What has to be there before a part of a distributed host can work: topics, indexes, the bucket, the root container.

Each part makes what is missing, whichever comes first; while a server is away it tries again, and says so when asked
whether it's ready.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from shared.core.errors import LecternError, Unavailable
from shared.service.logging import get_logger

RETRY_SECONDS: Final = 2.0
_log: Final = get_logger()

Step = Callable[[], Awaitable[Any]]
"""Makes one thing, unless it's there. Raises LecternError if that doesn't work now."""


class Preparation:
    """Steps that are all to be done, in order, however long it takes."""

    def __init__(self, steps: Mapping[str, Step]) -> None:
        self._steps = dict(steps)
        self._fault = "not begun"

    async def run(self) -> None:
        """Returns when all is there."""
        while self._steps:
            name, step = next(iter(self._steps.items()))
            try:
                await step()
            except LecternError as error:
                if self._fault != str(error):
                    _log.warning("not_prepared", step=name, reason=str(error))
                self._fault = str(error)
                await asyncio.sleep(RETRY_SECONDS)
            else:
                del self._steps[name]
        _log.info("prepared")

    async def is_ready(self) -> None:
        """Returns if all is there; raises Unavailable with the reason if not."""
        if self._steps:
            raise Unavailable(self._fault)
