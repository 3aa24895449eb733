"""Logs on standard error: one JSON object a line, or plain text on a terminal."""

from __future__ import annotations

import logging
import sys

import msgspec

from outrider.domain.clock import iso


class JsonLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        entry = {
            "at": iso(int(record.created * 1000)),
            "level": record.levelname.lower(),
            "log": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            entry["exception"] = self.formatException(record.exc_info)
        return msgspec.json.encode(entry).decode()


def set_up(level: str) -> None:
    """Logging for the whole process; `level` is a name such as INFO."""
    handler = logging.StreamHandler(sys.stderr)
    if sys.stderr.isatty():
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)-7s %(name)s  %(message)s"))
    else:
        handler.setFormatter(JsonLines())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    logging.getLogger("uvicorn").setLevel(max(logging.WARNING, logging.getLevelName(level)))
    # Of a database that is away its pool tells with a traceback for every try. We tell that ourselves, once.
    logging.getLogger("asyncpg").setLevel(logging.ERROR)
