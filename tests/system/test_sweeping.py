"""The rounds of cleaning up, alone and in a running host."""

import asyncio
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path

from services.sweeping import Round, sweeping
from shared.service.metrics import Level, Metrics, Swept
from tests.system.processes import Serving, wait_until


async def nothing() -> Mapping[Level, int]:
    """Gauges nothing."""
    return {}


async def two_drafts() -> Mapping[Swept, int]:
    """Cleans up two drafts."""
    return {Swept.DRAFTS: 2, Swept.EVENTS: 0}


async def failing() -> Mapping[Swept, int]:
    """Fails, as with a full disk."""
    raise OSError("no space left")


async def test_a_sweep_that_fails_does_not_keep_the_others_from_their_work() -> None:
    metrics = Metrics()

    await Round({"first": failing, "second": two_drafts}, nothing, metrics).run()

    assert b'lectern_swept_total{what="drafts"} 2.0' in metrics.render()


async def test_what_there_is_gets_counted() -> None:
    metrics = Metrics()

    async def gauging() -> Mapping[Level, int]:
        return {Level.FILES: 7}

    await Round({}, gauging, metrics).run()

    assert b"lectern_files 7.0" in metrics.render()


async def test_rounds_follow_one_another_until_the_end() -> None:
    rounds = 0
    third = asyncio.Event()

    async def sweep() -> Mapping[Swept, int]:
        nonlocal rounds
        rounds += 1
        if rounds == 3:
            third.set()
        return {}

    async with sweeping(Round({"counted": sweep}, nothing, Metrics()), timedelta(milliseconds=1)):
        async with asyncio.timeout(10):
            await third.wait()

    assert asyncio.all_tasks() == {asyncio.current_task()}


def test_a_running_host_lets_old_events_and_versions_go(start: Callable[..., Serving], tmp_path: Path) -> None:
    host = start(
        tmp_path / "data",
        LECTERN_SWEEP_INTERVAL="1s",
        LECTERN_EVENTS_MAX_AGE="2s",
        LECTERN_VERSIONS_KEPT="1",
    )
    for text in ("one", "two", "three"):
        (tmp_path / "a.txt").write_text(text)
        host.said("put", "a.txt", "/", cwd=tmp_path)

    assert [one["version"] for one in host.json("versions", "/a.txt")] == [3, 2]
    wait_until(lambda: host.said("events") == "", seconds=30)
