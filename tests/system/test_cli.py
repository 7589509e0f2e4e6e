"""The command line against a running host: what people and scripts do, and the sentences they get when it can't be done."""

import itertools
import json
import os
import pty
import re
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from html import unescape
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, urlsplit

import pytest

from tests.system.processes import LECTERN, Serving, clean_environment, lectern, serve

_numbers = itertools.count()


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """One host for all tests here: each works in a folder of its own."""
    running = serve(tmp_path_factory.mktemp("cli") / "data")
    yield running
    running.stop()


@pytest.fixture
def place(host: Serving, request: pytest.FixtureRequest) -> str:
    """A folder on the host for one test."""
    name = re.sub("[^a-z]+", " ", request.node.name)[:100]
    return host.json("mkdir", f"/{name} {next(_numbers)}")["path"]


def wopi(minted: dict[str, Any], override: str, lock: str = "cli-lock") -> int:
    """A WOPI operation with a token of `lectern token`; gives the status."""
    parts = urlsplit(minted["wopi_src"])
    with closing(HTTPConnection(parts.netloc, timeout=30)) as connection:
        headers = {"X-WOPI-Override": override, "X-WOPI-Lock": lock}
        connection.request("POST", f"{parts.path}?access_token={minted['access_token']}", b"", headers)
        return connection.getresponse().status


def save(minted: dict[str, Any], content: bytes, lock: str = "cli-lock") -> int:
    """PutFile with a token of `lectern token`; gives the status."""
    parts = urlsplit(minted["wopi_src"])
    with closing(HTTPConnection(parts.netloc, timeout=30)) as connection:
        headers = {"X-WOPI-Override": "PUT", "X-WOPI-Lock": lock}
        connection.request("POST", f"{parts.path}/contents?access_token={minted['access_token']}", content, headers)
        return connection.getresponse().status


# Files in and out


def test_what_is_put_is_got_back_byte_for_byte(host: Serving, place: str, tmp_path: Path) -> None:
    content = os.urandom(3_000_000)
    (tmp_path / "in.bin").write_bytes(content)

    said = host.said("put", str(tmp_path / "in.bin"), f"{place}/Ünïcode näme.bin")
    host.said("get", f"{place}/Ünïcode näme.bin", "out.bin", cwd=tmp_path)

    assert said == f"{place}/Ünïcode näme.bin  version 1, 3.0 MB\n"
    assert (tmp_path / "out.bin").read_bytes() == content
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.bin", "out.bin"]


@pytest.mark.parametrize("target", ["", "/", "/letter.txt"])
def test_a_folder_takes_a_file_under_its_own_name(host: Serving, place: str, tmp_path: Path, target: str) -> None:
    (tmp_path / "letter.txt").write_text("Dear reader")

    made = host.json("put", str(tmp_path / "letter.txt"), place + target)

    assert made["path"] == f"{place}/letter.txt"


def test_putting_again_makes_a_new_version(host: Serving, place: str, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("one")
    host.said("put", "a.txt", place, cwd=tmp_path)
    (tmp_path / "a.txt").write_text("two")

    assert host.json("put", "a.txt", place, cwd=tmp_path)["version"] == 2
    refused = host.command("put", "--new", "a.txt", place, cwd=tmp_path)
    assert refused.returncode == 6


def test_missing_folders_are_made_only_when_asked(host: Serving, place: str, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("one")

    refused = host.command("put", "a.txt", f"{place}/x/y/a.txt", cwd=tmp_path)
    host.said("put", "--parents", "a.txt", f"{place}/x/y/a.txt", cwd=tmp_path)

    assert refused.returncode == 5
    assert refused.stderr == f"Error: there is no folder {place}/x/y on the host: --parents creates it\n"
    assert host.said("get", f"{place}/x/y/a.txt", "-") == "one"


def test_a_folder_goes_up_and_comes_down_with_all_that_is_in_it(host: Serving, place: str, tmp_path: Path) -> None:
    (tmp_path / "tree" / "inner").mkdir(parents=True)
    (tmp_path / "tree" / "a.txt").write_text("a")
    (tmp_path / "tree" / "inner" / "b.txt").write_text("b")
    refused = host.command("put", "tree", place, cwd=tmp_path)

    host.said("put", "-r", "tree", place, cwd=tmp_path)
    host.said("get", "-r", f"{place}/tree", "back", cwd=tmp_path)

    assert refused.returncode == 2
    assert (tmp_path / "back" / "a.txt").read_text() == "a"
    assert (tmp_path / "back" / "inner" / "b.txt").read_text() == "b"


def test_standard_input_and_output_carry_content_too(host: Serving, place: str) -> None:
    put = subprocess.run(  # noqa: S603 - our own command
        [LECTERN, "put", "-", f"{place}/piped.txt"],
        input="from a pipe",
        env=clean_environment(LECTERN_DATA_DIR=str(host.folder)),
        capture_output=True,
        text=True,
        check=False,
    )

    assert put.returncode == 0, put.stderr
    assert host.said("get", f"{place}/piped.txt", "-") == "from a pipe"


def test_an_empty_file_is_a_file(host: Serving, place: str, tmp_path: Path) -> None:
    (tmp_path / "empty.docx").touch()

    assert host.json("put", "empty.docx", place, cwd=tmp_path)["size"] == 0
    assert host.said("get", f"{place}/empty.docx", "-") == ""


def test_a_long_transfer_shows_its_progress_on_a_terminal(host: Serving, place: str, tmp_path: Path) -> None:
    (tmp_path / "large.bin").write_bytes(bytes(8_000_000))
    ours, theirs = pty.openpty()

    done = subprocess.run(  # noqa: S603 - our own command
        [LECTERN, "put", str(tmp_path / "large.bin"), place],
        env=clean_environment(LECTERN_DATA_DIR=str(host.folder)),
        stdout=subprocess.PIPE,
        stderr=theirs,
        check=True,
    )
    os.close(theirs)
    shown = os.read(ours, 100_000).decode()
    os.close(ours)

    assert "large.bin" in shown
    assert "100%" in shown
    assert b"version 1" in done.stdout


# The tree


def test_a_listing_is_for_people_or_for_machines(host: Serving, place: str, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("one")
    host.said("put", "a.txt", place, cwd=tmp_path)
    host.said("mkdir", f"{place}/inner")

    people = host.said("ls", place).splitlines()
    machines = host.json("ls", place)

    assert people[0].split() == ["NAME", "SIZE", "VERSION", "LAST", "MODIFIED", "BY", "LOCKED"]
    assert [line.split()[0] for line in people[1:]] == ["inner/", "a.txt"]
    assert [(one["kind"], one["name"]) for one in machines] == [("container", "inner"), ("file", "a.txt")]


def test_folders_are_made_moved_and_deleted(host: Serving, place: str) -> None:
    host.said("mkdir", "-p", f"{place}/a/b/c")
    host.said("mkdir", "-p", f"{place}/a/b/c")

    moved = host.json("mv", f"{place}/a/b/c", f"{place}/d")
    full = host.command("rm", f"{place}/a")
    gone = host.said("rm", "-r", f"{place}/a")

    assert moved["path"] == f"{place}/d"
    assert (full.returncode, full.stdout) == (6, "")
    assert "--recursive" in full.stderr
    assert gone.splitlines() == [f"deleted {place}/a/b", f"deleted {place}/a"]


def test_a_file_is_renamed_and_moved(host: Serving, place: str, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("one")
    host.said("put", "a.txt", place, cwd=tmp_path)
    host.said("mkdir", f"{place}/inner")

    assert host.json("mv", f"{place}/a.txt", f"{place}/b.txt")["path"] == f"{place}/b.txt"
    assert host.json("mv", f"{place}/b.txt", f"{place}/inner")["path"] == f"{place}/inner/b.txt"


# Rights and tokens


def test_a_grant_counts_at_once_and_is_taken_back(host: Serving, place: str, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("one")
    host.said("put", "a.txt", place, cwd=tmp_path)
    as_bob = ("put", "--as", "bob", str(tmp_path / "a.txt"), place)
    assert host.command(*as_bob).returncode == 0

    host.said("grant", place, "bob", "viewer")
    assert host.command(*as_bob).returncode != 0
    assert host.command("ls", "--as", "bob", place).returncode == 0
    host.said("grant", place, "bob", "none")
    assert host.command("ls", "--as", "bob", place).returncode == 5
    assert host.json("grants", place) == [{"user": "bob", "role": "none"}]
    host.said("grant", place, "bob", "inherit")

    assert host.command(*as_bob).returncode == 0
    assert host.json("grants", place) == []


def test_a_token_opens_the_file_or_folder_that_it_is_for(host: Serving, place: str, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("one")
    made = host.json("put", "a.txt", place, cwd=tmp_path)

    by_path = host.json("token", "--user", "ann", "--path", f"{place}/a.txt")
    by_id = host.json("token", "--user", "ann", "--file", made["id"])
    folder = host.json("token", "--user", "ann", "--container", made["container_id"], "--dialect", "collabora")

    assert sorted(by_path) == ["access_token", "access_token_ttl", "wopi_src"]
    assert by_path["wopi_src"] == by_id["wopi_src"] == f"{host.url}/wopi/files/{made['id']}"
    assert folder["wopi_src"] == f"{host.url}/wopi/containers/{made['container_id']}"
    assert (wopi(by_id, "LOCK"), wopi(by_path, "UNLOCK")) == (200, 200)


def test_a_read_only_token_does_not_write(host: Serving, place: str, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("one")
    host.said("put", "a.txt", place, cwd=tmp_path)

    minted = host.json("token", "--user", "ann", "--path", f"{place}/a.txt", "--read-only")

    assert (wopi(minted, "LOCK"), wopi(minted, "GET_LOCK")) == (404, 200)


def test_a_token_without_locks_saves_without_one(host: Serving, place: str, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("one")
    host.said("put", "a.txt", place, cwd=tmp_path)

    minted = host.json("token", "--user", "ann", "--path", f"{place}/a.txt", "--no-locks")

    assert save(minted, b"two", lock="") == 200


@pytest.mark.parametrize("what", [(), ("--file", "x", "--container", "y")], ids=["nothing", "two things"])
def test_a_token_is_for_one_thing(host: Serving, what: tuple[str, ...]) -> None:
    refused = host.command("token", "--user", "ann", *what)

    assert refused.returncode == 2
    assert "one of --path, --file and --container" in refused.stderr


# What was before, and what is stuck


def test_a_former_version_is_got_and_restored(host: Serving, place: str, tmp_path: Path) -> None:
    for text in ("one", "two", "three"):
        (tmp_path / "a.txt").write_text(text)
        host.said("put", "a.txt", place, cwd=tmp_path)

    assert [one["version"] for one in host.json("versions", f"{place}/a.txt")] == [3, 2, 1]
    assert host.said("get", f"{place}/a.txt", "-", "--version", "1") == "one"
    stale = host.command("restore", f"{place}/a.txt", "1", "--if-version", "2")
    host.said("restore", f"{place}/a.txt", "1")

    assert stale.returncode == 6
    assert host.said("get", f"{place}/a.txt", "-") == "one"
    assert [one["version"] for one in host.json("versions", f"{place}/a.txt")] == [4, 3, 2, 1]


def test_a_lock_is_seen_and_broken_and_the_save_after_it_is_kept_as_a_draft(
    host: Serving, place: str, tmp_path: Path
) -> None:
    (tmp_path / "a.txt").write_text("one")
    host.said("put", "a.txt", place, cwd=tmp_path)
    minted = host.json("token", "--user", "ann", "--path", f"{place}/a.txt")
    assert wopi(minted, "LOCK") == 200
    locked = host.command("rm", f"{place}/a.txt")

    assert locked.returncode == 6
    assert [one["lock"]["taken_by"] for one in host.json("locks") if one["file"]["path"] == f"{place}/a.txt"] == ["ann"]
    host.said("unlock", f"{place}/a.txt", "--reason", "ann is on holiday", "--yes")
    assert host.command("unlock", f"{place}/a.txt", "--reason", "again", "--yes").returncode == 6
    assert save(minted, b"ann's work") == 409

    (draft,) = host.json("drafts", "list", f"{place}/a.txt")
    host.said("drafts", "download", draft["id"], "kept.txt", cwd=tmp_path)
    assert (tmp_path / "kept.txt").read_bytes() == b"ann's work"
    host.said("drafts", "restore", draft["id"])
    assert host.said("get", f"{place}/a.txt", "-") == "ann's work"
    assert host.json("drafts", "list", f"{place}/a.txt") == []


def test_a_draft_can_be_discarded(host: Serving, place: str, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("one")
    host.said("put", "a.txt", place, cwd=tmp_path)
    minted = host.json("token", "--user", "ann", "--path", f"{place}/a.txt")
    assert save(minted, b"nowhere to go") == 409
    (draft,) = host.json("drafts", "list", f"{place}/a.txt")

    host.said("drafts", "discard", draft["id"])

    assert host.json("drafts", "list", f"{place}/a.txt") == []
    assert host.command("drafts", "restore", draft["id"]).returncode == 5


def test_breaking_a_lock_asks_first(host: Serving, place: str, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("one")
    host.said("put", "a.txt", place, cwd=tmp_path)
    assert wopi(host.json("token", "--user", "ann", "--path", f"{place}/a.txt"), "LOCK") == 200

    unanswered = host.command("unlock", f"{place}/a.txt", "--reason", "none")

    assert unanswered.returncode == 1
    assert f"ann has locked {place}/a.txt since" in unanswered.stderr
    host.said("unlock", f"{place}/a.txt", "--reason", "done", "--yes")


def test_the_last_saves_are_listed(host: Serving, place: str, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("one")
    host.said("put", "a.txt", place, cwd=tmp_path)

    assert f"{place}/a.txt" in [one["path"] for one in host.json("saves", "--since", "1h")]
    assert f"{place}/a.txt" in host.said("saves")
    assert host.command("saves", "--since", "yesterday").returncode == 2


def test_events_tell_what_happened_in_order(host: Serving, place: str, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("one")
    made = host.json("put", "a.txt", place, cwd=tmp_path)
    host.said("mv", f"{place}/a.txt", f"{place}/b.txt")
    host.said("rm", f"{place}/b.txt")

    told = [json.loads(line) for line in host.said("events", "--json").splitlines()]

    mine = [(one["type"], one["data"]["sequence"]) for one in told if one["subject"] == made["id"]]
    assert mine == [("file.created", 1), ("file.renamed", 2), ("file.deleted", 3)]


def test_events_are_followed_as_they_come(host: Serving, place: str) -> None:
    follower = subprocess.Popen(  # noqa: S603 - our own command
        [LECTERN, "events", "--follow", "--json"],
        env=clean_environment(LECTERN_DATA_DIR=str(host.folder), PYTHONUNBUFFERED="1"),
        stdout=subprocess.PIPE,
        text=True,
    )
    assert follower.stdout is not None
    assert follower.stdout.readline()

    made = host.json("mkdir", f"{place}/new")

    line = next(line for line in follower.stdout if made["id"] in line)
    follower.send_signal(signal.SIGINT)
    follower.wait(30)
    follower.stdout.close()
    assert json.loads(line)["type"] == "container.created"


# Finding the host, and sentences that help


def test_it_runs_from_any_folder_and_finds_the_host_by_url_and_key(host: Serving, tmp_path: Path) -> None:
    done = lectern("ls", "/", cwd=tmp_path, LECTERN_URL=host.url + "/", LECTERN_API_KEY=host.key)

    assert (done.returncode, done.stderr) == (0, "")


def test_it_finds_the_host_by_the_default_data_folder(host: Serving) -> None:
    done = lectern("ls", "/", cwd=host.folder.parent)

    assert (done.returncode, done.stderr) == (0, "")


def test_without_any_key_it_says_where_it_looked(tmp_path: Path) -> None:
    done = lectern("ls", "/", cwd=tmp_path)

    assert done.returncode == 1
    assert str(tmp_path / "data") in done.stderr
    assert "lectern serve" in done.stderr


def test_a_host_that_does_not_run_is_told_from_one_that_refuses(tmp_path: Path) -> None:
    done = lectern("ls", "/", cwd=tmp_path, LECTERN_URL="http://127.0.0.1:9", LECTERN_API_KEY="some-key-or-other")

    assert done.returncode == 3
    assert done.stderr.startswith("Error: no host answers at http://127.0.0.1:9")


def test_a_wrong_key_is_told_without_showing_it(host: Serving, tmp_path: Path) -> None:
    done = lectern("ls", "/", cwd=tmp_path, LECTERN_URL=host.url, LECTERN_API_KEY="not-the-right-key")

    assert done.returncode == 4
    assert "doesn't accept this key" in done.stderr
    assert "not-the-right-key" not in done.stderr


def test_what_answers_but_is_no_host_is_told(host: Serving, tmp_path: Path) -> None:
    done = lectern("ls", "/", cwd=tmp_path, LECTERN_URL=f"{host.url}/nowhere", LECTERN_API_KEY=host.key)

    assert done.returncode != 0
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("command", [("ls",), ("get",), ("rm",), ("versions",), ("grants",)])
def test_a_path_that_is_missing_is_named(host: Serving, command: tuple[str, ...]) -> None:
    done = host.command(*command, "/no/such.docx")

    assert (done.returncode, done.stderr) == (5, "Error: there is no /no/such.docx on the host\n")


def test_a_local_file_that_is_missing_is_named(host: Serving, tmp_path: Path) -> None:
    done = host.command("put", "missing.docx", "/", cwd=tmp_path)

    assert done.returncode == 2
    assert "'missing.docx' does not exist" in done.stderr


def test_an_illegal_name_is_refused_with_the_reason(host: Serving, place: str) -> None:
    done = host.command("mkdir", f"{place}/what?")

    assert done.returncode == 1
    assert "must not contain ?" in done.stderr


@pytest.mark.parametrize("command", ["serve", "token", "put", "get", "ls", "drafts", "events"])
def test_help_needs_no_host(command: str, tmp_path: Path) -> None:
    done = lectern(command, "--help", cwd=tmp_path)

    assert done.returncode == 0
    assert done.stdout.startswith(f"Usage: lectern {command}")


# In the office suite

DISCOVERY: Final = """<?xml version="1.0" encoding="utf-8"?>
<wopi-discovery><net-zone name="external-http"><app name="Suite" favIconUrl="http://127.0.0.1/icon.ico">
<action name="edit" ext="docx" urlsrc="http://127.0.0.1/suite?&lt;ui=UI_LLCC&amp;&gt;"/>
</app></net-zone></wopi-discovery>"""


@pytest.fixture
def suite_url() -> Iterator[str]:
    """An office suite, as far as its discovery document."""

    class Suite(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = DISCOVERY.encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/xml")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Nothing to say."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Suite) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/hosting/discovery"
        server.shutdown()
        thread.join()


def test_a_document_opens_by_a_page_that_nobody_else_can_read(
    start: Callable[..., Serving], suite_url: str, tmp_path: Path
) -> None:
    host = start(tmp_path / "data", LECTERN_DISCOVERY_URL=suite_url)

    host.said("open", "/Samples/Letter.docx", "--user", "ann", "--page", "page.html", cwd=tmp_path)

    page = tmp_path / "page.html"
    text = page.read_text("utf-8")
    (action,) = re.findall(r'action="([^"]+)"', text)
    assert unescape(action).startswith("http://127.0.0.1/suite?")
    assert quote(f"{host.url}/wopi/files/", safe="") in unescape(action)
    assert re.search(r'name="access_token" value="[0-9a-f]+"', text)
    assert page.stat().st_mode & 0o777 == 0o600


def test_without_a_suite_it_says_what_to_set(host: Serving) -> None:
    done = host.command("open", "/Samples/Letter.docx", "--user", "ann")

    assert done.returncode == 6
    assert "set LECTERN_DISCOVERY_URL" in done.stderr
