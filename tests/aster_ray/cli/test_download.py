"""``aster data download`` against a served exchange: messages, exit codes, kills."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from aster_ray import cli
from aster_ray.data.coverage import DOWNLOADS
from aster_ray.data.parts import writing
from tests.aster_ray.data.download.exchange import in_background
from tests.aster_ray.venues.simulator.served import Venue

ROOT = Path(__file__).parents[3]
Capture = pytest.CaptureFixture[str]
Answer = Callable[..., dict[str, Any]]
PERIOD = ["--from", "2024-01-31", "--to", "2024-02-01"]
MINUTES = ["--timeframes", "1m", "--kinds", "bars"]


@pytest.fixture(scope="module")
def exchange() -> Iterator[Venue]:
    """Serve an exchange to all tests of this file."""
    with in_background(hole=True) as venue:
        yield venue


@pytest.fixture(autouse=True)
def connected(exchange: Venue, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the command meet the served exchange."""
    monkeypatch.setenv("ASTER__VENUE__REST", exchange.http)
    monkeypatch.setenv("ASTER__VENUE__STREAM", exchange.socket)


def contents(directory: Path) -> dict[str, bytes]:
    """Return the files of a catalog, without the times at which chunks came."""
    found = {
        str(path.relative_to(directory)): path.read_bytes()
        for path in sorted(directory.rglob("*"))
        if path.is_file()
    }
    found[DOWNLOADS] = re.sub(rb'"fetched_ms": \d+', b"", found[DOWNLOADS])
    return found


def test_a_download_feeds_verify_list_and_backtest(answer: Answer, tmp_path: Path) -> None:
    arguments = ["--symbols", "ETH", *PERIOD, "--catalog", "mine", "--out", "out"]
    told = answer("data", "download", *arguments)
    assert told["catalog"] == "mine"
    assert told["findings"] == []
    assert told["venue"] == "aster"
    assert told["bars_per_s_at_most"] == 499 * 2400 / 2 / 60  # a page of 499 weighs 2
    assert len(told["series"]) == 15
    assert [row["timeframe"] for row in told["series"]][:3] == ["1m", "3m", "5m"]
    assert json.loads((tmp_path / "out" / "download.json").read_text()) == told
    assert answer("data", "verify", "--data", "mine")["rows"] == sum(
        row["rows"] for row in told["series"]
    )
    assert len(answer("data", "list", "--data", "mine")["series"]) == 15
    report = answer("backtest", "--data", "mine", "--timeframe", "5m", "--strategy", "momentum")
    assert report["data"]["symbols"] == ["ETHUSDT"]
    assert report["data"]["missing"] == []


def test_a_gap_fails_unless_it_is_only_to_be_reported(answer: Answer, capsys: Capture) -> None:
    arguments = ["data", "download", "--symbols", "BTC", *PERIOD, *MINUTES]
    told = answer(*arguments, code=1)
    assert told["findings"] == [
        "BTCUSDT bars 1m: 60 missing in 1 gap, the longest 60 from 2024-01-31 01:40"
    ]
    answer(*arguments, "--gaps", "report")
    assert cli.main(arguments) == 1
    out, err = capsys.readouterr()
    assert "finding: BTCUSDT bars 1m: 60 missing" in out
    assert "use it with --data catalog" in out
    assert err == ""


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--symbols", "BTC"], "the first day is missing: give --from"),
        (PERIOD, "no symbols: name them with --symbols BTC,ETH, or --symbols all"),
        (["--symbols", "NOPE", *PERIOD], "symbol NOPEUSDT is unknown to aster"),
        (["--symbols", "BTCUSD", *PERIOD], "did you mean BTCUSDT or"),
        (["--symbols", "BTC!", *PERIOD], "symbol 'BTC!' cannot be read"),
        (["--symbols", "BTC", "--from", "soon"], "'soon' is not a date"),
        (["--symbols", "BTC", "--from", "2024-02-01", "--to", "2024-01-01"], "runs backwards"),
        (["--symbols", "BTC", "--from", "2124-02-01"], "nothing has closed between 2124-02-01"),
        (["--symbols", "BTC", *PERIOD, "--timeframes", "2h"], "timeframe '2h' is unknown"),
        (["--symbols", "BTC", *PERIOD, "--kinds", "book"], "kind 'book' is unknown"),
        (["--symbols", "BTC", *PERIOD, "--gaps", "allow"], "--gaps must be fail or report"),
        (["--symbols", "BTC", *PERIOD, "--parallel", "0"], "parallel must be within 1 and 64"),
        (["--symbols", "BTC", *PERIOD, "--venue", "asterix"], "venue of ccxt such as aster"),
        (["--symbols", "BTC", *PERIOD, "--catalog", "file"], "is a file; name a directory"),
        (["--symbols", "BTC", *PERIOD, "--out", "file"], "--out file is a file"),
    ],
)
def test_what_is_wrong_is_named_and_nothing_is_written(
    arguments: list[str], words: str, capsys: Capture, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    assert cli.main(["data", "download", *arguments]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert words in err
    assert err.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_venue_that_is_not_there_is_named(
    capsys: Capture, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("ASTER__VENUE__REST", "http://127.0.0.1:9")
    assert cli.main(["data", "download", "--symbols", "BTC", *PERIOD]) == 2
    assert "venue aster cannot be reached" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_two_downloads_never_write_one_catalog(capsys: Capture, tmp_path: Path) -> None:
    (tmp_path / "catalog").mkdir()
    with writing(tmp_path / "catalog"):
        assert cli.main(["data", "download", "--symbols", "BTC", *PERIOD]) == 2
    expected = f"catalog 'catalog' is being written by another process {os.getpid()}; wait"
    assert expected in capsys.readouterr().err


def test_the_configuration_names_what_no_option_does(answer: Answer, tmp_path: Path) -> None:
    text = '[data]\npath = "there"\nsymbols = ["ETH"]\nstart = "2024-01-31"\nend = "2024-01-31"\n'
    (tmp_path / "aster.toml").write_text(text)
    told = answer("data", "download", *MINUTES)
    assert [(row["symbol"], row["rows"]) for row in told["series"]] == [("ETHUSDT", 1440)]
    assert (tmp_path / "there" / DOWNLOADS).is_file()


@pytest.mark.slow
def test_a_download_that_is_killed_anywhere_ends_with_the_same_bytes(
    exchange: Venue, tmp_path: Path
) -> None:
    arguments = ["data", "download", "--symbols", "BTC,ETH", *PERIOD, "--gaps", "report"]
    arguments += ["--timeframes", "1m,5m,1h", "--json"]
    command = [sys.executable, "-m", "aster_ray.cli", *arguments]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    assert cli.main([*arguments, "--catalog", "whole"]) == 0
    expected = contents(tmp_path / "whole")
    chunks = expected[DOWNLOADS].count(b'"begin_ms"')
    killed = 0
    slow = {"kind": "slow", "seconds": 0.1, "count": 1000}
    for wanted in (0, 1, chunks // 3, chunks * 2 // 3):
        catalog = tmp_path / f"killed{wanted}"
        asyncio.run(exchange.control("POST", "faults", slow))
        with subprocess.Popen(
            [*command, "--catalog", str(catalog)], env=environment, stdout=subprocess.DEVNULL
        ) as process:
            record = catalog / DOWNLOADS if wanted else catalog / "manifest.json"
            deadline = time.monotonic() + 60
            while process.poll() is None and time.monotonic() < deadline:
                if record.exists() and record.read_bytes().count(b'"begin_ms"') >= wanted:
                    process.send_signal(signal.SIGKILL)
                    break
            process.wait()
        killed += process.returncode == -signal.SIGKILL
        asyncio.run(exchange.control("DELETE", "faults"))
        assert cli.main([*arguments, "--catalog", str(catalog)]) == 0
        assert contents(catalog) == expected
    assert killed >= 3


def test_all_symbols_must_be_asked_for(answer: Answer) -> None:
    period = ["--from", "2024-02-01T12:00", "--to", "2024-02-01T13:00"]
    told = answer("data", "download", "--symbols", "all", *period, *MINUTES)
    assert [(row["symbol"], row["rows"]) for row in told["series"]] == [
        ("BTCUSDT", 60),
        ("ETHUSDT", 60),
    ]


@pytest.mark.slow
@pytest.mark.usefixtures("a_terminal")
def test_an_interrupt_keeps_what_came(exchange: Venue, tmp_path: Path) -> None:
    arguments = ["data", "download", "--symbols", "BTC,ETH", *PERIOD, "--catalog", "cut"]
    command = [sys.executable, "-m", "aster_ray.cli", *arguments, "--json"]
    asyncio.run(exchange.control("POST", "faults", {"kind": "slow", "seconds": 0.2, "count": 999}))
    try:
        with subprocess.Popen(
            command,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            deadline = time.monotonic() + 60
            while not (tmp_path / "cut" / DOWNLOADS).exists() and time.monotonic() < deadline:
                time.sleep(0.02)
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=60)
    finally:
        asyncio.run(exchange.control("DELETE", "faults"))
    assert (process.returncode, out) == (130, "")
    assert json.loads(err) == {"error": "interrupted"}
    assert cli.main(["data", "verify", "--data", "cut"]) == 0
