"""CheckFileInfo's answer, made once for one state of all that it speaks of.

Every client asks for it again every few minutes, mostly to hear that nothing has changed. What the metadata hands out is
frozen and may be shared, so that the same objects mean the same answer: whatever changes is another object.
"""

from dataclasses import dataclass
from typing import Final

import orjson

from services.gateway.access import FileAccess
from services.gateway.context import Gateway
from shared.core.checks import check_file_info
from shared.core.tokens import Claims, Dialect, Resource, traded

REMEMBERED_MAX: Final = 4096
"""Answers that are remembered; two kilobytes each, more or less."""


@dataclass(frozen=True, slots=True)
class _Answer:
    access: FileAccess
    body: bytes

    def is_of(self, access: FileAccess) -> bool:
        known = self.access
        return known.file is access.file and known.user is access.user and known.chain == access.chain


class FileInfos:
    """Bodies of CheckFileInfo, by the claims of the token that asks."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._answers: dict[Claims, _Answer] = {}

    def body(self, claims: Claims, access: FileAccess) -> bytes:
        """The body for that token, in JSON."""
        known = self._answers.get(claims)
        if known is not None and known.is_of(access):
            return known.body
        if len(self._answers) >= REMEMBERED_MAX:
            self._answers.clear()
        body = orjson.dumps(self._made(claims, access))
        self._answers[claims] = _Answer(access, body)
        return body

    def _made(self, claims: Claims, access: FileAccess) -> dict[str, object]:
        gateway = self._gateway
        # Other clients don't read these addresses, or show them to the browser.
        url = self._download_url(claims, access.file.name) if claims.dialect is Dialect.OFFICE else ""
        return check_file_info(
            access.file,
            access.chain,
            access.user,
            access.role,
            claims,
            gateway.addresses,
            file_url=url,
            download_url=url,
        )

    def _download_url(self, claims: Claims, name: str) -> str:
        """FileUrl and DownloadUrl: always the newest content, for as long as the token of `claims` lasts."""
        token = self._gateway.tokens.sign(traded(claims, Resource.DOWNLOAD, claims.resource_id))
        return self._gateway.addresses.download(token, name)
