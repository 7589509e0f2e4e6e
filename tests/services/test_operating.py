"""What a service answers to those who run it."""

from collections.abc import Mapping

from aiohttp.test_utils import TestClient, TestServer

from services.operating import make_operating_app
from shared.core.errors import Unavailable
from shared.service.health import Ready
from shared.service.metrics import Metrics


async def answers() -> None:
    """A dependency that is there."""


async def is_away() -> None:
    raise Unavailable("MongoDB doesn't answer")


async def text_of(path: str, dependencies: Mapping[str, Ready], metrics: Metrics | None = None) -> tuple[int, str]:
    app = make_operating_app(dependencies, metrics or Metrics())
    async with TestClient(TestServer(app)) as client, client.get(path) as response:
        return response.status, await response.text()


async def test_a_service_is_ready_when_all_that_it_depends_on_answers() -> None:
    assert await text_of("/readyz", {"bus": answers, "metadata": answers}) == (
        200,
        '{"status":"ready","dependencies":{"bus":"ready","metadata":"ready"}}',
    )


async def test_a_service_says_what_it_waits_for_and_lives_on() -> None:
    dependencies = {"bus": answers, "metadata": is_away}

    status, body = await text_of("/readyz", dependencies)

    assert (status, '"metadata":"MongoDB doesn\'t answer"' in body) == (503, True)
    assert (await text_of("/healthz", dependencies))[0] == 200


async def test_the_metrics_tell_which_dependency_answers_at_that_moment() -> None:
    _, body = await text_of("/metrics", {"bus": answers, "metadata": is_away})

    assert 'lectern_ready{dependency="bus"} 1.0' in body
    assert 'lectern_ready{dependency="metadata"} 0.0' in body


async def test_the_lag_is_asked_for_at_each_reading() -> None:
    metrics, lags = Metrics(), iter([3, 0])
    metrics.consuming("storage", lambda: next(lags))

    first, second = [(await text_of("/metrics", {}, metrics))[1] for _ in range(2)]

    assert 'lectern_consumer_lag{service="storage"} 3.0' in first
    assert 'lectern_consumer_lag{service="storage"} 0.0' in second
