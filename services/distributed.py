"""The distributed host, put together: the gateway and the services as processes of their own, over Kafka, MongoDB and S3.

A part starts whether or not its servers answer, and works as soon as they do. What is started here is stopped here, in
reverse: first no new work, then that in hand, then the connections.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, closing, suppress
from dataclasses import dataclass
from typing import Any, Final

from aiohttp import web
from pydantic import SecretStr

from services.compose import api_key_of, handlers_of, issuer_of, pace_of, retention_of, rules_of, signer_of, utc_now
from services.data_folder import ADDRESS, DataFolderUnusable, read_text, remove, write_text
from services.ecosystem import sweeper as ecosystem_sweeper
from services.ecosystem.telling import telling
from services.first_start import rooted
from services.gateway.app import make_app
from services.gateway.auth.discovery import Discoveries
from services.gateway.context import Gateway
from services.listening import bound_socket, served, told_to_stop, url_of
from services.lock import sweeper as lock_sweeper
from services.operating import make_operating_app
from services.preparing import Preparation
from services.storage import sweeper as storage_sweeper
from services.sweeping import Round, Sweep, sweeping
from shared.adapters.distributed.event_publisher import EventPublisher
from shared.adapters.distributed.kafka_bus import KafkaBus
from shared.adapters.distributed.kafka_events import KafkaEvents
from shared.adapters.distributed.kafka_producer import KafkaProducer
from shared.adapters.distributed.kafka_server import KafkaServer
from shared.adapters.distributed.kafka_topics import Topics, prepare_topics
from shared.adapters.distributed.mongo_client import MongoConnection
from shared.adapters.distributed.mongo_metadata import MongoMetadata
from shared.adapters.distributed.s3_bucket import prepare_bucket
from shared.adapters.distributed.s3_client import S3Client
from shared.adapters.distributed.s3_content import S3Content
from shared.core.urls import Addresses
from shared.messages.commands import Service
from shared.service.logging import get_logger
from shared.service.metrics import Level, Metrics
from shared.service.runner import observed
from shared.service.settings import Settings, require_servers

_log: Final = get_logger()


@dataclass(frozen=True, slots=True)
class _Servers:
    """The connections of one process."""

    topics: Topics
    bootstrap: str
    producer: KafkaProducer
    stores: MongoMetadata
    content: S3Content
    preparation: Preparation


def topics_of(settings: Settings) -> Topics:
    """The topics of a host."""
    return Topics(settings.kafka_prefix, events_kept=settings.events_max_age)


async def make_topics(settings: Settings) -> list[str]:
    """Make the topics that aren't there; says which those were. Raises LecternError."""
    require_servers(settings)
    return await prepare_topics(settings.kafka_bootstrap or "", topics_of(settings))


async def serve_gateway(settings: Settings, announce: Callable[[str], None]) -> None:
    """Run a gateway until the process is told to stop. `announce` gets its address once it answers."""
    require_servers(settings)
    settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    with closing(bound_socket(settings.host, settings.port)) as listener:
        address = url_of(listener)
        async with gateway_app(settings, settings.public_url or address) as app, served(app, listener):
            with suppress(DataFolderUnusable):  # a convenience: a gateway needs no folder that can be written
                write_text(settings.data_dir, ADDRESS, address)
            announce(address)
            await told_to_stop()
            _log.info("stopping")
        with suppress(DataFolderUnusable, OSError):
            if read_text(settings.data_dir, ADDRESS) == address:  # else another gateway has the folder as well
                remove(settings.data_dir, ADDRESS)
    _log.info("stopped")


async def serve_service(settings: Settings, service: Service, announce: Callable[[str], None]) -> None:
    """Run a service until the process is told to stop. `announce` gets the address where it can be asked how it is."""
    require_servers(settings)
    with closing(bound_socket(settings.host, settings.port)) as listener:
        async with service_app(settings, service) as app, served(app, listener):
            announce(url_of(listener))
            await told_to_stop()
            _log.info("stopping")
    _log.info("stopped")


@asynccontextmanager
async def gateway_app(settings: Settings, public_url: str) -> AsyncIterator[web.Application]:
    """The gateway over the servers that the settings name."""
    now = utc_now
    async with AsyncExitStack() as stack:
        servers = await stack.enter_async_context(_connected(settings))
        bus = KafkaBus(servers.bootstrap, servers.topics, servers.producer, now)
        bus.open()
        stack.push_async_callback(bus.close)
        discoveries = await stack.enter_async_context(
            Discoveries(settings.discovery_urls, settings.discovery_zone, now)
        )
        gateway = Gateway(
            addresses=Addresses(public_url),
            rules=rules_of(settings),
            bus=bus,
            metadata=servers.stores.metadata,
            content=servers.content,
            events=KafkaEvents(servers.bootstrap, servers.topics),
            tokens=signer_of(settings),
            api_key=api_key_of(settings),
            now=now,
            discoveries=discoveries,
            oidc=await issuer_of(stack, settings, now),
            metrics=Metrics(),
        )
        await stack.enter_async_context(_in_background(servers.preparation.run))
        yield make_app(gateway)


@asynccontextmanager
async def service_app(settings: Settings, service: Service) -> AsyncIterator[web.Application]:
    """One service at work, and the application that tells how it is."""
    now, metrics = utc_now, Metrics()
    async with AsyncExitStack() as stack:
        servers = await stack.enter_async_context(_connected(settings))
        source = settings.public_url or f"http://{settings.host}:{settings.port}"
        publisher = EventPublisher(servers.stores.outboxes, servers.producer, servers.topics, source, now)
        publisher.open()
        stack.push_async_callback(publisher.close)
        server = KafkaServer(servers.bootstrap, servers.topics, servers.producer, now, metrics.dead_letter)
        metrics.consuming(service, lambda: server.lag(service))
        handlers = handlers_of(settings, servers.stores.metadata, servers.content, now)[service]
        server.serve(service, observed(handlers, metrics, now))
        stack.push_async_callback(server.close)

        async def work() -> None:
            # Without the indexes, two resources could get one name.
            await servers.preparation.run()
            server.open()
            async with AsyncExitStack() as working:
                cleaning = _round(settings, servers, service, metrics)
                await working.enter_async_context(sweeping(cleaning, settings.sweep_interval))
                if service is Service.ECOSYSTEM:
                    await working.enter_async_context(_telling(settings, servers, source, metrics))
                await asyncio.Event().wait()

        await stack.enter_async_context(_in_background(work))
        dependencies = {
            "preparation": servers.preparation.is_ready,
            "bus": server.is_ready,
            "metadata": servers.stores.metadata.is_ready,
            "content": servers.content.is_ready,
        }
        yield make_operating_app(dependencies, metrics)


def _telling(settings: Settings, servers: _Servers, source: str, metrics: Metrics) -> AbstractAsyncContextManager[None]:
    """The delivery of events to webhooks, which the replicas share."""
    webhooks, events = servers.stores.metadata.webhooks, KafkaEvents(servers.bootstrap, servers.topics)
    return telling(webhooks, events, settings.webhook_networks, pace_of(settings), source, metrics, utc_now)


@asynccontextmanager
async def _connected(settings: Settings) -> AsyncIterator[_Servers]:
    bootstrap, endpoint = settings.kafka_bootstrap or "", settings.s3_endpoint or ""
    keys = (_text(settings.s3_access_key), _text(settings.s3_secret_key))
    bucket = (settings.s3_bucket, settings.s3_region)
    topics, now = topics_of(settings), utc_now
    async with AsyncExitStack() as stack:
        connection = MongoConnection(_text(settings.mongo_url), settings.mongo_driver)
        stack.push_async_callback(connection.close)
        stores = MongoMetadata(connection)
        client = await stack.enter_async_context(S3Client(endpoint, *keys, *bucket))
        producer = KafkaProducer(bootstrap)
        producer.open()
        stack.push_async_callback(producer.close)
        preparation = Preparation(
            {
                "indexes": stores.prepare,
                "root": lambda: rooted(stores.metadata, now),
                "bucket": lambda: prepare_bucket(endpoint, *keys, *bucket),
                "topics": lambda: prepare_topics(bootstrap, topics),
            }
        )
        yield _Servers(topics, bootstrap, producer, stores, S3Content(client), preparation)


@asynccontextmanager
async def _in_background(work: Callable[[], Awaitable[Any]]) -> AsyncIterator[None]:
    task = asyncio.ensure_future(work())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def _round(settings: Settings, servers: _Servers, service: Service, metrics: Metrics) -> Round:
    """What a service cleans up in each round: what is its own. Several replicas do it side by side."""
    metadata, content, now = servers.stores.metadata, servers.content, utc_now
    retention = retention_of(settings)
    sweeps: dict[Service, Sweep] = {
        Service.LOCK: lambda: lock_sweeper.sweep(metadata, now()),
        Service.STORAGE: lambda: storage_sweeper.sweep(
            metadata, content, retention, settings.drafts_max_age, settings.orphan_grace, now()
        ),
        Service.ECOSYSTEM: lambda: ecosystem_sweeper.sweep(metadata, settings.events_max_age, now()),
    }

    async def levels() -> Mapping[Level, int]:
        return {
            Level.FILES: await metadata.files.count(),
            Level.LOCKS_HELD: await metadata.files.count_locked(),
            Level.DRAFTS: await metadata.drafts.count(),
            Level.DEAD_LETTERS: await metadata.webhooks.count_letters(),
            Level.OUTBOX_DEPTH: sum([await outbox.depth() for outbox in servers.stores.outboxes]),
        }

    return Round({service.value: sweeps[service]}, levels, metrics)


def _text(secret: SecretStr | None) -> str:
    return secret.get_secret_value() if secret is not None else ""
