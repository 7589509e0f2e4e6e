"""The rounds of cleaning up: what is expired or left over goes, again and again, while the host runs."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from shared.service.logging import get_logger
from shared.service.metrics import Level, Metrics, Swept

_log: Final = get_logger()

Sweep = Callable[[], Awaitable[Mapping[Swept, int]]]
"""One kind of cleaning up; gives how much of what is gone."""
Gauging = Callable[[], Awaitable[Mapping[Level, int]]]
"""Counts what there is."""


@dataclass(frozen=True, slots=True)
class Round:
    """What is done in each round. One sweep that fails doesn't keep the others from their work."""

    sweeps: Mapping[str, Sweep]
    gauging: Gauging
    metrics: Metrics

    async def run(self) -> None:
        """One round."""
        for name, sweep in self.sweeps.items():
            try:
                gone = await sweep()
            except Exception:  # noqa: BLE001 - the next round tries again, and the log has the reason
                _log.exception("sweep_failed", sweep=name)
                continue
            self._tell(name, gone)
        try:
            for level, count in (await self.gauging()).items():
                self.metrics.level(level, count)
        except Exception:  # noqa: BLE001 - as above
            _log.exception("gauging_failed")

    def _tell(self, name: str, gone: Mapping[Swept, int]) -> None:
        counts = {what: count for what, count in gone.items() if count}
        for what, count in counts.items():
            self.metrics.swept(what, count)
        if counts:
            _log.info("swept", sweep=name, **{what.value: count for what, count in counts.items()})


@asynccontextmanager
async def sweeping(one_round: Round, pause: timedelta) -> AsyncIterator[None]:
    """Rounds with pauses between them, for as long as the context lasts; a round under way is broken off at the end."""
    task = asyncio.create_task(_rounds(one_round, pause))
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _rounds(one_round: Round, pause: timedelta) -> None:
    while True:
        await asyncio.sleep(pause.total_seconds())
        await one_round.run()
