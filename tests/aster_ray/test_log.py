from __future__ import annotations

import io
import json
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog

from aster_ray import log


@pytest.fixture(autouse=True)
def _restore() -> Iterator[None]:
    yield
    structlog.reset_defaults()


@pytest.mark.parametrize(
    "name",
    [
        *("api_key", "apiKey", "API_SECRET", "password", "private_key", "authorization", "x-token"),
        *("accessToken", "authTokens", "PGPASSWORD", "MYSQL_PWD", "DB_PASS", "GITHUB_PAT"),
        *("walletPrivateKey", "Bearer", "passwd"),
    ],
)
def test_secret_names_are_recognised(name: str) -> None:
    assert log.is_secret(name)


@pytest.mark.parametrize(
    "name",
    [
        *("key", "symbol", "tokens_per_second", "keyboard", "equity", "PWD", "OLDPWD", "path"),
        *("bypass", "compass", "monkey", "PATH"),
    ],
)
def test_other_names_are_not(name: str) -> None:
    assert not log.is_secret(name)


def test_json_lines_carry_event_and_fields_and_hide_secrets_at_any_depth() -> None:
    stream = io.StringIO()
    log.configure(as_json=True, stream=stream)
    structlog.get_logger().info(
        "order_sent", symbol="BTCUSDT", api_key="hunter2", request={"headers": {"signature": "s3"}}
    )
    structlog.get_logger().debug("too_quiet")
    (line,) = stream.getvalue().splitlines()
    record = json.loads(line)
    assert record["event"] == "order_sent"
    assert record["symbol"] == "BTCUSDT"
    assert record["api_key"] == log.MASK
    assert record["request"]["headers"]["signature"] == log.MASK
    assert record["timestamp"].endswith("Z")


def test_the_console_gets_readable_lines() -> None:
    stream = io.StringIO()
    log.configure(as_json=False, level="debug", stream=stream)
    structlog.get_logger().debug("feed_gap", bars=3, password="hunter2")
    assert "feed_gap" in stream.getvalue()
    assert "bars=3" in stream.getvalue()
    assert "hunter2" not in stream.getvalue()


@pytest.fixture
def lines(tmp_path: Path) -> Iterator[Callable[[], list[dict[str, Any]]]]:
    """Log into a file, forget secrets and handlers afterwards."""
    path = tmp_path / "one.log"
    log.configure_file(path)

    def read() -> list[dict[str, Any]]:
        return [json.loads(line) for line in path.read_text().splitlines()]

    yield read
    log._known.clear()
    log.close_file()


def test_a_file_gets_json_lines_of_ours_and_of_libraries(
    lines: Callable[[], list[dict[str, Any]]],
) -> None:
    structlog.get_logger().info("order_sent", symbol="BTCUSDT")
    structlog.get_logger().debug("too_quiet")
    logging.getLogger("some.library").warning("disk is %d %% full", 91)
    logging.getLogger("some.library").info("chatter")
    ours, theirs = lines()
    assert (ours["event"], ours["symbol"], ours["level"]) == ("order_sent", "BTCUSDT", "info")
    assert theirs["event"] == "disk is 91 % full"
    assert (theirs["logger"], theirs["level"]) == ("some.library", "warning")
    assert ours["timestamp"].endswith("Z")


def test_configuring_a_file_again_replaces_the_first(
    tmp_path: Path, lines: Callable[[], list[dict[str, Any]]]
) -> None:
    log.configure_file(tmp_path / "two.log")
    structlog.get_logger().info("moved")
    assert not (tmp_path / "one.log").exists()
    assert "moved" in (tmp_path / "two.log").read_text()


@pytest.mark.usefixtures("lines")
def test_a_file_is_rotated_and_the_whole_is_bounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log, "MAX_BYTES", 2_000)
    log.configure_file(tmp_path / "small.log")
    for number in range(1_000):
        structlog.get_logger().info("tick", number=number)
    files = sorted(tmp_path.glob("small.log*"))
    assert [file.name for file in files] == ["small.log", *(f"small.log.{n}" for n in range(1, 5))]
    assert all(0 < file.stat().st_size <= 2_000 for file in files)
    assert json.loads(files[0].read_text().splitlines()[-1])["number"] == 999


SECRET = 'hunter-"two"-\\-snowman-☃'


class Request:
    """What a library may hand to a logger: its text gives the secret away."""

    def __repr__(self) -> str:
        return f"<Request signed with {SECRET}>"


def test_a_known_value_appears_nowhere_whatever_carries_it(
    lines: Callable[[], list[dict[str, Any]]], tmp_path: Path
) -> None:
    log.conceal_environment({"EXCHANGE_API_SECRET": SECRET, "HOME": "/nobody", "A_TOKEN": "1"})
    logger = structlog.get_logger()
    event = f"an event with {SECRET}"
    logger.info(event, text=f"a {SECRET} b", deep=[{"x": (SECRET,)}], n=1)
    logger.info("names", **{SECRET: 1})
    logger.info("objects", request=Request(), error=ValueError(SECRET), raw=SECRET.encode())
    try:
        raise RuntimeError(f"refused: {SECRET}") from KeyError(SECRET)
    except RuntimeError:
        logger.exception("failed")
        logging.getLogger("some.library").exception("failed with %s", SECRET)
    text = (tmp_path / "one.log").read_text()
    for form in (SECRET, json.dumps(SECRET)[1:-1], repr(SECRET)[1:-1], "hunter"):
        assert form not in text
    first, *_, traceback, theirs = lines()
    assert first["text"] == "a *** b"
    assert first["deep"] == [{"x": ["***"]}]
    assert first["n"] == 1  # a short value is no secret
    for record in (traceback, theirs):
        assert "RuntimeError: refused: ***" in record["exception"]
    assert log.redact_text(f"<{SECRET}>") == "<***>"


def test_a_secret_that_contains_another_is_masked_whole() -> None:
    log.conceal(["abcdef", "abcdefghij"])
    assert log.redact_text("abcdefghij abcdef") == "*** ***"
    log._known.clear()


def test_a_password_within_a_url_of_the_environment_is_masked(
    lines: Callable[[], list[dict[str, Any]]],
) -> None:
    log.conceal_environment(
        {"DATABASE_URL": "postgresql://aster:hunter2hunter2@db:5432/x", "PWD": "/srv/aster"}
    )
    structlog.get_logger().info("failed", why="no route: aster:hunter2hunter2@db", cwd="/srv/aster")
    (line,) = lines()
    assert (line["why"], line["cwd"]) == (f"no route: aster:{log.MASK}@db", "/srv/aster")
