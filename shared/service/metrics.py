"""Metrics of one process, in the form that Prometheus reads.

A label's values are names out of this code (operations, commands, outcomes), never an id, a user or anything else that
a client sends: their number stays small, and nothing private is told.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterator
from enum import Enum
from itertools import accumulate
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.metrics_core import HistogramMetricFamily
from prometheus_client.registry import Collector

CONTENT_TYPE: Final = CONTENT_TYPE_LATEST
"""Of what `Metrics.render` gives."""

_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0)
_LIMITS: Final = (*(str(limit) for limit in _SECONDS), "+Inf")


class Level(Enum):
    """How many of a kind there are right now: the metric's name and what it says."""

    FILES = ("lectern_files", "Files that exist.")
    LOCKS_HELD = ("lectern_locks_held", "Files that are locked.")
    DRAFTS = ("lectern_drafts", "Drafts of refused saves that are kept.")
    DEAD_LETTERS = ("lectern_webhook_dead_letters", "Events that were given up for a webhook and are kept.")
    OUTBOX_DEPTH = ("lectern_outbox_depth", "Resources with events that are saved but not published yet.")

    def __init__(self, metric: str, meaning: str) -> None:
        self.metric = metric
        self.meaning = meaning


class Swept(Enum):
    """What sweepers clean up; the value is the label `what`."""

    EXPIRED_LOCKS = "expired_locks"
    FORMER_VERSIONS = "former_versions"
    DRAFTS = "drafts"
    ORPHANED_CONTENT = "orphaned_content"
    DELETED_LEFTOVERS = "deleted_leftovers"
    BROKEN_DELETIONS = "broken_deletions"
    EVENTS = "events"
    DEAD_LETTERS = "dead_letters"


class Direction(Enum):
    """Which way content goes, seen from the host; the value is the label `direction`."""

    RECEIVED = "received"
    SENT = "sent"


class Delivery(Enum):
    """How an attempt to deliver an event to a webhook ended; the value is the label `outcome`."""

    DELIVERED = "delivered"
    FAILED = "failed"


class Durations(Collector):
    """A histogram for what happens at every request: counted in the event loop alone, so that nothing has to be locked.

    The library's own costs several times as much to observe.
    """

    def __init__(self, name: str, meaning: str, labels: tuple[str, ...], registry: CollectorRegistry) -> None:
        self._name, self._meaning, self._labels = name, meaning, labels
        self._counts: dict[tuple[str | int, ...], list[int]] = {}
        self._sums: dict[tuple[str | int, ...], float] = {}
        registry.register(self)

    def observe(self, labels: tuple[str | int, ...], seconds: float) -> None:
        """Count one duration under these values of the labels."""
        counts = self._counts.get(labels)
        if counts is None:
            counts = self._counts[labels] = [0] * (len(_SECONDS) + 1)
            self._sums[labels] = 0.0
        counts[bisect_left(_SECONDS, seconds)] += 1
        self._sums[labels] += seconds

    def collect(self) -> Iterator[HistogramMetricFamily]:
        """What the registry asks for."""
        family = HistogramMetricFamily(self._name, self._meaning, labels=self._labels)
        for labels, counts in self._counts.items():
            totals = (float(total) for total in accumulate(counts))
            buckets = list(zip(_LIMITS, totals, strict=True))
            family.add_metric([str(value) for value in labels], buckets, self._sums[labels])
        yield family


class Metrics:
    """Counts what one process does. Has its own registry: two hosts in one process don't count each other's."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self._requests = Durations(
            "lectern_request_seconds",
            "Time to answer an HTTP request, by operation and status.",
            ("operation", "status"),
            self._registry,
        )
        self._commands = Durations(
            "lectern_command_seconds",
            "Time to handle a command, by service, command and outcome (or the error that came instead).",
            ("service", "command", "outcome"),
            self._registry,
        )
        self._bytes = Counter(
            "lectern_content_bytes", "Bytes of content received and sent.", ("direction",), registry=self._registry
        )
        self._swept = Counter(
            "lectern_swept", "Things that were cleaned up, by kind.", ("what",), registry=self._registry
        )
        self._deliveries = Histogram(
            "lectern_webhook_seconds",
            "Time that an attempt to deliver an event to a webhook took, by outcome.",
            ("outcome",),
            buckets=_SECONDS,
            registry=self._registry,
        )
        self._given_up = Counter(
            "lectern_webhook_given_up",
            "Events that became dead letters of a webhook, by the kind of their resource.",
            ("kind",),
            registry=self._registry,
        )
        self._levels = {level: Gauge(level.metric, level.meaning, registry=self._registry) for level in Level}
        self._ready = Gauge(
            "lectern_ready",
            "Whether what the process depends on answers, by dependency: 1 or 0.",
            ("dependency",),
            registry=self._registry,
        )
        self._lag = Gauge(
            "lectern_consumer_lag",
            "Commands that wait or are under way, by service.",
            ("service",),
            registry=self._registry,
        )
        self._dead_letters = Counter(
            "lectern_dead_letters",
            "Messages that were put aside because they can't be handled, by service.",
            ("service",),
            registry=self._registry,
        )

    def request(self, operation: str, status: int, seconds: float) -> None:
        """An HTTP request was answered. `operation` is a name out of the table of operations."""
        self._requests.observe((operation, status), seconds)

    def command(self, service: str, name: str, outcome: str, seconds: float) -> None:
        """A command was handled; `outcome` is the name of the outcome's class, or of the error's."""
        self._commands.observe((service, name, outcome), seconds)

    def content(self, direction: Direction, size_bytes: int) -> None:
        """Content was received or sent."""
        self._bytes.labels(direction.value).inc(size_bytes)

    def swept(self, what: Swept, count: int) -> None:
        """A sweeper cleaned up `count` things."""
        self._swept.labels(what.value).inc(count)

    def delivery(self, outcome: Delivery, seconds: float) -> None:
        """An attempt to deliver an event to a webhook ended."""
        self._deliveries.labels(outcome.value).observe(seconds)

    def given_up(self, kind: str) -> None:
        """An event was given up for a webhook; `kind` is what its type begins with."""
        self._given_up.labels(kind).inc()

    def level(self, level: Level, count: int) -> None:
        """There are `count` of that kind now."""
        self._levels[level].set(count)

    def ready(self, dependency: str, is_ready: bool) -> None:
        """What the process depends on answers, or doesn't."""
        self._ready.labels(dependency).set(is_ready)

    def consuming(self, service: str, lag: Callable[[], int]) -> None:
        """The process takes commands of the service; `lag` is asked each time how many haven't ended."""
        self._lag.labels(service).set_function(lag)
        self._dead_letters.labels(service)  # told as 0 before the first one, whose coming would go unnoticed otherwise

    def dead_letter(self, service: str) -> None:
        """A message was put aside."""
        self._dead_letters.labels(service).inc()

    def render(self) -> bytes:
        """All metrics as text; serve it as CONTENT_TYPE."""
        return generate_latest(self._registry)
