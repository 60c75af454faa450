from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from aster_ray.data.request import MarketRequest
from aster_ray.data.source import available, ignored, load_market, open_library
from aster_ray.data.synthetic import SYMBOLS
from aster_ray.errors import BadInputError, DataError
from aster_ray.kernel.records import CLOSE, FUNDING, MARK_CLOSE, OPEN

Good = Callable[..., dict[str, np.ndarray]]
Write = Callable[[str, dict[str, np.ndarray]], Path]
EPOCH_MS, HOUR_MS, DAY_MS = 1_704_067_200_000, 3_600_000, 86_400_000
BUILT_IN_MS = 1_735_689_600_000


def test_the_built_in_market_needs_nothing() -> None:
    market = load_market(MarketRequest())
    assert market.symbols == SYMBOLS
    assert market.bars.shape == (180 * 24, 6, 8)
    assert (market.start, market.missing) == (0, ())
    assert np.isfinite(market.bars).all()
    assert np.count_nonzero(market.funding_rate[:, 0]) > 500
    assert market.digest() == load_market(MarketRequest()).digest()
    assert market.digest() != load_market(MarketRequest(seed=8)).digest()


def test_the_built_in_market_can_be_cut_and_warmed_up() -> None:
    market = load_market(
        MarketRequest(
            symbols=("sol", "BTC/USDT:USDT"), start="2025-02-01", end="2025-02-02", warmup=10
        )
    )
    assert market.symbols == ("SOLUSDT", "BTCUSDT")
    assert (len(market), market.start) == (58, 10)
    assert market.open_ms[market.start] == BUILT_IN_MS + 31 * DAY_MS


def test_without_a_start_the_first_bars_are_the_warm_up() -> None:
    market = load_market(MarketRequest(warmup=50))
    assert (market.start, market.missing) == (50, ())
    with pytest.raises(DataError, match="warm-up of 48 bars leaves none of 48 bars to trade"):
        load_market(MarketRequest(end="2025-01-02", warmup=48))


def test_a_short_warm_up_is_named() -> None:
    market = load_market(MarketRequest(start="2025-01-02", warmup=100))
    assert market.start == 24
    assert market.missing == ("warm-up: 24 bars before the start instead of 100",)


def test_a_period_that_the_data_do_not_cover_is_named() -> None:
    covered = load_market(MarketRequest(start="2025-01-01", end="2025-06-29"))
    assert covered.missing == ()
    market = load_market(MarketRequest(start="2024-06-01", end="2025-09-01"))
    assert len(market) == 180 * 24
    assert market.missing == (
        "no bar from 2024-06-01 00:00: the period begins 2025-01-01 00:00",
        "no bar up to 2025-09-02 00:00: the period ends 2025-06-30 00:00",
    )


def test_the_built_in_market_refuses_what_it_does_not_hold() -> None:
    with pytest.raises(DataError, match="symbol XRPUSDT is not in the built-in market; it has BTC"):
        load_market(MarketRequest(symbols=("XRP",)))
    with pytest.raises(DataError, match="venue 'binance' is not in the built-in market"):
        load_market(MarketRequest(venue="binance"))
    with pytest.raises(
        DataError, match=r"BTCUSDT has no 1h bar from 2024-01-01 .* available: 2025"
    ):
        load_market(MarketRequest(start="2024-01-01", end="2024-12-31"))


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"symbols": ("B TC",)}, "symbol 'B TC' cannot be read"),
        ({"timeframe": "2h"}, "timeframe '2h' is unknown"),
        ({"start": "2025-02-01", "end": "2025-01-01"}, "runs backwards"),
        ({"start": "soon"}, "is not a date"),
    ],
)
def test_bad_requests_say_what_is_wrong(change: dict[str, str], problem: str) -> None:
    with pytest.raises(BadInputError, match=problem) as caught:
        load_market(MarketRequest(**change))  # type: ignore[arg-type]
    assert caught.value.exit_code == 2


def test_missing_and_empty_directories_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="nowhere' does not exist; give a folder"):
        load_market(MarketRequest(path=str(tmp_path / "nowhere")))
    with pytest.raises(DataError, match="it is empty"):
        load_market(MarketRequest(path=str(tmp_path)))
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="is not a directory"):
        open_library(str(tmp_path / "file"))


def test_a_folder_of_csv_is_enough(good: Good, write: Write) -> None:
    path = write("v_um_BTCUSDT_1h.csv", good(48))
    write("v_um_ETHUSDT_1h.csv", good(24, first_ms=EPOCH_MS + DAY_MS))
    market = load_market(MarketRequest(path=str(path.parent)))
    assert market.symbols == ("BTCUSDT", "ETHUSDT")
    assert np.isnan(market.bars[:24, 1]).all()  # a symbol enters at its first bar
    assert np.isfinite(market.bars[24:]).all()
    assert market.missing[0] == "BTCUSDT: no mark price, last price used"


@pytest.mark.parametrize(
    ("damage", "problem"),
    [
        (lambda columns: columns["close"].__setitem__(5, np.nan), "close nan, which is not a num"),
        (lambda columns: columns["low"].__setitem__(5, -1.0), "low -1, which is not positive"),
        (lambda columns: columns["ts"].__setitem__(5, columns["ts"][4]), "repeats the time"),
        (lambda columns: columns["ts"].__setitem__(5, EPOCH_MS), "is earlier than the row before"),
        (lambda columns: columns["high"].__setitem__(5, 1.0), "which is below open or close"),
    ],
)
@pytest.mark.parametrize("suffix", ["parquet", "csv"])
def test_damaged_bars_never_reach_a_strategy(
    good: Good, write: Write, damage: Callable[..., None], problem: str, suffix: str
) -> None:
    columns = good(48)
    damage(columns)
    path = write(f"v_um_BTCUSDT_1h.{suffix}", columns)
    with pytest.raises(DataError, match=f"v_um_BTCUSDT_1h.{suffix}: row 6 .*{problem}"):
        load_market(MarketRequest(path=str(path.parent)))


def test_gaps_are_named_forbidden_or_too_long(good: Good, write: Write) -> None:
    keep = np.r_[0:10, 13:20, 21:60]
    columns = {name: column[keep] for name, column in good(60).items()}
    folder = str(write("v_um_BTCUSDT_1h.parquet", columns).parent)
    market = load_market(MarketRequest(path=folder))
    assert len(market) == 56
    assert market.missing[0] == (
        "BTCUSDT: 4 bars missing in 2 gaps, the longest 3 bars from 2024-01-01 10:00, "
        "not traded there"
    )
    with pytest.raises(DataError, match="and gaps are forbidden; choose other dates"):
        load_market(MarketRequest(path=folder, gaps="forbid"))
    with pytest.raises(DataError, match="which is more than max_gap 2; choose"):
        load_market(MarketRequest(path=folder, max_gap=2))
    load_market(MarketRequest(path=folder, gaps="forbid", start="2024-01-02", warmup=3))


def test_finer_bars_stand_in_for_missing_longer_ones(good: Good, write: Write) -> None:
    write("v_um_BTCUSDT_5m.parquet", good(12 * 30, step_ms=300_000))
    folder = str(write("v_um_BTCUSDT_1m.parquet", good(60, step_ms=60_000)).parent)
    market = load_market(MarketRequest(path=folder, timeframe="1h"))
    assert len(market) == 30  # from 5m: fewer rows to read than 1m
    assert market.bars[1, 0, OPEN] == 100.0 + 12 - 0.5
    with pytest.raises(DataError, match="BTCUSDT has no 1m bar from 2024-06-01"):
        load_market(MarketRequest(path=folder, timeframe="1m", start="2024-06-01"))


def test_native_bars_without_the_period_give_way_to_finer_ones(good: Good, write: Write) -> None:
    write("v_um_BTCUSDT_1h.parquet", good(24))
    late = EPOCH_MS + 10 * DAY_MS
    folder = str(write("v_um_BTCUSDT_5m.parquet", good(288, 300_000, late)).parent)
    market = load_market(MarketRequest(path=folder, symbols=("BTC",), start="2024-01-11"))
    assert len(market) == 24
    with pytest.raises(
        DataError, match=r"available: 2024-01-01 .* and 2024-01-11 00:00 to 2024-01-12"
    ):
        load_market(MarketRequest(path=folder, symbols=("BTC",), start="2024-03-01"))


def test_bars_are_never_split(good: Good, write: Write) -> None:
    folder = str(write("v_um_BTCUSDT_1h.parquet", good(24)).parent)
    with pytest.raises(
        DataError, match="timeframe 5m cannot be built from the data; it has bars of 1h"
    ):
        load_market(MarketRequest(path=folder, timeframe="5m"))
    with pytest.raises(DataError, match="BTCUSDT has no bars that build 5m; it has 1h"):
        load_market(MarketRequest(path=folder, timeframe="5m", symbols=("BTC",)))
    with pytest.raises(DataError, match="symbol DOGEUSDT is not in the data; it has BTCUSDT"):
        load_market(MarketRequest(path=folder, symbols=("DOGE",)))


def test_perpetuals_come_before_spot(good: Good, write: Write) -> None:
    spot = good(24)
    for name in ("open", "high", "low", "close"):
        spot[name] = spot[name] * 2.0
    write("v_spot_BTCUSDT_1h.parquet", spot)
    write("v_spot_ETHUSDT_1h.parquet", spot)
    folder = str(write("v_um_BTCUSDT_1h.parquet", good(24)).parent)
    market = load_market(MarketRequest(path=folder))
    assert market.symbols == ("BTCUSDT",)
    assert market.bars[0, 0, CLOSE] == 100.0
    asked = load_market(MarketRequest(path=folder, symbols=("ETH", "BTC")))
    assert asked.bars[0, :, CLOSE].tolist() == [200.0, 100.0]
    assert asked.missing[0] == "ETHUSDT: no perpetual bars, spot bars used"


def test_two_venues_need_a_choice(good: Good, write: Write) -> None:
    write("aster_um_BTCUSDT_1h.parquet", good(24))
    folder = str(write("binance_um_BTCUSDT_1h.parquet", good(12)).parent)
    with pytest.raises(DataError, match=r"from several venues \(aster, binance\); choose one"):
        load_market(MarketRequest(path=folder))
    assert len(load_market(MarketRequest(path=folder, venue="binance"))) == 12
    with pytest.raises(DataError, match="venue 'okx' is not in the data; it has aster, binance"):
        load_market(MarketRequest(path=folder, venue="okx"))


def test_symbols_nobody_named_may_lack_the_period(good: Good, write: Write) -> None:
    write("v_um_BTCUSDT_1h.parquet", good(24))
    folder = str(write("v_um_ETHUSDT_1h.parquet", good(24, first_ms=EPOCH_MS + DAY_MS)).parent)
    market = load_market(MarketRequest(path=folder, end="2024-01-01"))
    assert market.symbols == ("BTCUSDT",)
    assert "ETHUSDT: no bar in this period, left out" in market.missing
    with pytest.raises(DataError, match="symbol ETHUSDT has no 1h bar"):
        load_market(MarketRequest(path=folder, symbols=("ETH",), end="2024-01-01"))
    with pytest.raises(DataError, match="symbol BTCUSDT has no 1h bar"):
        load_market(MarketRequest(path=folder, start="2025-01-01"))


def test_marks_and_funding_come_from_their_files(good: Good, write: Write) -> None:
    mark = good(24)
    for name in ("open", "high", "low", "close"):
        mark[name] = mark[name] - 10.0
    write("v_um_BTCUSDT_mark_1h.parquet", mark)
    ts = EPOCH_MS + 8 * HOUR_MS * np.arange(3, dtype=np.int64) + 5  # a few ms late, as venues are
    write("v_um_BTCUSDT_funding.parquet", {"ts": ts, "rate": np.array([0.0001, -0.0002, 0.0003])})
    folder = str(write("v_um_BTCUSDT_1h.parquet", good(24)).parent)
    market = load_market(MarketRequest(path=folder))
    assert market.missing == ()
    assert np.array_equal(market.bars[:, 0, MARK_CLOSE], market.bars[:, 0, CLOSE] - 10.0)
    assert np.flatnonzero(market.bars[:, 0, FUNDING]).tolist() == [0, 8, 16]
    assert market.bars[8, 0, FUNDING] == -0.0002 * (market.bars[8, 0, OPEN] - 10.0)


def test_available_and_ignored_describe_a_path(good: Good, write: Write, built: Path) -> None:
    path = write("here/v_um_BTCUSDT_1h.parquet", good(24))
    (path.parent / "README.md").write_text("")
    (entry,) = available(str(path.parent))
    assert entry == ("v", "um", "BTCUSDT", "bars", "1h", 24, EPOCH_MS, EPOCH_MS + 23 * HOUR_MS)
    assert [file.name for file in ignored(str(path.parent))] == ["README.md"]
    assert [entry.rows for entry in available(str(built))] == [48, 6]
    assert ignored(str(built)) == ignored("") == []
    assert len(available("")) == 90


def test_three_recorded_symbols_over_three_years(recorded: str) -> None:
    request = MarketRequest(
        path=recorded,
        symbols=("BTC", "ETH", "SOL"),
        start="2023-01-01",
        end="2025-12-31",
        warmup=200,
    )
    load_market(request)
    market = load_market(request)
    assert len(market) - market.start == 3 * 365 * 24 + 24
    assert market.start == 200
    assert np.isnan(market.bars[:200, 2]).all()  # SOL's record begins with 2023
    assert np.isfinite(market.bars[200:]).all()
    assert market.missing == ("SOLUSDT: no mark price, last price used",)
    settled = np.count_nonzero(market.funding_rate[200:, 0])
    assert 3 * 1096 - 30 < settled <= 3 * 1096  # some rates are exactly zero


def test_every_recorded_perpetual_loads_and_says_what_is_missing(recorded: str) -> None:
    market = load_market(MarketRequest(path=recorded, start="2025-06-01", end="2025-06-30"))
    assert len(market.symbols) == 12
    assert market.bars.shape == (720, 12, 8)
    assert np.isfinite(market.bars).all()
    assert "XRPUSDT: no mark price, last price used" in market.missing
    assert any(file.name == "binance_um_universe_1d.parquet" for file in ignored(recorded))


def test_recorded_spot_has_known_outages(recorded: str) -> None:
    from aster_ray.data.ingest import verify_data

    reports = {report.origin: report for report in verify_data(recorded)}
    assert reports["binance spot BTCUSDT bars 1h"].missing_bars == 122
    assert reports["binance spot SOLUSDT bars 1h"].missing_bars == 20
    assert reports["binance um BTCUSDT bars 1h"].gap_count == 0
    assert len(reports) == len(available(recorded))
