"""Logging set-up, called by entry points only: importing a module never configures anything.

Code logs an event name and fields: ``structlog.get_logger().info("feed_gap", symbol=s, bars=3)``.
Everything goes to stderr, so that standard output stays the result of a command.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any, TextIO

import structlog

MASK = "***"

# Matches whole words of a field name: api_key, apiSecret, Authorization, private-key, password.
_SECRET = re.compile(
    r"(?:^|[_\-.])(?:key|secret|password|passphrase|token|credential|signature|authorization"
    r"|cookie|mnemonic|seed_phrase)s?$|apikey|apisecret|privatekey|private_key|secret",
    re.IGNORECASE,
)
_NEVER_SECRET = frozenset({"key", "keys", "config_key"})


def is_secret(name: str) -> bool:
    """Tell whether a field of this name must never be written out."""
    return name not in _NEVER_SECRET and _SECRET.search(name) is not None


def redact(value: Any, name: str = "") -> Any:
    """Return ``value`` with everything under a secret-looking name masked, at any depth."""
    if name and is_secret(name):
        return MASK
    if isinstance(value, MutableMapping | dict):
        return {key: redact(item, str(key)) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [redact(item) for item in value]
    return value


def _redact_event(
    _logger: Any, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    return {key: redact(value, key) for key, value in event.items()}


def configure(*, as_json: bool, level: str = "info", stream: TextIO | None = None) -> None:
    """Send log lines to ``stream`` (stderr): JSON lines for machines, aligned text for people."""
    target = sys.stderr if stream is None else stream
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer(sort_keys=True)
        if as_json
        else structlog.dev.ConsoleRenderer(colors=target.isatty())
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.StackInfoRenderer(),
            structlog.processors.format_exc_info,
            _redact_event,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(
            logging.getLevelNamesMapping()[level.upper()]
        ),
        logger_factory=structlog.PrintLoggerFactory(file=target),
        cache_logger_on_first_use=False,
    )
