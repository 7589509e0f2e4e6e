"""What every handler of the gateway works with: values, ports and keys, put together by `services.compose`."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Literal

from aiohttp import web

from services.gateway.auth.discovery import Discoveries
from services.gateway.auth.forwarding import Networks
from services.gateway.auth.oidc import OpenIdConnect
from shared.core.permissions import Role
from shared.core.tokens import TokenSigner
from shared.core.urls import Addresses
from shared.ports.bus import CommandBus, EventStream
from shared.ports.content import ContentStore
from shared.ports.metadata import Metadata
from shared.service.metrics import Metrics


@dataclass(frozen=True, slots=True)
class Rules:
    """The settings that handlers go by, as plain values."""

    token_lifetime: timedelta = timedelta(hours=10)
    max_file_size_bytes: int = 2 * 1024**3
    command_timeout: timedelta = timedelta(seconds=10)
    upload_timeout: timedelta = timedelta(seconds=60)
    """How long an upload may go without a byte arriving."""
    new_user_role: Role = Role.EDITOR
    """Base role of a user whom the operator names for the first time."""
    oidc_new_user_role: Role = Role.NONE
    """Base role of a user who comes through the issuer for the first time."""
    oidc_provider_id: str = ""
    proof_mode: Literal["required", "if-sent", "off"] = "off"
    trusted_proxies: Networks = ()
    """Whose X-Forwarded-* headers are believed."""
    machine_name: str = "lectern"
    server_version: str = "lectern"


@dataclass(frozen=True, slots=True)
class Gateway:
    """Everything that a request needs. No state of a request or user is kept here: any replica serves any request."""

    addresses: Addresses
    rules: Rules
    bus: CommandBus
    metadata: Metadata
    content: ContentStore
    events: EventStream
    tokens: TokenSigner
    api_key: str = field(repr=False)
    now: Callable[[], datetime]
    discoveries: Discoveries
    """Discovery documents of the WOPI clients."""
    oidc: OpenIdConnect | None
    """Checks bearer tokens of the identity provider; None if there is none."""
    metrics: Metrics


GATEWAY: Final = web.AppKey("gateway", Gateway)
