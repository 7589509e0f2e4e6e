"""Webhooks: addresses that the host tells of events, and the rules of telling them.

An attempt that fails is repeated after a pause that doubles each time. How long goes by whose fault it looks like: while
the receiver takes other events, the fault is with this one, and it's soon given up; while the receiver takes none, there
is no point in giving up events one by one, and patience is long. What is given up becomes a dead letter.
Spec: Standard Webhooks 1.0 (signature, secrets, 410).
"""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Final
from urllib.parse import urlsplit

WEBHOOKS_MAX: Final = 100
URL_MAX: Final = 2000
DESCRIPTION_MAX: Final = 250
SECRET_PREFIX: Final = "whsec_"  # noqa: S105 - what every secret begins with
SECRET_BYTES: Final = 32
FORMER_SECRET_LIFETIME: Final = timedelta(hours=24)
"""How long deliveries are signed with the secret before as well: time for receivers to take over the new one."""
KINDS: Final = ("file.*", "container.*")
"""Filters for all types of one kind."""

_URL: Final = re.compile(r"https?://[!-~]+", re.IGNORECASE)
_NAT64: Final = IPv6Network("64:ff9b::/96")

Address = IPv4Address | IPv6Address
Networks = Sequence[IPv4Network | IPv6Network]


@dataclass(frozen=True, slots=True)
class Webhook:
    """Where events are to go, which, and since when."""

    webhook_id: str
    url: str
    secret: str = field(repr=False)
    created_at: datetime
    types: tuple[str, ...] = ()
    """Types of events, or KINDS; none means all."""
    description: str = ""
    is_active: bool = True
    stopped_because: str = ""
    """Why the host itself made it inactive."""
    former_secret: str = field(default="", repr=False)
    former_secret_until: datetime | None = None
    begin: str | None = None
    """The position in the stream that delivery begins after; None for the oldest event kept."""
    since: datetime | None = None
    """Events from before that time aren't delivered."""
    generation: int = 1
    """Counts how often delivery was begun anew: progress of another generation is void."""
    revision: int = 1


@dataclass(frozen=True, slots=True)
class Progress:
    """How far delivery to a webhook has come."""

    generation: int = 0
    position: str | None = None
    """All events up to there are delivered or given up."""
    delivered_at: datetime | None = None
    failing_since: datetime | None = None
    """When the first failure since the last success was; None if the last attempt succeeded."""
    failure: str = ""
    """What went wrong last."""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """An event that was given up for one webhook."""

    webhook_id: str
    event_id: str
    event: str
    """As `shared.messages.codec.encode_event` made it."""
    failed_at: datetime
    attempts: int
    reason: str
    is_waiting: bool = False
    """Whether it's to be tried once more."""

    @property
    def letter_id(self) -> str:
        """The same for the same event and webhook."""
        return hashlib.sha256(f"{self.webhook_id} {self.event_id}".encode()).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast and how long attempts are repeated."""

    first_pause: timedelta = timedelta(seconds=1)
    longest_pause: timedelta = timedelta(minutes=15)
    patience: timedelta = timedelta(days=1)
    """How long an event is tried while the receiver takes none."""
    attempts: int = 10
    """How often an event is tried while the receiver takes others."""
    timeout: timedelta = timedelta(seconds=15)
    """How long one attempt may take."""


@dataclass(frozen=True, slots=True)
class WebhookKept:
    """The webhook is as it was asked for."""


@dataclass(frozen=True, slots=True)
class TooManyWebhooks:
    """Refused: there are WEBHOOKS_MAX."""

    reason: str = f"there are {WEBHOOKS_MAX} webhooks already"


@dataclass(frozen=True, slots=True)
class WebhookRemoved:
    """The webhook is gone, with its dead letters."""


@dataclass(frozen=True, slots=True)
class LettersWaiting:
    """So many dead letters are to be tried once more."""

    count: int


@dataclass(frozen=True, slots=True)
class LetterDropped:
    """The dead letter is gone."""


def url_fault(url: str) -> str | None:
    """Why a webhook can't have this address; None if it can. Where it leads is another matter: see `may_be_called`."""
    if len(url) > URL_MAX or not _URL.fullmatch(url) or "\\" in url:
        return f"url must be an absolute http or https URL of at most {URL_MAX} visible ASCII characters"
    try:
        parts = urlsplit(url)
        has_host = bool(parts.hostname) and parts.port != 0
    except ValueError:
        has_host = False
        parts = urlsplit("")
    if not has_host:
        return "url must have a valid host and port"
    if "@" in parts.netloc or parts.fragment:
        return "url must have no user name, no password and no fragment"
    return None


def is_wanted(hook: Webhook, event_type: str, occurred_at: datetime) -> bool:
    """Whether the webhook is told of such an event."""
    if hook.since is not None and occurred_at < hook.since:
        return False
    kind = event_type.partition(".")[0] + ".*"
    return not hook.types or event_type in hook.types or kind in hook.types


def types_fault(types: Collection[str], known: Collection[str]) -> str | None:
    """Why these can't be the types of a webhook; None if they can."""
    unknown = sorted(set(types) - set(known) - set(KINDS))
    return f"there are no events of type {unknown[0][:50]!r}" if unknown else None


def pause_after(attempts: int, pace: Pace, chance: float, asked: timedelta | None = None) -> timedelta:
    """The pause after so many failed attempts; half of it is left to `chance`, from 0 to 1, so that many don't come at once.

    What the receiver `asked` for (Retry-After) counts if it's longer, up to the longest pause.
    """
    doubled = min(pace.first_pause * (1 << min(attempts - 1, 40)), pace.longest_pause)
    return max(doubled * (0.5 + chance / 2), min(asked or timedelta(0), pace.longest_pause))


def is_given_up(pace: Pace, attempts: int, tried_for: timedelta, *, others_pass: bool) -> bool:
    """Whether an event that failed so often, for so long, isn't tried any more."""
    return tried_for >= pace.patience or (others_pass and attempts >= pace.attempts)


def new_secret(random: bytes) -> str:
    """A secret made of SECRET_BYTES random bytes."""
    return SECRET_PREFIX + base64.b64encode(random).decode()


def signatures(hook: Webhook, message_id: str, at: datetime, body: bytes) -> str:
    """The header webhook-signature: one signature, or two while a former secret still counts.

    Spec: Standard Webhooks > Signature scheme.
    """
    secrets = [hook.secret]
    if hook.former_secret_until is not None and at < hook.former_secret_until:
        secrets.append(hook.former_secret)
    content = f"{message_id}.{int(at.timestamp())}.".encode() + body
    return " ".join("v1," + _signature(secret, content) for secret in secrets)


def _signature(secret: str, content: bytes) -> str:
    try:
        key = base64.b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
    except binascii.Error:
        key = secret.encode()
    return base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()


def may_be_called(address: Address, allowed: Networks) -> bool:
    """Whether a webhook may lead to this address: to public ones, and to the networks that are `allowed`.

    Addresses that stand for IPv4 ones (mapped, 6to4, NAT64) count as those.
    """
    inner = _inner(address)
    if any(one in network for one in (address, inner) for network in allowed):
        return True
    return inner.is_global and not inner.is_multicast and address not in _NAT64


def _inner(address: Address) -> Address:
    if isinstance(address, IPv4Address):
        return address
    return address.ipv4_mapped or address.sixtofour or address
