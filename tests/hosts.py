"""A whole host for tests: the real application, on a clock that the test moves.

It runs on the embedded adapters, or with `LECTERN_TEST_HOST=distributed` on Kafka, MongoDB and S3; some tests run on both.
"""

import asyncio
import io
import os
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
import orjson
from yarl import URL

from services.ecosystem.handlers import EcosystemHandlers
from services.gateway.app import make_app
from services.gateway.auth.discovery import Discoveries
from services.gateway.auth.oidc import OpenIdConnect
from services.gateway.auth.tokens import fresh_claims, mint
from services.gateway.context import Gateway, Rules
from services.listening import bound_socket, served, url_of
from services.lock.handlers import LockHandlers
from services.storage.handlers import StorageHandlers
from shared.core.containers import ROOT_ID, ContainerMade, new_container
from shared.core.contents import Retention
from shared.core.drafts import DRAFT_LIFETIME, Draft
from shared.core.file import FileHead
from shared.core.files import Created
from shared.core.permissions import Role
from shared.core.tokens import Claims, Resource, TokenSigner
from shared.core.urls import Addresses
from shared.core.users import User
from shared.messages.commands import (
    CreateContainer,
    CreateFile,
    Naming,
    RegisterUser,
    Service,
    SetContainerGrant,
    SetFileGrant,
)
from shared.ports.bus import CommandBus
from shared.service.metrics import Metrics
from shared.service.runner import observed
from shared.service.transact import Origin, change_of
from tests.adapters import OPENED_BY_DEFAULT, OpenAdapters
from tests.builders import Clock, a_user, an_envelope

API_KEY = "test-api-key-of-the-operator"


@dataclass(frozen=True, slots=True)
class Answer:
    """A response, read to its end."""

    status: int
    headers: Any
    body: bytes

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return orjson.loads(self.body)

    @property
    def lock(self) -> str | None:
        """X-WOPI-Lock: None if the header is absent."""
        return self.headers.get("X-WOPI-Lock")

    @property
    def version(self) -> str | None:
        """X-WOPI-ItemVersion."""
        return self.headers.get("X-WOPI-ItemVersion")


@dataclass
class Host:
    """One host, reached over HTTP, and a way around HTTP to put it into a state."""

    gateway: Gateway
    url: str
    clock: Clock
    session: aiohttp.ClientSession
    folder: Path
    known: set[str] = field(default_factory=set)

    async def request(
        self, method: str, address: str, headers: dict[str, str] | None = None, body: Any = None
    ) -> Answer:
        """Send a request; `address` is a path or a whole URL, and is sent exactly as it is."""
        url = address if address.startswith("http") else self.url + address
        body = io.BytesIO(body) if isinstance(body, bytes) else body
        async with self.session.request(
            method, URL(url, encoded=True), headers=headers, data=body, allow_redirects=False
        ) as response:
            return Answer(response.status, response.headers, await response.read())

    async def ask(self, command: Any) -> Any:
        """Send a command to the services."""
        return await self.gateway.bus.request(command)

    def envelope(self, user: str = "operator") -> dict[str, Any]:
        """What a command carries."""
        return an_envelope(self.clock(), user)

    async def user(self, user_id: str = "ann", base_role: Role = Role.EDITOR, **fields: Any) -> str:
        """Make a user known, unless they are."""
        if user_id not in self.known:
            user = a_user(user_id, base_role, **fields)
            await self.ask(RegisterUser(user_id=user_id, user=user, **self.envelope()))
            self.known.add(user_id)
        return user_id

    async def file(
        self, name: str = "Report.docx", content: bytes = b"hello", owner: str = "ann", container: str = ROOT_ID
    ) -> str:
        """A new file; says its id."""
        await self.user(owner)
        kept = await self.gateway.content.write(pieces_of(content), 2**40)
        created = await self.ask(
            CreateFile(
                container_id=container,
                new_file_id=uuid.uuid4().hex,
                name=name,
                naming=Naming.EXACT,
                content=kept,
                **self.envelope(owner),
            )
        )
        assert isinstance(created, Created), created
        return created.file_id

    async def container(self, name: str = "Folder", parent: str = ROOT_ID, owner: str = "ann") -> str:
        """A new container; says its id."""
        await self.user(owner)
        made = await self.ask(
            CreateContainer(
                container_id=parent,
                new_container_id=uuid.uuid4().hex,
                name=name,
                naming=Naming.EXACT,
                **self.envelope(owner),
            )
        )
        assert isinstance(made, ContainerMade), made
        return made.container_id

    async def grant(self, file_id: str, user: str, role: Role | None) -> None:
        """Set a user's role on a file."""
        await self.user(user)
        await self.ask(SetFileGrant(file_id=file_id, user_id=user, role=role, **self.envelope()))

    async def grant_container(self, container_id: str, user: str, role: Role | None) -> None:
        """Set a user's role on a container and all below it."""
        await self.user(user)
        await self.ask(SetContainerGrant(container_id=container_id, user_id=user, role=role, **self.envelope()))

    def claims(self, resource_id: str, user: str = "ann", resource: Resource = Resource.FILE, **more: Any) -> Claims:
        """What a fresh token would say."""
        return fresh_claims(self.gateway, resource, resource_id, user, **more)

    def token(self, resource_id: str, user: str = "ann", resource: Resource = Resource.FILE, **more: Any) -> str:
        """A fresh token."""
        return mint(self.gateway, self.claims(resource_id, user, resource, **more))

    def wopi(self, file_id: str, user: str = "ann", **claims: Any) -> "WopiFile":
        """A client that has opened the file with a fresh token of the user."""
        return WopiFile(self, file_id, self.token(file_id, user, **claims))

    async def head(self, file_id: str) -> FileHead:
        """The file as the metadata has it."""
        head = await self.gateway.metadata.files.find(file_id)
        assert head is not None
        return head

    async def bytes_of(self, file_id: str) -> bytes:
        """The file's content as the store has it."""
        return await self.content_bytes((await self.head(file_id)).current.content)

    async def content_bytes(self, content: Any) -> bytes:
        """The bytes of one content."""
        async with self.gateway.content.open(content) as reader:
            return b"".join([piece async for piece in reader.chunks()])

    async def drafts(self, file_id: str) -> list[Draft]:
        """The file's drafts, the oldest first."""
        return list(await self.gateway.metadata.drafts.of_file(file_id))

    async def keys(self) -> set[str]:
        """All keys that hold bytes, finished or not."""
        found: set[str] = set()
        async for batch in self.gateway.content.keys(self.clock() + timedelta(days=36500)):
            found |= {one.key for one in batch}
        return found

    async def until(self, condition: Any, seconds: float = 5) -> Any:
        """Wait until the coroutine function gives something true; says what."""
        async with asyncio.timeout(seconds):
            while not (result := await condition()):  # noqa: ASYNC110 - polls another's state
                await asyncio.sleep(0.01)
        return result


@dataclass
class WopiFile:
    """A WOPI client that has one file open: sends what a test says, with its token in the query."""

    host: Host
    file_id: str
    token: str

    def url(self, path: str = "", query: str = "") -> str:
        """The operation's URL, with the token."""
        return f"/wopi/files/{self.file_id}{path}?access_token={self.token}{query}"

    async def get(self, path: str = "", **headers: str) -> Answer:
        """A GET; `X_WOPI_Lock="a"` is a header."""
        return await self.host.request("GET", self.url(path), named(headers))

    async def post(self, override: str | None, body: Any = None, path: str = "", **headers: str) -> Answer:
        """A POST with X-WOPI-Override."""
        all_headers = named(headers) | ({"X-WOPI-Override": override} if override is not None else {})
        return await self.host.request("POST", self.url(path), all_headers, body)

    async def info(self) -> dict[str, Any]:
        """CheckFileInfo, which must succeed."""
        answer = await self.get()
        assert answer.status == 200, answer
        info: dict[str, Any] = answer.json
        return info

    async def lock(self, lock_id: str, **headers: str) -> Answer:
        """Lock."""
        return await self.post("LOCK", X_WOPI_Lock=lock_id, **headers)

    async def relock(self, lock_id: str, old: str) -> Answer:
        """UnlockAndRelock."""
        return await self.post("LOCK", X_WOPI_Lock=lock_id, X_WOPI_OldLock=old)

    async def refresh(self, lock_id: str) -> Answer:
        """RefreshLock."""
        return await self.post("REFRESH_LOCK", X_WOPI_Lock=lock_id)

    async def unlock(self, lock_id: str) -> Answer:
        """Unlock."""
        return await self.post("UNLOCK", X_WOPI_Lock=lock_id)

    async def get_lock(self) -> Answer:
        """GetLock."""
        return await self.post("GET_LOCK")

    async def put(self, body: Any, lock_id: str | None = None, **headers: str) -> Answer:
        """PutFile."""
        if lock_id is not None:
            headers["X_WOPI_Lock"] = lock_id
        return await self.post("PUT", body, "/contents", **headers)


def named(headers: dict[str, str]) -> dict[str, str]:
    """Keyword arguments as header names."""
    return {name.replace("_", "-"): value for name, value in headers.items()}


async def pieces_of(content: bytes, size: int = 65536) -> AsyncIterator[bytes]:
    """The bytes in pieces."""
    for start in range(0, len(content), size):
        yield content[start : start + size]


@asynccontextmanager
async def running_host(
    folder: Path,
    *,
    rules: Rules | None = None,
    discovery_urls: dict[str, str] | None = None,
    public_url: str | None = None,
    around_bus: Callable[[CommandBus], CommandBus] = lambda bus: bus,
    clock: Clock | None = None,
    oidc: OpenIdConnect | None = None,
    open_adapters: OpenAdapters = OPENED_BY_DEFAULT,
) -> AsyncIterator[Host]:
    """The host, serving on a free port of this machine."""
    clock, metrics = clock or Clock(), Metrics()
    with bound_socket("127.0.0.1", 0) as listener:
        url = url_of(listener)
        async with (
            open_adapters(folder, clock) as adapters,
            Discoveries(discovery_urls or {}, None, clock) as discoveries,
        ):
            metadata, contents = adapters.metadata, adapters.content
            await adapters.serve(
                {
                    service: observed(handlers, metrics, clock)
                    for service, handlers in {
                        Service.LOCK: LockHandlers(metadata, clock).table(),
                        Service.STORAGE: StorageHandlers(
                            metadata, contents, Retention(), DRAFT_LIFETIME, clock
                        ).table(),
                        Service.ECOSYSTEM: EcosystemHandlers(metadata, clock).table(),
                    }.items()
                }
            )
            gateway = Gateway(
                addresses=Addresses(public_url or url),
                rules=rules or Rules(),
                bus=around_bus(adapters.bus),
                metadata=metadata,
                content=contents,
                events=adapters.events,
                tokens=TokenSigner(os.urandom(32)),
                api_key=API_KEY,
                now=clock,
                discoveries=discoveries,
                oidc=oidc,
                metrics=metrics,
            )
            await metadata.users.register(User("operator", "operator", "Operator", base_role=Role.OWNER))
            root = new_container(ROOT_ID, "", "Documents", "operator", clock())
            await metadata.containers.insert(change_of(root, ROOT_ID, clock(), Origin("operator")))
            async with served(make_app(gateway), listener), aiohttp.ClientSession() as session:
                yield Host(gateway, url, clock, session, folder)
