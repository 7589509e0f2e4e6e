"""The topics, and how they are made.

| topic | key | holds |
| --- | --- | --- |
| `wopi.commands.<service>` | resource id | commands; one consumer group for each service |
| `wopi.replies` | - | outcomes; each gateway reads one partition of it |
| `wopi.events` | resource id | the public events, as CloudEvents 1.0 in JSON |
| `wopi.dead_letters` | as the message's | messages that can't be handled, with the reason |
"""

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError, TopicAlreadyExistsError, for_code

from shared.core.errors import Unavailable
from shared.messages.commands import Service

_HOUR: Final = timedelta(hours=1)
_REPLICAS_MAX: Final = 3
_LED_SECONDS: Final = 10


@dataclass(frozen=True, slots=True)
class Topics:
    """Names and sizes. The number of partitions of a topic is the most replicas that can share its work."""

    prefix: str = "wopi"
    command_partitions: int = 8
    event_partitions: int = 8
    reply_partitions: int = 16
    events_kept: timedelta = timedelta(days=30)

    def commands(self, service: Service) -> str:
        """Where commands of the service go."""
        return f"{self.prefix}.commands.{service}"

    def group(self, service: Service) -> str:
        """The consumer group of the service's replicas."""
        return f"{self.prefix}.{service}"

    @property
    def replies(self) -> str:
        """Where outcomes go."""
        return f"{self.prefix}.replies"

    @property
    def events(self) -> str:
        """Where events go."""
        return f"{self.prefix}.events"

    @property
    def dead_letters(self) -> str:
        """Where messages go that can't be handled."""
        return f"{self.prefix}.dead_letters"

    def sizes(self) -> dict[str, tuple[int, timedelta]]:
        """All topics, each with its number of partitions and how long it keeps a message."""
        commands = {self.commands(service): (self.command_partitions, 24 * _HOUR) for service in Service}
        return commands | {
            self.replies: (self.reply_partitions, _HOUR),
            self.events: (self.event_partitions, self.events_kept),
            self.dead_letters: (1, timedelta(days=30)),
        }


async def prepare_topics(bootstrap: str, topics: Topics) -> list[str]:
    """Make the topics that aren't there; says which those were. What is there stays as it is. Raises Unavailable."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap, request_timeout_ms=10_000)
    try:
        await admin.start()
        replicas = min(_REPLICAS_MAX, len((await admin.describe_cluster())["brokers"]))
        present = set(await admin.list_topics())
        missing = [
            NewTopic(name, partitions, replicas, topic_configs=_configuration(kept, replicas))
            for name, (partitions, kept) in topics.sizes().items()
            if name not in present
        ]
        if missing:
            _check(await admin.create_topics(missing))
        await _led(admin, list(topics.sizes()))
        return [topic.name for topic in missing]
    except (KafkaError, OSError, TimeoutError) as error:
        raise Unavailable(f"the topics can't be made right now ({type(error).__name__})") from error
    finally:
        await admin.close()


async def _led(admin: AIOKafkaAdminClient, names: list[str]) -> None:
    """Returns when every partition has a leader: before that, whoever reads or writes it is refused."""
    async with asyncio.timeout(_LED_SECONDS):
        while True:
            described = await admin.describe_topics(names)
            partitions = [one for topic in described for one in topic["partitions"]]
            if all(not topic["error_code"] for topic in described) and all(one["leader"] >= 0 for one in partitions):
                return
            await asyncio.sleep(0.1)


def _configuration(kept: timedelta, replicas: int) -> dict[str, str]:
    # A message that is acknowledged is on a majority of the replicas.
    return {
        "retention.ms": str(round(kept.total_seconds() * 1000)),
        "min.insync.replicas": str(replicas // 2 + 1),
        "message.timestamp.type": "LogAppendTime",
    }


def _check(answer: object) -> None:
    for name, code, *_ in getattr(answer, "topic_errors", ()):
        error = for_code(code)
        if code and error is not TopicAlreadyExistsError:
            raise Unavailable(f"the topic {name} can't be made ({error.__name__})")
