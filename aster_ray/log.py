"""Logging set-up, called by entry points only: importing a module never configures anything.

Code logs an event name and fields: ``structlog.get_logger().info("feed_gap", symbol=s, bars=3)``.
On a console everything goes to stderr, so that standard output stays the result of a command; a
process of a session writes JSON lines into a file of its own, rotated by size.

Secrets are kept out twice: whatever stands under a secret-looking name is masked at any depth, and
every known secret value is masked wherever it turns up, tracebacks included.
"""

from __future__ import annotations

import json
import logging
import logging.handlers
import re
import sys
from collections.abc import Iterable, Mapping, MutableMapping
from pathlib import Path
from typing import Any, TextIO

import structlog

MASK = "***"
# A process keeps its newest lines: one file it writes to and so many before it.
MAX_BYTES = 2 * 1024 * 1024
KEPT_FILES = 4
# Masking every "1" of a log would hide everything but the secret.
_SHORTEST_SECRET = 6
_LOGGER = "aster"

# Matches whole words of a field name: api_key, apiSecret, Authorization, private-key, PGPASSWORD.
# PWD and OLDPWD are folders, DB_PWD is none.
_SECRET = re.compile(
    r"(?:^|[_\-.])(?:key|token|bearer|passphrase|passcode|credential|signature|authorization"
    r"|cookie|mnemonic|seed_phrase)s?$|[_\-.](?:pass|pwd|pat)$"
    r"|apikey|privatekey|private_key|password|passwd|secret",
    re.IGNORECASE,
)
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")  # between the words of accessToken
_URL_PASSWORD = re.compile(r"://[^/\s:@]*:([^@/\s]+)@")
_NEVER_SECRET = frozenset({"key", "keys", "config_key"})


def is_secret(name: str) -> bool:
    """Tell whether a field of this name must never be written out."""
    return name not in _NEVER_SECRET and _SECRET.search(_HUMP.sub("_", name)) is not None


_known: set[str] = set()


def conceal(values: Iterable[str]) -> None:
    """Mask these values from now on, wherever they appear in this process's lines."""
    for value in values:
        if len(value) >= _SHORTEST_SECRET:
            # Also as the text of an exception, of bytes or of a JSON document spells it.
            spelled = repr(value)[1:-1], repr(value.encode())[2:-1], json.dumps(value)[1:-1]
            _known.update((value, *spelled))


def conceal_environment(environ: Mapping[str, str]) -> None:
    """Mask the value of every variable with a secret-looking name, and passwords within URLs."""
    conceal(value for name, value in environ.items() if is_secret(name))
    conceal(word for value in environ.values() for word in _URL_PASSWORD.findall(value))


def redact_text(text: str) -> str:
    """Return ``text`` without any known secret value."""
    # Longest first: a secret may be a part of another.
    for value in sorted(_known, key=len, reverse=True):
        text = text.replace(value, MASK)
    return text


def redact(value: Any, name: str = "") -> Any:
    """Return ``value`` with everything secret masked, by name or by value, at any depth."""
    if name and is_secret(name):
        return MASK
    if isinstance(value, str):
        return redact_text(value)
    if isinstance(value, Mapping):
        return {redact_text(str(key)): redact(item, str(key)) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [redact(item) for item in value]
    if value is None or isinstance(value, bool | int | float):
        return value
    return redact_text(str(value) if isinstance(value, BaseException | Path) else repr(value))


def _redact_event(
    _logger: Any, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    return {
        redact_text(key): value if key.startswith("_") else redact(value, key)
        for key, value in event.items()
    }


def configure(*, as_json: bool, level: str = "info", stream: TextIO | None = None) -> None:
    """Send log lines to ``stream`` (stderr): JSON lines for machines, aligned text for people."""
    target = sys.stderr if stream is None else stream
    structlog.configure(
        processors=[*_prepare(), _redact_event, _renderer(as_json, target.isatty())],
        wrapper_class=structlog.make_filtering_bound_logger(_number(level)),
        logger_factory=structlog.PrintLoggerFactory(file=target),
        cache_logger_on_first_use=False,
    )


def configure_file(path: Path, level: str = "info") -> None:
    """Send the log lines of this process to ``path`` as JSON, whoever of its libraries writes them.

    The file is rotated at ``MAX_BYTES`` and ``KEPT_FILES`` older ones are kept beside it
    (``feed.log.1``, ...), so that a session's logs stay bounded. A later call replaces an earlier
    one. Libraries that use the standard ``logging`` are heard from warnings upwards.
    """
    handler = logging.handlers.RotatingFileHandler(
        path, maxBytes=MAX_BYTES, backupCount=KEPT_FILES, encoding="utf-8", delay=True
    )
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *_prepare()],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                _redact_event,
                _renderer(as_json=True, colors=False),
            ],
        )
    )
    handler.set_name(_LOGGER)
    close_file()
    ours = logging.getLogger(_LOGGER)
    for logger in (logging.getLogger(), ours):
        logger.addHandler(handler)
    ours.setLevel(_number(level))
    ours.propagate = False  # the file alone: whoever else listens at the root prints to a console
    structlog.configure(
        processors=[
            *_prepare(),
            _redact_event,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(_number(level)),
        logger_factory=lambda *_names: ours,
        cache_logger_on_first_use=False,
    )


def close_file() -> None:
    """End what ``configure_file`` began, if it did."""
    for logger in (logging.getLogger(), logging.getLogger(_LOGGER)):
        for earlier in [known for known in logger.handlers if known.get_name() == _LOGGER]:
            logger.removeHandler(earlier)
            earlier.close()
    structlog.reset_defaults()


def _prepare() -> list[structlog.typing.Processor]:
    """Return what turns a call into an event with level, time and the text of its exception."""
    return [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
    ]


def _renderer(as_json: bool, colors: bool) -> structlog.typing.Processor:
    if as_json:
        return structlog.processors.JSONRenderer(sort_keys=True)
    return structlog.dev.ConsoleRenderer(colors=colors)


def _number(level: str) -> int:
    return logging.getLevelNamesMapping()[level.upper()]
