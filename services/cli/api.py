"""The host's own REST API, as the command line calls it: one connection a call, bodies streamed both ways.

It is `http.client` underneath: a command that lists a folder should not wait for an HTTP framework to be imported.
Whatever goes wrong becomes a `CallFailed` with a sentence that helps, and with an exit code of its own kind.
"""

import http.client
import json
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final
from urllib.parse import SplitResult, quote, urlencode, urlsplit

from services.cli.locating import Location, located
from shared.core.errors import LecternError

TIMEOUT_SECONDS: Final = 60
BLOCK_BYTES: Final = 256 * 1024

EXIT_REFUSED: Final = 1
"""The host said no, or something went wrong here."""
EXIT_UNREACHABLE: Final = 3
EXIT_KEY_WRONG: Final = 4
EXIT_NOT_FOUND: Final = 5
EXIT_CONFLICT: Final = 6
"""A lock, a name that is taken, a folder that isn't empty, or a version that has changed is in the way."""

_EXITS: Final = {401: EXIT_KEY_WRONG, 404: EXIT_NOT_FOUND, 409: EXIT_CONFLICT, 412: EXIT_CONFLICT, 423: EXIT_CONFLICT}


class CallFailed(LecternError):
    """What was asked of the host didn't happen. `http_status` is that of the answer; 0 if there was none."""

    def __init__(self, sentence: str, http_status: int = 0, exit_code: int | None = None) -> None:
        super().__init__(sentence)
        self.http_status = http_status
        self.exit_code = exit_code or _EXITS.get(http_status, EXIT_REFUSED)


def in_path(text: str) -> str:
    """`text` as one part of a URL's path."""
    return quote(text, safe="")


class Api:
    """Calls of the REST API in the name of the operator, or of the user whom the operator acts for."""

    def __init__(self, location: Location, user: str | None = None) -> None:
        self._location = location
        self._user = user
        self._parts: SplitResult = urlsplit(location.url)
        if self._parts.scheme not in {"http", "https"} or not self._parts.hostname:
            raise CallFailed(f"LECTERN_URL is no address of a host: {location.url}")

    def get(self, path: str, /, **query: Any) -> Any:
        """The answer to GET, parsed; a query of None is left out."""
        return self.call("GET", path, query=query)

    def call(self, method: str, path: str, *, query: Mapping[str, Any] | None = None, body: Any = None) -> Any:
        """The JSON answer to a request with a JSON body, parsed; None if it's empty."""
        headers: dict[str, str] = {}
        data = None
        if body is not None:
            data = json.dumps(body).encode()
            headers["Content-Type"] = "application/json"
        with self.answer(method, path, query=query, body=data, headers=headers) as response:
            return parsed(response)

    @contextmanager
    def answer(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        body: bytes | Iterator[bytes] | None = None,
        headers: Mapping[str, str] | None = None,
        timeout_seconds: float | None = TIMEOUT_SECONDS,
    ) -> Iterator[http.client.HTTPResponse]:
        """The answer, to be read. Raises CallFailed for anything but a success."""
        connection = self._connection(timeout_seconds)
        try:
            response = self._sent(connection, method, self._target(path, query), body, headers or {})
            if response.status >= http.client.BAD_REQUEST:
                raise self._refusal(response)
            yield response
        except (OSError, http.client.HTTPException) as error:
            raise CallFailed(f"the connection to {self._location.url} broke off: {_reason(error)}") from error
        finally:
            connection.close()

    def _connection(self, timeout_seconds: float | None) -> http.client.HTTPConnection:
        host, port = self._parts.hostname or "", self._parts.port
        connection: http.client.HTTPConnection
        if self._parts.scheme == "https":
            connection = http.client.HTTPSConnection(
                host, port, timeout=timeout_seconds, context=ssl.create_default_context(), blocksize=BLOCK_BYTES
            )
        else:
            connection = http.client.HTTPConnection(host, port, timeout=timeout_seconds, blocksize=BLOCK_BYTES)
        try:
            connection.connect()
        except OSError as error:
            raise CallFailed(
                f"no host answers at {self._location.url} ({_reason(error)}).\n"
                "Start one with `lectern serve`, or say where yours is: LECTERN_URL=http://...",
                exit_code=EXIT_UNREACHABLE,
            ) from error
        return connection

    def _target(self, path: str, query: Mapping[str, Any] | None) -> str:
        given = {name: value for name, value in (query or {}).items() if value is not None}
        return f"{self._parts.path}/api/v1/{path}" + (f"?{urlencode(given, quote_via=quote)}" if given else "")

    def _sent(
        self,
        connection: http.client.HTTPConnection,
        method: str,
        target: str,
        body: bytes | Iterator[bytes] | None,
        headers: Mapping[str, str],
    ) -> http.client.HTTPResponse:
        who = {"Authorization": f"Bearer {self._location.key}"}
        if self._user is not None:
            who["X-Lectern-User"] = _header_text(self._user)
        try:
            connection.request(method, target, body=body, headers=who | dict(headers))
        except (BrokenPipeError, ConnectionResetError) as broken:
            # A host that refuses an upload may answer and hang up before it has read all of it.
            try:
                return connection.getresponse()
            except (OSError, http.client.HTTPException):
                raise broken from None
        return connection.getresponse()

    def _refusal(self, response: http.client.HTTPResponse) -> CallFailed:
        raw = response.read()
        if response.status == http.client.UNAUTHORIZED:
            return CallFailed(
                f"the host at {self._location.url} doesn't accept this key.\n"
                "Set LECTERN_API_KEY to the host's, or LECTERN_DATA_DIR to its data folder",
                response.status,
            )
        return CallFailed(_problem(raw) or f"the host answered {response.status} {response.reason}", response.status)


def parsed(response: http.client.HTTPResponse) -> Any:
    """The JSON of an answer; None if it's empty. Raises CallFailed for what is no JSON."""
    raw = response.read()
    try:
        return json.loads(raw) if raw else None
    except ValueError:
        raise CallFailed("what answers there is no Lectern: its answer is no JSON") from None


def _problem(raw: bytes) -> str | None:
    """The sentence in a problem document (RFC 9457)."""
    try:
        problem = json.loads(raw)
    except ValueError:
        return None
    if not isinstance(problem, dict):
        return None
    sentence = problem.get("detail") or problem.get("title")
    return sentence if isinstance(sentence, str) else None


def _reason(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "it took too long"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) or type(error).__name__


def _header_text(user: str) -> str:
    """A user's name as a header: UTF-8 that `http.client` sends as it is."""
    return user.encode().decode("latin-1")


def host(user: str | None = None) -> Api:
    """The host that the environment names."""
    return Api(located(), user)
