"""Metrics, in the form that Prometheus reads."""

from prometheus_client.parser import text_string_to_metric_families

from shared.service.metrics import Delivery, Direction, Level, Metrics, Swept


def samples(metrics: Metrics) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    families = text_string_to_metric_families(metrics.render().decode())
    return {
        (one.name, frozenset(one.labels.items())): one.value
        for family in families
        for one in family.samples
        if "le" not in one.labels
    }


def test_requests_and_commands_are_counted_and_timed() -> None:
    metrics = Metrics()

    metrics.request("Lock", 200, 0.25)
    metrics.request("Lock", 200, 0.5)
    metrics.command("lock", "LockFile", "Locked", 0.1)

    found = samples(metrics)
    request = frozenset({("operation", "Lock"), ("status", "200")})
    command = frozenset({("service", "lock"), ("command", "LockFile"), ("outcome", "Locked")})
    assert found["lectern_request_seconds_count", request] == 2
    assert found["lectern_request_seconds_sum", request] == 0.75
    assert found["lectern_command_seconds_count", command] == 1


def test_levels_bytes_and_what_was_swept_are_told() -> None:
    metrics = Metrics()

    for level in Level:
        metrics.level(level, 3)
    metrics.content(Direction.SENT, 100)
    metrics.content(Direction.SENT, 20)
    metrics.swept(Swept.DRAFTS, 2)

    found = samples(metrics)
    assert {found[level.metric, frozenset()] for level in Level} == {3}
    assert found["lectern_content_bytes_total", frozenset({("direction", "sent")})] == 120
    assert found["lectern_swept_total", frozenset({("what", "drafts")})] == 2


def test_deliveries_to_webhooks_are_counted_and_timed() -> None:
    metrics = Metrics()

    metrics.delivery(Delivery.FAILED, 0.5)
    metrics.given_up("file")

    found = samples(metrics)
    assert found["lectern_webhook_seconds_sum", frozenset({("outcome", "failed")})] == 0.5
    assert found["lectern_webhook_given_up_total", frozenset({("kind", "file")})] == 1


def test_two_hosts_in_one_process_do_not_count_each_others() -> None:
    one, other = Metrics(), Metrics()

    one.level(Level.FILES, 7)

    assert samples(other)[Level.FILES.metric, frozenset()] == 0
