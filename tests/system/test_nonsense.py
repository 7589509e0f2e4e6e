"""A running host against requests that no client would send: it answers each, in time, and never with its own fault."""

import contextlib
import http.client
import json
import socket
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.system.processes import Serving
from tests.system.requests import answer_of

EXAMPLES = 400
SECONDS = 15

# What a mutated request is made of: enough sense that it gets past the first door.
METHODS = [
    "GET",
    "GET",
    "POST",
    "POST",
    "PUT",
    "PATCH",
    "DELETE",
    "HEAD",
    "OPTIONS",
    "TRACE",
    "LOCK",
    "G E T",
    "get",
    "",
]
OVERRIDES = [
    "LOCK",
    "UNLOCK",
    "REFRESH_LOCK",
    "GET_LOCK",
    "PUT",
    "PUT_RELATIVE",
    "RENAME_FILE",
    "DELETE",
    "PUT_USER_INFO",
    "GET_SHARE_URL",
    "ADD_ACTIVITIES",
    "READ_SECURE_STORE",
    "CREATE_CHILD_FILE",
    "CREATE_CHILD_CONTAINER",
    "RENAME_CONTAINER",
    "DELETE_CONTAINER",
    "COBALT",
]
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


def addresses_of(serving: Serving) -> list[str]:
    """Addresses of things that exist, with tokens where they belong."""
    status, body = answer_of(serving, "PUT", "/api/v1/containers/root/files/a.docx", b"one")
    assert status == 201
    file_id = json.loads(body)["id"]
    tokens = {}
    for wish in ({"file_id": file_id}, {"container_id": "root"}):
        headers = {"Content-Type": "application/json"}
        token = json.loads(answer_of(serving, "POST", "/api/v1/tokens", json.dumps(wish).encode(), headers)[1])
        tokens[token["wopi_src"].removeprefix(serving.url)] = f"?access_token={token['access_token']}"
    file, container = tokens
    return [
        *(
            f"{file}{path}{tokens[file]}"
            for path in ("", "/contents", "/ancestry", "/ecosystem_pointer", "/activities")
        ),
        *(f"{container}{path}{tokens[container]}" for path in ("", "/children", "/ancestry", "/ecosystem_pointer")),
        f"/wopi/ecosystem{tokens[container]}",
        f"/wopi/files/{file_id}",
        "/wopibootstrapper",
        f"/api/v1/files/{file_id}",
        f"/api/v1/files/{file_id}/content",
        f"/api/v1/files/{file_id}/versions/1/content",
        f"/api/v1/files/{file_id}/grants/anna",
        f"/api/v1/files/{file_id}/lock?taken_at=x",
        "/api/v1/containers/root/containers",
        "/api/v1/containers/root/children?limit=5&after=file:a",
        "/api/v1/containers/root/files/b.docx",
        "/api/v1/resolve?path=/a.docx",
        "/api/v1/events?follow=false",
        "/api/v1/tokens",
        f"/open/{file_id}?action=edit",
        "/download/nothing/a.docx",
        "/",
    ]


def requests(addresses: list[str], key: str) -> st.SearchStrategy[bytes]:
    """Requests as they go over the wire."""
    part = st.sampled_from(PARTS + ODD_PARTS) | st.text(st.characters(codec="latin-1"), max_size=10)
    made_up = st.lists(part, max_size=7).map(lambda parts: "/" + "/".join(parts))
    damaged = st.builds(
        lambda address, odd, at: address[:at] + odd + address[at:], st.sampled_from(addresses), part, st.integers(0, 80)
    )
    value = st.sampled_from(VALUES) | st.text(st.characters(codec="latin-1"), max_size=20)
    headers = st.lists(st.tuples(st.sampled_from(NAMES), value), max_size=6)
    body = st.sampled_from(BODIES) | st.binary(max_size=50)

    def on_the_wire(
        method: str, address: str, headers: list[tuple[str, str]], body: bytes, is_operator: bool, length: int | None
    ) -> bytes:
        lines = [f"{method} {address} HTTP/1.1", "Host: x", "Connection: close"]
        lines += [f"Authorization: Bearer {key}"] if is_operator else []
        lines += [f"{name}: {text}" for name, text in headers]
        lines += [f"Content-Length: {len(body) + length}"] if length is not None else []
        return "\r\n".join([*lines, "", ""]).encode("latin-1") + body

    return st.builds(
        on_the_wire,
        st.sampled_from(METHODS),
        st.sampled_from(addresses) | damaged | made_up,
        headers,
        body,
        st.booleans(),
        st.sampled_from([0, 0, 0, 0, 1, -1, None]),
    )


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
    @given(requests(addresses_of(serving), serving.key))
    def holds(request: bytes) -> None:
        status, text = answered(serving, request)

        assert status < 500 or status == 501, (status, text[:500])
        assert "Traceback" not in text
        assert "\nInjected:" not in text

    holds()

    assert answer_of(serving, "GET", "/readyz")[0] == 200
    faults = [line for line in serving.log.read_text().splitlines() if '"level":"error"' in line]
    assert not faults, faults[:3]
