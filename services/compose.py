"""The only place that picks adapters and puts the parts together: the embedded host, all services in one process.

What is started here is stopped here, in reverse: first no new requests, then those in hand, then the sweepers, then the
stores.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from typing import Final

from aiohttp import web

from services.data_folder import ADDRESS, API_KEY, TOKEN_SECRET, kept_secret, remove, write_text
from services.ecosystem import sweeper as ecosystem_sweeper
from services.ecosystem.handlers import EcosystemHandlers
from services.ecosystem.telling import telling
from services.first_start import prepared
from services.gateway.app import make_app
from services.gateway.auth.discovery import Discoveries
from services.gateway.auth.oidc import OpenIdConnect
from services.gateway.context import Gateway, Rules
from services.listening import bound_socket, served, told_to_stop, url_of
from services.lock import sweeper as lock_sweeper
from services.lock.handlers import LockHandlers
from services.storage import sweeper as storage_sweeper
from services.storage.handlers import StorageHandlers
from services.sweeping import Round, Sweep, sweeping
from shared.adapters.embedded.folder_content import FolderContent
from shared.adapters.embedded.memory_bus import MemoryBus
from shared.adapters.embedded.sqlite_metadata import SqliteMetadata
from shared.core.contents import Retention
from shared.core.permissions import Role
from shared.core.tokens import TokenSigner
from shared.core.urls import Addresses
from shared.core.webhooks import Pace
from shared.messages.commands import Service
from shared.ports.bus import Handlers
from shared.ports.content import ContentStore
from shared.ports.metadata import Metadata
from shared.service.logging import get_logger
from shared.service.metrics import Level, Metrics, Swept
from shared.service.runner import observed
from shared.service.settings import Settings

_log: Final = get_logger()


@dataclass(frozen=True, slots=True)
class Embedded:
    """A host that is put together, and ready to be served."""

    gateway: Gateway
    app: web.Application
    is_new: bool
    """Whether this was the first start on the data folder."""


def utc_now() -> datetime:
    """The time, for everything that goes by one."""
    return datetime.now(UTC)


async def serve_embedded(settings: Settings, announce: Callable[[str], None]) -> None:
    """Run the embedded host until the process is told to stop. `announce` gets its address once it answers.

    Raises LecternError, with a sentence, if it can't start.
    """
    folder = settings.data_dir
    with closing(bound_socket(settings.host, settings.port)) as listener:
        address = url_of(listener)
        async with embedded(settings, settings.public_url or address) as host:
            stop = asyncio.ensure_future(told_to_stop())
            async with served(host.app, listener):
                write_text(folder, ADDRESS, address)
                announce(address)
                await stop
                _log.info("stopping")
            remove(folder, ADDRESS)
    _log.info("stopped")


@asynccontextmanager
async def embedded(settings: Settings, public_url: str) -> AsyncIterator[Embedded]:
    """All services and the gateway over SQLite and a folder.

    On first start the root container, the operator and the sample folder are made.
    """
    folder, now, metrics = settings.data_dir, utc_now, Metrics()
    async with AsyncExitStack() as stack:
        store = await stack.enter_async_context(SqliteMetadata(folder))
        content = FolderContent(folder / "content")
        stack.push_async_callback(content.close)
        bus = await stack.enter_async_context(MemoryBus(now))
        discoveries = await stack.enter_async_context(
            Discoveries(settings.discovery_urls, settings.discovery_zone, now)
        )
        oidc = await issuer_of(stack, settings, now)
        for service, handlers in handlers_of(settings, store.metadata, content, now).items():
            bus.serve(service, observed(handlers, metrics, now))
        gateway = Gateway(
            addresses=Addresses(public_url),
            rules=rules_of(settings),
            bus=bus,
            metadata=store.metadata,
            content=content,
            events=store.events,
            tokens=signer_of(settings),
            api_key=api_key_of(settings),
            now=now,
            discoveries=discoveries,
            oidc=oidc,
            metrics=metrics,
        )
        is_new = await prepared(store.metadata, content, bus, now)
        # Nobody else writes here and nobody has begun to upload: what nothing refers to is from before a crash.
        await _round(settings, store, content, metrics, now, orphan_grace=timedelta(0)).run()
        cleaning = _round(settings, store, content, metrics, now, orphan_grace=settings.orphan_grace)
        await stack.enter_async_context(sweeping(cleaning, settings.sweep_interval))
        await stack.enter_async_context(
            telling(
                store.metadata.webhooks,
                store.events,
                settings.webhook_networks,
                pace_of(settings),
                public_url,
                metrics,
                now,
            )
        )
        yield Embedded(gateway, make_app(gateway), is_new)


async def issuer_of(stack: AsyncExitStack, settings: Settings, now: Callable[[], datetime]) -> OpenIdConnect | None:
    """What checks the tokens of the identity provider; None if there is none."""
    if settings.oidc_issuer is None:
        return None
    if settings.oidc_audience is None:
        _log.warning("oidc_audience_not_set", issuer=settings.oidc_issuer, meaning="tokens for any application count")
    return await stack.enter_async_context(OpenIdConnect(settings.oidc_issuer, settings.oidc_audience, now))


def handlers_of(
    settings: Settings, metadata: Metadata, content: ContentStore, now: Callable[[], datetime]
) -> Mapping[Service, Handlers]:
    """Who answers the commands, by service."""
    storage = StorageHandlers(metadata, content, retention_of(settings), settings.drafts_max_age, now)
    return {
        Service.LOCK: LockHandlers(metadata, now).table(),
        Service.STORAGE: storage.table(),
        Service.ECOSYSTEM: EcosystemHandlers(metadata, now).table(),
    }


def _round(
    settings: Settings,
    store: SqliteMetadata,
    content: ContentStore,
    metrics: Metrics,
    now: Callable[[], datetime],
    *,
    orphan_grace: timedelta,
) -> Round:
    """What one round of cleaning up does."""
    metadata, retention, drafts_max_age = store.metadata, retention_of(settings), settings.drafts_max_age

    async def events() -> Mapping[Swept, int]:
        return {Swept.EVENTS: await store.prune_events(now() - settings.events_max_age)}

    async def levels() -> Mapping[Level, int]:
        return {
            Level.FILES: await metadata.files.count(),
            Level.LOCKS_HELD: await metadata.files.count_locked(),
            Level.DRAFTS: await metadata.drafts.count(),
            Level.DEAD_LETTERS: await metadata.webhooks.count_letters(),
        }

    sweeps: dict[str, Sweep] = {
        "lock": lambda: lock_sweeper.sweep(metadata, now()),
        "storage": lambda: storage_sweeper.sweep(metadata, content, retention, drafts_max_age, orphan_grace, now()),
        "ecosystem": lambda: ecosystem_sweeper.sweep(metadata, settings.events_max_age, now()),
        "events": events,
    }
    return Round(sweeps, levels, metrics)


def pace_of(settings: Settings) -> Pace:
    """How fast and how long webhooks are tried."""
    return Pace(patience=settings.webhook_patience)


def retention_of(settings: Settings) -> Retention:
    """How many former versions are kept, and how long."""
    return Retention(settings.versions_kept, settings.versions_max_age)


def rules_of(settings: Settings) -> Rules:
    """What the gateway's handlers go by."""
    return Rules(
        token_lifetime=settings.token_lifetime,
        max_file_size_bytes=settings.max_file_size,
        command_timeout=settings.command_timeout,
        upload_timeout=settings.upload_timeout,
        new_user_role=Role[settings.new_user_role.upper()],
        oidc_new_user_role=Role[settings.oidc_new_user_role.upper()],
        oidc_provider_id=settings.oidc_provider_id or "",
        proof_mode=settings.proof_mode,
        trusted_proxies=settings.trusted_proxies,
        machine_name=settings.machine_name,
        server_version=f"lectern {version('lectern')}",
    )


def signer_of(settings: Settings) -> TokenSigner:
    """What signs access tokens; with a secret out of the data folder unless one is set."""
    secret = settings.token_secret
    former = settings.token_secret_previous
    text = secret.get_secret_value() if secret else kept_secret(settings.data_dir, TOKEN_SECRET)
    return TokenSigner(text.encode(), (former.get_secret_value().encode(),) if former else ())


def api_key_of(settings: Settings) -> str:
    """The operator's key; out of the data folder unless one is set."""
    return settings.api_key.get_secret_value() if settings.api_key else kept_secret(settings.data_dir, API_KEY)
