from __future__ import annotations

import io
import json
from collections.abc import Iterator

import pytest
import structlog

from aster_ray import log


@pytest.fixture(autouse=True)
def _restore() -> Iterator[None]:
    yield
    structlog.reset_defaults()


@pytest.mark.parametrize(
    "name",
    ["api_key", "apiKey", "API_SECRET", "password", "private_key", "authorization", "x-token"],
)
def test_secret_names_are_recognised(name: str) -> None:
    assert log.is_secret(name)


@pytest.mark.parametrize("name", ["key", "symbol", "tokens_per_second", "keyboard", "equity"])
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
