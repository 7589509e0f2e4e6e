"""Single requests to a host in another process."""

import http.client

from tests.system.processes import Serving


def answer_of(
    serving: Serving, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None
) -> tuple[int, bytes]:
    """Status and body of one request, as the operator."""
    connection = http.client.HTTPConnection(serving.url.removeprefix("http://"), timeout=20)
    try:
        connection.request(method, path, body, {"Authorization": f"Bearer {serving.key}"} | (headers or {}))
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()
