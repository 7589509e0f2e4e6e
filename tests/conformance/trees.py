"""A WOPI client that goes from place to place by the addresses that it is given, and by nothing else."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

from services.gateway.auth.tokens import tokenised
from shared.core.containers import ROOT_ID
from shared.core.tokens import Claims, Resource
from tests.hosts import Answer, Host, named


@dataclass(frozen=True)
class Place:
    """A file, a container or the ecosystem, by its address with token."""

    host: Host
    url: str

    async def get(self, path: str = "", **headers: str) -> Answer:
        """A GET, with the operation's path put before the query."""
        return await self.host.request("GET", self._with(path), named(headers))

    async def post(self, override: str | None, path: str = "", body: bytes | None = None, **headers: str) -> Answer:
        """A POST with X-WOPI-Override."""
        all_headers = named(headers) | ({"X-WOPI-Override": override} if override is not None else {})
        return await self.host.request("POST", self._with(path), all_headers, body)

    def to(self, url: str) -> "Place":
        """Another place, by an address from an answer."""
        return Place(self.host, url)

    @property
    def claims(self) -> Claims:
        """What the token in the address says."""
        (token,) = parse_qs(urlsplit(self.url).query)["access_token"]
        claims = self.host.gateway.tokens.read(token, self.host.clock())
        assert claims is not None
        return claims

    @property
    def expires_at_ms(self) -> int:
        """When the address says that its token expires; it must be true."""
        (ttl,) = parse_qs(urlsplit(self.url).query)["access_token_ttl"]
        assert int(ttl) == self.claims.expires_at_ms
        return int(ttl)

    @property
    def wopi_src(self) -> str:
        """The address without its token."""
        return self.url.partition("?")[0]

    def _with(self, path: str) -> str:
        address, _, query = self.url.partition("?")
        return f"{address}{path}?{query}"


def container_place(host: Host, container_id: str = ROOT_ID, user: str = "ann", **claims: Any) -> Place:
    """A container, with a fresh token of the user."""
    said = host.claims(container_id, user, Resource.CONTAINER, **claims)
    return Place(host, tokenised(host.gateway, said, Resource.CONTAINER, container_id))


def ecosystem_place(host: Host, user: str = "ann", **claims: Any) -> Place:
    """The ecosystem, with a fresh token of the user."""
    said = host.claims("", user, Resource.ECOSYSTEM, **claims)
    return Place(host, tokenised(host.gateway, said, Resource.ECOSYSTEM, ""))


def file_place(host: Host, file_id: str, user: str = "ann", **claims: Any) -> Place:
    """A file, with a fresh token of the user."""
    said = host.claims(file_id, user, Resource.FILE, **claims)
    return Place(host, tokenised(host.gateway, said, Resource.FILE, file_id))


def utf7(name: str) -> str:
    """A name as it stands in a request header."""
    return name.encode("utf-7").decode()
