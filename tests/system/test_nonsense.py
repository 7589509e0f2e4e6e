"""A running host against requests that no client would send: it answers each, in time, and never with its own fault."""

import contextlib
import http.client
import json
import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.system.processes import Serving
from tests.system.requests import answer_of

EXAMPLES = 400
SECONDS = 15

# What a mutated request is made of: enough sense that it gets past the first door.
JSON = {"Content-Type": "application/json"}
ODD_METHODS = ["GET", "POST", "PUT", "PATCH", "HEAD", "OPTIONS", "TRACE", "LOCK", "G E T", "get", ""]
ON_FILES = [
    "LOCK",
    "UNLOCK",
    "REFRESH_LOCK",
    "GET_LOCK",
    "PUT_RELATIVE",
    "RENAME_FILE",
    "PUT_USER_INFO",
    "GET_SHARE_URL",
    "ADD_ACTIVITIES",
    "READ_SECURE_STORE",
    "COBALT",
]
ON_CONTAINERS = ["CREATE_CHILD_FILE", "CREATE_CHILD_CONTAINER", "RENAME_CONTAINER", "DELETE_CONTAINER", "GET_SHARE_URL"]
OVERRIDES = [*ON_FILES, *ON_CONTAINERS, "PUT", "DELETE"]
NAMES = [
    "X-WOPI-Override",
    "X-WOPI-EcosystemOperation",
    "X-WOPI-Lock",
    "X-WOPI-OldLock",
    "X-WOPI-SuggestedTarget",
    "X-WOPI-RelativeTarget",
    "X-WOPI-OverwriteRelativeTarget",
    "X-WOPI-FileConversion",
    "X-WOPI-RequestedName",
    "X-WOPI-Size",
    "X-WOPI-MaxExpectedSize",
    "X-WOPI-Editors",
    "X-WOPI-UrlType",
    "X-WOPI-FileExtensionFilterList",
    "X-WOPI-WopiSrc",
    "X-WOPI-Proof",
    "X-WOPI-ProofOld",
    "X-WOPI-TimeStamp",
    "X-WOPI-SessionId",
    "X-WOPI-CorrelationId",
    "X-COOL-WOPI-Timestamp",
    "X-COOL-WOPI-IsModifiedByUser",
    "X-Lectern-User",
    "Authorization",
    "Range",
    "If-Range",
    "If-Match",
    "If-None-Match",
    "Last-Event-ID",
    "Content-Type",
    "Content-Encoding",
    "Content-Length",
    "Transfer-Encoding",
    "Expect",
    "Host",
    "Cookie",
    "User-Agent",
]
VALUES = [
    *OVERRIDES,
    "true",
    "FALSE",
    "0",
    "-1",
    "9" * 40,
    "1e9",
    "chunked",
    "gzip",
    "deflate, br",
    "100-continue",
    "application/json",
    "multipart/form-data; boundary=x",
    "text/plain; charset=nonsense",
    "bytes=0-0",
    "bytes=-0",
    "bytes=9-1",
    '"1"',
    "*",
    "ReadOnly",
    "Bearer",
    "Bearer x.y.z",
    "+AWE-.docx",
    "+2AA-.docx",
    ".docx",
    "a/../../b.docx",
    "a\x00b",
    "\xff\xfe",
    "a" * 9000,
    "\r\n Injected: 1",
    "anna",
]
PARTS = ["wopi", "api", "v1", "files", "containers", "content", "contents", "children", "ancestry", "ecosystem_pointer"]
ODD_PARTS = ["", ".", "..", "%2e%2e", "%2F", "%00", "%ff", "%", "%zz", "a" * 300, "\xff", "?", "#", ";", "a b", "\t"]
BODIES = [
    b"",
    b"{}",
    b'{"name": "a"}',
    b'{"role": "viewer"}',
    b'{"path": "/"}',
    b'{"name": "\\ud800"}',
    b"[" * 5000,
    b"{" * 5000,
    b'{"Activities": [{"Type": "Comment", "Id": "1", "Timestamp": "x"}]}',
    b"\x1f\x8b\x08\x00nonsense",
    b"0\r\n\r\n",
    b"ffffffffffffffffff\r\nx",
    b"-1\r\nx\r\n0\r\n\r\n",
    b"x" * 70_000,
]


@pytest.fixture
def serving(start: Callable[..., Serving], tmp_path: Path) -> Serving:
    """A host that waits a moment for the rest of a request."""
    return start(tmp_path / "data", LECTERN_UPLOAD_TIMEOUT="0.2s")


@dataclass(frozen=True)
class Sensible:
    """A request that would make sense, before anything is done to it."""

    method: str
    address: str
    headers: tuple[tuple[str, str], ...] = ()


def sensible_requests(serving: Serving) -> list[Sensible]:
    """Requests for things that exist, with tokens or the key where they belong."""
    status, body = answer_of(serving, "PUT", "/api/v1/containers/root/files/a.docx", b"one")
    assert status == 201
    file_id = json.loads(body)["id"]
    token = {}
    for wish in ({"file_id": file_id}, {"container_id": "root"}):
        answer = answer_of(serving, "POST", "/api/v1/tokens", json.dumps(wish).encode(), JSON)[1]
        token[next(iter(wish))] = f"?access_token={json.loads(answer)['access_token']}"
    file, container = f"/wopi/files/{file_id}", "/wopi/containers/root"
    for_file, for_container = token["file_id"], token["container_id"]
    key = (("Authorization", f"Bearer {serving.key}"),)
    api = f"/api/v1/files/{file_id}"
    return [
        *(Sensible("GET", f"{file}{path}{for_file}") for path in ("", "/contents", "/ancestry", "/ecosystem_pointer")),
        *(Sensible("POST", file + for_file, (("X-WOPI-Override", one),)) for one in ON_FILES),
        Sensible("POST", f"{file}/contents{for_file}", (("X-WOPI-Override", "PUT"), ("X-WOPI-Lock", "L"))),
        *(Sensible("GET", container + path + for_container) for path in ("", "/children", "/ancestry")),
        *(Sensible("POST", container + for_container, (("X-WOPI-Override", one),)) for one in ON_CONTAINERS),
        Sensible("GET", f"/wopi/ecosystem{for_container}"),
        Sensible("GET", "/wopibootstrapper", key),
        Sensible("POST", "/wopibootstrapper", (*key, ("X-WOPI-EcosystemOperation", "GET_NEW_ACCESS_TOKEN"))),
        Sensible("GET", api, key),
        Sensible("PATCH", api, key),
        Sensible("GET", f"{api}/content", key),
        Sensible("HEAD", f"{api}/content", key),
        Sensible("PUT", f"{api}/content", key),
        Sensible("POST", f"{api}/copy", key),
        Sensible("POST", f"{api}/open", key),
        Sensible("GET", f"{api}/versions/1/content", key),
        Sensible("POST", f"{api}/versions/1/restore", key),
        Sensible("PUT", f"{api}/grants/anna", key),
        Sensible("DELETE", f"{api}/lock?taken_at=2026-03-01T12:30:00Z", key),
        Sensible("POST", "/api/v1/containers/root/containers", key),
        Sensible("GET", "/api/v1/containers/root/children?limit=5&after=file:a", key),
        Sensible("PUT", "/api/v1/containers/root/files/b.docx", key),
        Sensible("GET", "/api/v1/resolve?path=/a.docx", key),
        Sensible("GET", "/api/v1/events?follow=false&after=1", key),
        Sensible("POST", "/api/v1/tokens", key),
        Sensible("PUT", "/api/v1/users/anna", key),
        Sensible("GET", f"/open/{file_id}?action=edit"),
        Sensible("GET", "/download/nothing/a.docx"),
    ]


def seldom(often: st.SearchStrategy[str], odd: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """The odd one time out of eight, so that most requests get past the first door."""
    return st.integers(0, 7).flatmap(lambda number: odd if number == 0 else often)


def odd_requests(sensible: list[Sensible]) -> st.SearchStrategy[bytes]:
    """Requests as they go over the wire, each with something about it that no client would do."""
    text = st.text(st.characters(codec="latin-1"), max_size=20)
    part = st.sampled_from(PARTS + ODD_PARTS) | text
    value = seldom(
        st.sampled_from(VALUES) | st.text(st.characters(min_codepoint=32, codec="latin-1"), max_size=20), text
    )
    headers = st.lists(st.tuples(st.sampled_from(NAMES), value), max_size=5)

    def damaged(address: str) -> st.SearchStrategy[str]:
        made_up = st.lists(part, max_size=7).map(lambda parts: "/" + "/".join(parts))
        inserted = st.builds(lambda odd, at: address[:at] + odd + address[at:], part, st.integers(0, len(address)))
        return seldom(st.just(address), made_up | inserted)

    @st.composite
    def on_the_wire(draw: st.DrawFn) -> bytes:
        one = draw(st.sampled_from(sensible))
        method = draw(seldom(st.just(one.method), st.sampled_from(ODD_METHODS)))
        body = draw(st.sampled_from(BODIES) | st.binary(max_size=50))
        stated = draw(st.sampled_from([0, 0, 0, 0, 0, 0, 1, -1, None]))
        lines = [f"{method} {draw(damaged(one.address))} HTTP/1.1", "Host: x", "Connection: close"]
        lines += [f"{name}: {text}" for name, text in (*one.headers, *draw(headers))]
        lines += [f"Content-Length: {max(0, len(body) + stated)}"] if stated is not None else []
        return "\r\n".join([*lines, "", ""]).encode("latin-1") + body

    return on_the_wire()


def answered(serving: Serving, request: bytes) -> tuple[int, str]:
    """Status, and headers and body as text; 0 if the host hung up. Raises TimeoutError if it takes too long."""
    host, _, port = serving.url.removeprefix("http://").rpartition(":")
    with socket.create_connection((host, int(port)), SECONDS) as connection:
        with contextlib.suppress(ConnectionError):  # refused before it was read: the answer may be there
            connection.sendall(request)
        try:
            response = http.client.HTTPResponse(connection, method=request.split(b" ")[0].decode("latin-1"))
            response.begin()
            return response.status, f"{response.headers}{response.read().decode('latin-1')}"
        except (ConnectionError, http.client.IncompleteRead):
            return 0, ""


def test_no_request_is_answered_with_a_fault_of_the_host(serving: Serving) -> None:
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.large_base_example],
    )
    @given(odd_requests(sensible_requests(serving)))
    def holds(request: bytes) -> None:
        status, text = answered(serving, request)

        assert status < 500 or status == 501, (status, text[:500])
        assert "Traceback" not in text
        assert "\nInjected:" not in text

    holds()

    assert answer_of(serving, "GET", "/readyz")[0] == 200
    faults = [line for line in serving.log.read_text().splitlines() if '"level":"error"' in line]
    assert not faults, faults[:3]
