"""The addresses that the host gives out, how they are read back, and the addresses of a client's actions.

All of them are made from the one configured public address and never from what a request says of itself, so that a
WOPISrc is the same text for every user, mode and replica: clients take two texts for two documents.

Optional parts of a client's `urlsrc` look like `<name=PLACEHOLDER>` or `<name=PLACEHOLDER&>`: one whose value is known
and wanted loses its brackets, any other one goes away as a whole.
Spec: discovery and host page > From urlsrc to action URL; tokens and proof keys > Traps.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import SplitResult, quote, unquote, urlencode, urlsplit

from shared.core.errors import LecternError
from shared.core.names import split_name
from shared.core.tokens import Resource

SHARE_URL_TYPES: Final = ("ReadOnly", "ReadWrite")
"""What GetShareUrl offers, for files and for containers. Spec: Files > GetShareUrl."""

ACTION_URL_MAX: Final = 2000
"""Longest action URL, in bytes, that every client takes."""
PLACEHOLDERS: Final = frozenset(
    {
        "UI_LLCC",
        "DC_LLCC",
        "SESSION_CONTEXT",
        "HOST_SESSION_ID",
        "BUSINESS_USER",
        "DISABLE_CHAT",
        "THEME_ID",
        "EMBEDDED",
        "FULLSCREEN",
        "RECORDING",
        "DISABLE_BROADCAST",
        "DISABLE_ASYNC",
        "VALIDATOR_TEST_CATEGORY",
    }
)
"""The placeholders that may be given a value. WOPI_SOURCE is filled with the WOPISrc."""

_NAME_MAX: Final = 800
"""Longest name in a download's address, percent-encoded: with token and host it stays below ACTION_URL_MAX."""
_BASE_NAME_MAX: Final = 30
"""Characters that are left of the base name of a longer one; each may need twelve."""
_GROUP: Final = re.compile(r"<([^<>]*)>")
_SOURCE: Final = "WOPI_SOURCE"
_CONTEXT: Final = "SESSION_CONTEXT"

_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_KINDS: Final = {
    "/wopi/files/": Resource.FILE,
    "/wopi/containers/": Resource.CONTAINER,
    "/open/": Resource.FILE,
    "/browse/": Resource.CONTAINER,
}
_PAGES: Final = frozenset({"/sharing", "/versions"})


@dataclass(frozen=True, slots=True)
class Addresses:
    """All addresses of one host. None of them carries a token unless it was handed one."""

    public_url: str
    """Without a slash at the end and without a default port; may have a path."""
    origin: str = field(init=False, repr=False, compare=False)
    """Scheme, host and port alone: PostMessageOrigin."""

    def __post_init__(self) -> None:
        parts = urlsplit(self.public_url)
        object.__setattr__(self, "origin", f"{parts.scheme}://{parts.netloc}")

    @property
    def path(self) -> str:
        """The path of the public address, without a slash at the end: "" for most hosts."""
        return self.public_url.removeprefix(self.origin)

    @property
    def beginnings(self) -> tuple[str, ...]:
        """How the path of a request may begin: a proxy takes the public address's path away, or leaves it there."""
        return ("", self.path) if self.path else ("",)

    def home(self) -> str:
        """The first page."""
        return f"{self.public_url}/"

    def file(self, file_id: str) -> str:
        """The file's WOPISrc."""
        return f"{self.public_url}/wopi/files/{_segment(file_id)}"

    def container(self, container_id: str) -> str:
        """The container's WOPI address."""
        return f"{self.public_url}/wopi/containers/{_segment(container_id)}"

    def ecosystem(self) -> str:
        """The ecosystem's WOPI address."""
        return f"{self.public_url}/wopi/ecosystem"

    def bootstrapper(self) -> str:
        """Where native clients sign in."""
        return f"{self.public_url}/wopibootstrapper"

    def download(self, token: str, name: str) -> str:
        """The newest content of the file that the download token names; the address is the whole permission.

        The name is for people alone. One that would make the address longer than clients take is cut.
        """
        return f"{self.public_url}/download/{token}/{_short_name(name)}"

    def host_view(self, file_id: str) -> str:
        """The page that shows the file: HostViewUrl."""
        return f"{self.public_url}/open/{_segment(file_id)}"

    def host_edit(self, file_id: str) -> str:
        """The page that edits the file: HostEditUrl."""
        return f"{self.public_url}/open/{_segment(file_id)}?action=edit"

    def host_edit_new(self, file_id: str) -> str:
        """The page that fills an empty file from a template and edits it: HostEditNewUrl."""
        return f"{self.public_url}/open/{_segment(file_id)}?action=editnew"

    def host_embedded_view(self, file_id: str) -> str:
        """The page that shows the file inside another page: HostEmbeddedViewUrl."""
        return f"{self.public_url}/open/{_segment(file_id)}?action=embedview"

    def sharing_page(self, file_id: str) -> str:
        """The page where grants on the file are managed: FileSharingUrl."""
        return f"{self.public_url}/open/{_segment(file_id)}/sharing"

    def versions_page(self, file_id: str) -> str:
        """The page with the file's former versions: FileVersionUrl."""
        return f"{self.public_url}/open/{_segment(file_id)}/versions"

    def container_page(self, container_id: str) -> str:
        """The page that shows what is in the container: HostUrl, CloseUrl, BreadcrumbFolderUrl."""
        return f"{self.public_url}/browse/{_segment(container_id)}"

    def container_sharing_page(self, container_id: str) -> str:
        """The page where grants on the container are managed: SharingUrl."""
        return f"{self.public_url}/browse/{_segment(container_id)}/sharing"

    def share(self, file_id: str, url_type: str) -> str | None:
        """GetShareUrl of a file: a page of the host, for people who have a grant; None if the type isn't offered."""
        if url_type not in SHARE_URL_TYPES:
            return None
        return self.host_edit(file_id) if url_type == "ReadWrite" else self.host_view(file_id)

    def share_container(self, container_id: str, url_type: str) -> str | None:
        """GetShareUrl of a container: the same page for each type, where each person can do what their grants say."""
        return self.container_page(container_id) if url_type in SHARE_URL_TYPES else None

    @staticmethod
    def with_token(url: str, token: str, ttl_ms: int) -> str:
        """`url` with an access token and the moment it expires, in milliseconds since 1970-01-01 UTC.

        Spec: tokens and proof keys > access_token_ttl.
        """
        return f"{url}{'&' if '?' in url else '?'}access_token={_segment(token)}&access_token_ttl={ttl_ms}"

    def resource_of(self, url: str) -> tuple[Resource, str] | None:
        """Which file or container one of this host's own addresses names, whatever its query says.

        Understands WOPISrc, the pages, and all that GetShareUrl gives. None for anything else.
        Spec: ecosystem > GetFileWopiSrc; bootstrapper > GetNewAccessToken.
        """
        parts, own = _split(url), urlsplit(self.public_url)
        if parts is None or _origin(parts) != _origin(own) or not parts.path.startswith(own.path + "/"):
            return None
        path = parts.path.removeprefix(own.path).rstrip("/")
        for start, kind in _KINDS.items():
            if path.startswith(start):
                resource_id, slash, page = path.removeprefix(start).partition("/")
                if slash and (start.startswith("/wopi/") or slash + page not in _PAGES):
                    return None
                return (kind, unquote(resource_id)) if resource_id else None
        return None


def with_query(url: str, pairs: Iterable[tuple[str, str]]) -> str:
    """`url` with more query parameters after those that it has."""
    added = urlencode(tuple(pairs), quote_via=quote, safe="")
    if not added:
        return url
    return f"{url}{'&' if '?' in url else '?'}{added}"


def _short_name(name: str) -> str:
    """A file's name as a part of a path: whole, or with its extension but not all of its base name."""
    quoted = quote(name, safe="")
    if len(quoted) <= _NAME_MAX:
        return quoted
    base, extension = split_name(name)
    return quote(base[:_BASE_NAME_MAX] + extension, safe="")


def _segment(resource_id: str) -> str:
    """An id as a part of a path. Ids that the host makes are letters and digits, and need no look at each character."""
    return resource_id if resource_id.isascii() and resource_id.isalnum() else quote(resource_id, safe="")


def _split(url: str) -> SplitResult | None:
    try:
        return urlsplit(url)
    except ValueError:
        return None


def _origin(parts: SplitResult) -> tuple[str, str, int | None] | None:
    """Scheme, host and port, with the scheme's default port left out; None if there is no such thing."""
    try:
        port = parts.port
    except ValueError:
        return None
    if not parts.hostname or "@" in parts.netloc:
        return None
    return parts.scheme, parts.hostname, None if port == _DEFAULT_PORTS.get(parts.scheme) else port


class ActionUrlTooLong(LecternError):
    """With these values the action URL is longer than clients take."""

    status = 400


def action_url(
    urlsrc: str, wopi_src: str | None, values: Mapping[str, str], extra: Iterable[tuple[str, str]] = ()
) -> str:
    """The address of an action for one file.

    `values` go by placeholder; an empty one is not wanted. `extra` parameters, such as the
    `wd...` ones of a host page's own address, are added at the end. `wopi_src` None is for the preload actions.

    Raises ActionUrlTooLong.
    """
    wanted = {name: value for name, value in values.items() if value and name in PLACEHOLDERS}
    if wopi_src is not None:
        wanted[_SOURCE] = wopi_src
    filled: set[str] = set()

    def filled_group(group: re.Match[str]) -> str:
        name, _, placeholder = group.group(1).partition("=")
        end = "&" if placeholder.endswith("&") else ""
        placeholder = placeholder.removesuffix("&")
        if not name or placeholder not in wanted:
            return ""
        filled.add(placeholder)
        return f"{name}={quote(wanted[placeholder], safe='')}{end}"

    url = _tidied(_GROUP.sub(filled_group, urlsrc))
    appended = [
        (name, wanted[placeholder])
        for name, placeholder in (("WOPISrc", _SOURCE), ("sc", _CONTEXT))
        if placeholder in wanted and placeholder not in filled
    ]
    url = with_query(url, (*appended, *extra))
    if len(url.encode()) > ACTION_URL_MAX:
        raise ActionUrlTooLong(f"the action URL would be longer than {ACTION_URL_MAX} bytes")
    return url


def _tidied(url: str) -> str:
    """Without empty parts in the query, and without a `?` that nothing follows."""
    path, _, query = url.partition("?")
    parts = [part for part in query.split("&") if part]
    return f"{path}?{'&'.join(parts)}" if parts else path
