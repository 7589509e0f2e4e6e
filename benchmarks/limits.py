"""Bare aiohttp handlers for the requests that are measured: the mark that a host on aiohttp is held against.

No tokens, no permissions, no rules, not even a router. What a 200 promises is kept, though: an upload is hashed, written and fsynced before
it's answered, and a change of a lock is in a journal that is fsynced, with one sync for all that wait.

    GET  /info       2 KB of JSON that are ready
    GET  /file       a file from disk, by aiohttp's own FileResponse
    POST /sink       the body to a new file: SHA-256, write, fsync, rename, fsync of the folder
    POST /journal    a line in the journal
"""

import argparse
import asyncio
import hashlib
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import orjson
from aiohttp import web

INFO = {f"HostProperty{number:02d}Url": "http://127.0.0.1/" + "x" * 40 for number in range(24)} | {
    "BaseFileName": "document.docx",
    "Size": 12345,
    "OwnerId": "operator",
    "UserId": "operator",
    "Version": "1",
}


class Journal:
    """Appends lines; a caller goes on when its line is on disk."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND)
        self._writer = ThreadPoolExecutor(1)
        self._lines: list[bytes] = []
        self._waiters: list[asyncio.Future[None]] = []
        self._is_busy = False

    async def append(self, line: bytes) -> None:
        """Returns when the line is durable."""
        loop = asyncio.get_running_loop()
        waiter = loop.create_future()
        self._lines.append(line)
        self._waiters.append(waiter)
        if not self._is_busy:
            self._is_busy = True
            while self._lines:
                lines, self._lines = self._lines, []
                waiters, self._waiters = self._waiters, []
                await loop.run_in_executor(self._writer, self._write, b"".join(lines))
                for one in waiters:
                    one.set_result(None)
            self._is_busy = False
        await waiter

    def _write(self, data: bytes) -> None:
        os.write(self._file, data)
        os.fdatasync(self._file)


class Bare:
    """The four handlers, on one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._descriptor = os.open(folder, os.O_RDONLY)
        self._journal = Journal(folder / "journal")
        self._uploads = 0

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """The whole of the routing."""
        handlers = {"/info": self.info, "/file": self.file, "/sink": self.sink, "/journal": self.journal}
        return await handlers[request.path](request)

    async def info(self, _: web.BaseRequest) -> web.Response:
        """CheckFileInfo without finding out anything: rendered anew, as a host has to."""
        return web.Response(body=orjson.dumps(INFO), content_type="application/json")

    async def file(self, request: web.BaseRequest) -> web.FileResponse:
        """GetFile."""
        return web.FileResponse(self._folder / request.query["name"], chunk_size=1024 * 1024)

    async def sink(self, request: web.BaseRequest) -> web.Response:
        """PutFile."""
        self._uploads += 1
        target = self._folder / request.query["name"]
        unfinished = target.with_suffix(f".{self._uploads}")
        digest = hashlib.sha256()
        descriptor = os.open(unfinished, os.O_CREAT | os.O_WRONLY | os.O_TRUNC)
        try:
            async for piece in request.content.iter_any():
                digest.update(piece)
                os.write(descriptor, piece)
            await asyncio.get_running_loop().run_in_executor(None, self._keep, descriptor, unfinished, target)
        finally:
            os.close(descriptor)
        return web.Response(headers={"X-WOPI-ItemVersion": digest.hexdigest()[:16]})

    def _keep(self, descriptor: int, unfinished: Path, target: Path) -> None:
        os.fsync(descriptor)
        unfinished.replace(target)
        os.fsync(self._descriptor)

    async def journal(self, request: web.BaseRequest) -> web.Response:
        """Lock, RefreshLock, Unlock."""
        await self._journal.append(orjson.dumps([request.headers["X-WOPI-Override"], request.query["name"]]) + b"\n")
        return web.Response(headers={"X-WOPI-ItemVersion": "1"})


async def serve(folder: Path) -> None:
    """Serve on a free port, which is printed, until the process ends."""
    runner = web.ServerRunner(web.Server(Bare(folder).handle, access_log=None))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.Event().wait()


def main() -> None:
    """Run with uvloop, as the host does where it is installed."""
    import uvloop  # noqa: PLC0415

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(parser.parse_args().folder))


if __name__ == "__main__":
    main()
