"""``aster data instruments`` against a served exchange."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from aster_ray import cli
from aster_ray.data.instruments import RULES_FILE, catalog_instruments, packaged_instruments
from tests.aster_ray.data.download.exchange import in_background
from tests.aster_ray.venues.simulator.served import KEY, Venue

Capture = pytest.CaptureFixture[str]
Answer = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def exchange() -> Iterator[Venue]:
    """Serve an exchange to all tests of this file."""
    with in_background() as venue:
        yield venue


@pytest.fixture(autouse=True)
def connected(exchange: Venue, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the command meet the served exchange."""
    monkeypatch.setenv("ASTER__VENUE__REST", exchange.http)
    monkeypatch.setenv("ASTER__VENUE__STREAM", exchange.socket)


def test_the_packaged_rules_are_shown_with_source_and_date(answer: Answer, capsys: Capture) -> None:
    shown = answer("data", "instruments")
    assert [row["symbol"] for row in shown["instruments"]] == sorted(packaged_instruments())
    (btc,) = answer("data", "instruments", "--symbols", "BTC")["instruments"]
    assert (btc["tick"], btc["lot"], btc["highest_leverage"]) == ("0.1", "0.001", 125)
    assert btc["source"].startswith("Aster exchangeInfo")
    assert btc["as_of"] == "2025-11-15"
    assert cli.main(["data", "instruments", "--symbols", "BTC"]) == 0
    assert "BTCUSDT: Aster exchangeInfo" in capsys.readouterr().out


def test_a_refresh_writes_the_venues_rules_and_shows_what_changed(
    answer: Answer, capsys: Capture, tmp_path: Path
) -> None:
    told = answer("data", "instruments", "--refresh", "--catalog", "mine")
    assert told["written"] == f"mine/{RULES_FILE}"
    assert {change["field"] for change in told["changes"]} == {"maker_fee", "taker_fee"}
    assert cli.main(["data", "instruments", "--refresh", "--catalog", "shown"]) == 0
    table = capsys.readouterr().out
    assert "BTCUSDT" in table
    assert "taker_fee" in table
    assert f"2 contracts, {len(told['changes'])} fields changed: shown/{RULES_FILE}" in table
    written = catalog_instruments(tmp_path / "mine")
    assert sorted(written) == ["BTCUSDT", "ETHUSDT"]
    btc, packaged = written["BTCUSDT"], packaged_instruments()["BTCUSDT"]
    assert (btc.tick, btc.lot, btc.min_notional) == (packaged.tick, packaged.lot, 5.0)
    assert btc.brackets == packaged.brackets
    assert btc.source.startswith("aster: its own rules; margin table of 2025-11-15: Aster")
    assert btc.as_of > "2026"
    before = (tmp_path / "mine" / RULES_FILE).read_bytes()
    again = ["data", "instruments", "--refresh", "--catalog", "mine", "--symbols", "ETH"]
    assert answer(*again)["changes"] == []
    assert (tmp_path / "mine" / RULES_FILE).read_bytes() == before
    assert cli.main(again) == 0
    assert f"1 contracts, 0 fields changed: mine/{RULES_FILE}" in capsys.readouterr().out
    shown = answer("data", "instruments", "--catalog", "mine", "--symbols", "ETH")["instruments"]
    assert shown[0]["source"] == written["ETHUSDT"].source


def test_with_the_accounts_keys_the_margin_tables_are_the_venues(
    answer: Answer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("ASTER_AGENT_KEY", KEY)
    told = answer("data", "instruments", "--refresh", "--out", "rules")
    assert json.loads((tmp_path / "rules" / "instruments.json").read_text()) == told
    written = catalog_instruments(tmp_path / "rules")
    assert {item.source for item in written.values()} == {"aster: its own rules"}
    assert KEY not in (tmp_path / "rules" / RULES_FILE).read_text() + json.dumps(told)


def test_a_backtest_uses_the_rules_of_its_catalog_and_says_which(
    answer: Answer, tmp_path: Path
) -> None:
    period = ["--from", "2024-01-31", "--to", "2024-02-01", "--kinds", "bars"]
    answer("data", "download", "--symbols", "ETH", *period, "--catalog", "c")
    run = ["backtest", "--data", "c", "--timeframe", "5m", "--strategy", "momentum"]
    before = answer(*run)["run"]
    answer("data", "instruments", "--refresh", "--catalog", "c")
    after = answer(*run)["run"]
    assert before["rules"] != after["rules"]
    assert before["run_id"] != after["run_id"]
    assert {name for name in before if before[name] != after[name]} == {"rules", "run_id"}
    answer("data", "verify", "--data", "c")
    file = tmp_path / "c" / RULES_FILE
    file.write_text(file.read_text() + "[")
    assert cli.main(run) == 2


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--refresh"], "nowhere to write rules to: name a directory with --catalog or --out"),
        (["--refresh", "--catalog", "file"], "file is a file"),
        (["--refresh", "--catalog", "c", "--symbols", "DOGE"], "DOGEUSDT is unknown to aster"),
        (["--refresh", "--catalog", "c", "--venue", "asterix"], "venue of ccxt such as aster"),
        (["--symbols", "NOPE"], "NOPEUSDT is unknown to the rules in force"),
        (["--venue", "aster"], "--venue is for --refresh"),
    ],
)
def test_what_is_wrong_is_named_and_nothing_is_written(
    arguments: list[str], words: str, capsys: Capture, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    assert cli.main(["data", "instruments", *arguments]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert words in err
    assert err.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_venue_that_fails_leaves_the_rules_as_they_were(
    answer: Answer, capsys: Capture, exchange: Venue, tmp_path: Path
) -> None:
    answer("data", "instruments", "--refresh", "--catalog", "c")
    before = (tmp_path / "c" / RULES_FILE).read_bytes()
    fault = {"kind": "html", "status": 502, "count": 99, "path": "/exchangeInfo"}
    asyncio.run(exchange.control("POST", "faults", fault))
    try:
        assert cli.main(["data", "instruments", "--refresh", "--catalog", "c"]) == 2
    finally:
        asyncio.run(exchange.control("DELETE", "faults"))
    assert "venue aster cannot be reached" in capsys.readouterr().err
    assert (tmp_path / "c" / RULES_FILE).read_bytes() == before
