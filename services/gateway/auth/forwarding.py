"""The address that a client wrote, as a trusted proxy in front tells it.

It's for checking what the client signed and for nothing else: the addresses that the host gives out come from its
settings alone, so that one file has one WOPISrc whichever way a request came.
Spec: tokens and proof keys > Traps (TLS ends at a proxy).
"""

import ipaddress
import re
from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Network
from typing import Final

from aiohttp import web

Networks = tuple[IPv4Network | IPv6Network, ...]

_HOST: Final = re.compile(r"[A-Za-z0-9._\[\]:-]{1,255}")
_PREFIX: Final = re.compile(r"(?:/[A-Za-z0-9._~-]{1,100}){1,10}")
_DEFAULT_PORT: Final = {"http": ":80", "https": ":443"}


def forwarded_base(request: web.Request, trusted: Networks) -> str | None:
    """Scheme, host and path prefix that the client used, by X-Forwarded-Proto, -Host and -Prefix; no slash at the end.

    None if the request doesn't come from a trusted proxy, or the headers name no address. Of several values the last
    counts: it's the trusted proxy's own, and those before may be anybody's. With one of these, a proof that the client made
    for another host would pass.
    """
    if not trusted or not _is_trusted(request, trusted):
        return None
    scheme, host = _last(request, "X-Forwarded-Proto").lower(), _last(request, "X-Forwarded-Host")
    prefix = _last(request, "X-Forwarded-Prefix").rstrip("/")
    if scheme not in _DEFAULT_PORT or not _HOST.fullmatch(host) or (prefix and not _PREFIX.fullmatch(prefix)):
        return None
    return f"{scheme}://{host.removesuffix(_DEFAULT_PORT[scheme])}{prefix}"


def _last(request: web.Request, name: str) -> str:
    return ",".join(request.headers.getall(name, ())).rpartition(",")[2].strip()


def _is_trusted(request: web.Request, trusted: Iterable[IPv4Network | IPv6Network]) -> bool:
    try:
        address = ipaddress.ip_address((request.remote or "").split("%")[0])
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return any(address in network for network in trusted)
