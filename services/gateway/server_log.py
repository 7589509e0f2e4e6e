"""The log of the HTTP server below the application.

It reports requests that it can't even parse, and would repeat them word for word: with the access token in the address.
It also reports each client that goes away before its answer ends, as an error with a traceback; those have their line in
the application's own log.
"""

import logging
from typing import Final

from aiohttp.http_exceptions import HttpProcessingError

_NAME: Final = "lectern.http"


class _WithoutTheRequest(logging.Filter):
    """Keeps that there was a malformed request, and from where; drops what it was, and clients that went away."""

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, HttpProcessingError):
            record.exc_info = None
            record.levelno, record.levelname = logging.WARNING, "WARNING"
        return not isinstance(error, ConnectionError)


_FILTER: Final = _WithoutTheRequest()


def server_logger() -> logging.Logger:
    """The logger to hand to the server."""
    logger = logging.getLogger(_NAME)
    logger.addFilter(_FILTER)  # a second time does nothing
    return logger
