from __future__ import annotations

from typing import Any

import pytest

from aster_ray import config
from aster_ray.errors import ConfigError
from aster_ray.settings import load
from aster_ray.venues.config import VenueConfig


def test_the_defaults_are_sound() -> None:
    assert VenueConfig().problems() == []
    assert VenueConfig(name="bybit").problems() == []
    local = VenueConfig(rest="http://127.0.0.1:18080", stream="ws://127.0.0.1:18080")
    assert local.problems() == []


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"name": "Aster"}, "name must be a venue of ccxt such as aster"),
        ({"rest": "127.0.0.1:18080"}, "rest must begin with http:// or https://"),
        ({"stream": "http://x"}, "stream must begin with ws:// or wss://"),
        ({"rest": "http://x/"}, "not end with /"),
        ({"rest": "http://x"}, "stream must be given where rest is"),
        ({"stream": "ws://x"}, "rest must be given where stream is"),
        ({"chain": 1}, "chain must be one of 1666, 714, was 1"),
        ({"book_levels": 7}, "book_levels must be one of 5, 10, 20, was 7"),
        ({"book_ms": 50}, "book_ms must be one of 100, 250, 500, was 50"),
        ({"timeout_s": 0.0}, "timeout_s must be greater than 0, was 0.0"),
        ({"weight_per_minute": 1}, "weight_per_minute must be between 10 and"),
        ({"listen_key_s": 3600.0}, "listen_key_s must be between 0.01 and 3000"),
    ],
)
def test_what_is_out_of_range_is_named(fields: dict[str, Any], words: str) -> None:
    assert any(words in problem for problem in VenueConfig(**fields).problems())


def test_the_section_is_read_from_every_source_and_hides_its_key() -> None:
    options = config.read_assignments(["venue.stream=ws://x", "venue.agent_key=" + "ab" * 32])
    settings = load(environ={"ASTER__VENUE__REST": "http://x"}, options=options)
    assert (settings.venue.rest, settings.venue.stream) == ("http://x", "ws://x")
    assert "abab" not in f"{settings!r}{settings.plain()}"
    with pytest.raises(ConfigError, match=r"venue\.stream must be given"):
        load(options=config.read_assignments(["venue.rest=http://x"]))


def test_where_a_venue_is_does_not_change_what_a_backtest_finds() -> None:
    moved = load(options=config.read_assignments(["venue.timeout_s=3", "venue.name=bybit"]))
    assert moved.digest() == load().digest()
