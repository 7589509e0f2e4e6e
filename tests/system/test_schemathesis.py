"""A running host against everything that its own OpenAPI document allows and forbids, and against nonsense."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.system.processes import Serving, clean_environment
from tests.system.requests import answer_of
from tests.system.schemathesis_hooks import EXISTING

ROOT = Path(__file__).parents[2]
SCHEMATHESIS = str(Path(sys.executable).parent / "schemathesis")
EXAMPLES = "8"
"""Requests that each phase makes up for each operation."""
SEED = "20260302"
"""The same requests each time; LECTERN_TEST_SEED and LECTERN_TEST_EXAMPLES make other and more of them."""
SECONDS = 400
DISCOVERY = b"""<wopi-discovery><net-zone name="external-http"><app name="Word">
<action name="view" ext="docx" urlsrc="http://office.example/view?"/>
<action name="edit" ext="docx" requires="locks,update" urlsrc="http://office.example/edit?"/>
</app></net-zone></wopi-discovery>"""


@pytest.fixture
def discovery_url() -> Iterator[str]:
    """A WOPI client's discovery document, at an address of its own."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(DISCOVERY)))
            self.end_headers()
            self.wfile.write(DISCOVERY)

        def log_message(self, *_: Any) -> None:
            """Says nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/discovery"
        server.shutdown()
        thread.join()


@pytest.fixture
def serving(start: Callable[..., Serving], tmp_path: Path, discovery_url: str) -> Serving:
    """A host that knows a WOPI client but asks for no proofs."""
    return start(tmp_path / "data", LECTERN_DISCOVERY_URL=discovery_url, LECTERN_PROOF="off")


def a_file(serving: Serving, name: str) -> str:
    """A file with two versions, a lock and a draft; says its id."""
    for content in (b"one", b"two"):
        status, body = answer_of(serving, "PUT", f"/api/v1/containers/root/files/{name}", content)
        assert status in {200, 201}
    file_id: str = json.loads(body)["id"]
    _, body = answer_of(
        serving,
        "POST",
        "/api/v1/tokens",
        json.dumps({"file_id": file_id}).encode(),
        {"Content-Type": "application/json"},
    )
    path = f"/wopi/files/{file_id}"
    query = f"?access_token={json.loads(body)['access_token']}"
    for method, where, headers, sent, expected in [
        ("POST", path, {"X-WOPI-Override": "LOCK", "X-WOPI-Lock": "L"}, b"", 200),
        ("POST", f"{path}/contents", {"X-WOPI-Override": "PUT", "X-WOPI-Lock": "other"}, b"my work", 409),
    ]:
        assert answer_of(serving, method, where + query, sent, headers)[0] == expected
    return file_id


def test_the_api_answers_as_its_document_says(serving: Serving, tmp_path: Path) -> None:
    file_ids = [a_file(serving, f"{number}.docx") for number in range(4)]
    drafts = json.loads(answer_of(serving, "GET", "/api/v1/drafts")[1])["items"]
    webhook = json.loads(answer_of(serving, "POST", "/api/v1/webhooks", b'{"url": "http://192.0.2.1/"}')[1])
    existing = {"file_id": file_ids, "container_id": ["root"], "draft_id": [draft["id"] for draft in drafts]}
    existing |= {"webhook_id": [webhook["id"]]}

    done = subprocess.run(  # noqa: S603 - a tool of ours, on a host of ours
        [
            SCHEMATHESIS,
            "--config-file",
            str(Path(__file__).with_name("schemathesis.toml")),
            "run",
            f"{serving.url}/api/openapi.json",
            "--header",
            f"Authorization: Bearer {serving.key}",
            "--checks",
            "all",
            "--max-examples",
            os.environ.get("LECTERN_TEST_EXAMPLES", EXAMPLES),
            "--seed",
            os.environ.get("LECTERN_TEST_SEED", SEED),
            "--request-timeout",
            "20",
            "--warnings",
            "off",
        ],
        cwd=tmp_path,
        env=clean_environment(PYTHONPATH=str(ROOT), **{EXISTING: json.dumps(existing)}),
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
        stdin=subprocess.DEVNULL,
    )

    (tmp_path / "report.txt").write_text(done.stdout)
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-5_000:]
    assert answer_of(serving, "GET", "/readyz")[0] == 200
