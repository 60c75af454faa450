"""A download as a whole, from a venue that does what it is told."""

from __future__ import annotations

import gc
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from aster_ray.data.catalog import Catalog
from aster_ray.data.coverage import DOWNLOADS
from aster_ray.data.download.report import DownloadReport
from aster_ray.data.ingest import import_data, verify_data
from aster_ray.data.library import KINDS
from aster_ray.data.request import MarketRequest
from aster_ray.data.source import load_market
from aster_ray.errors import BadInputError, DataError, RejectedError, RetryableError
from aster_ray.model.ids import DAY_MS, HOUR_MS, MINUTE_MS, TIMEFRAMES
from aster_ray.model.instrument import Instrument
from tests.aster_ray.data.download.recorded import NOW_MS, START_MS, RecordedVenue

Fetch = Callable[..., DownloadReport]
BARS_1M = {"timeframes": ("1m",), "kinds": ("bars",)}


def contents(directory: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(directory)): path.read_bytes()
        for path in sorted(directory.rglob("*"))
        if path.is_file()
    }


def throttled(retry_after_ms: int) -> RetryableError:
    error = RetryableError("429")
    error.retry_after_ms = retry_after_ms
    return error


def test_everything_of_a_symbol_comes_and_agrees(fetch: Fetch, tmp_path: Path) -> None:
    report = fetch(RecordedVenue(), symbols=("BTC", "eth"))
    assert report.exit_code("fail") == 0
    assert report.findings() == []
    names = [(row.symbol, row.kind, row.timeframe) for row in report.series]
    each = [(kind, name) for kind in ("bars", "mark") for name in TIMEFRAMES] + [("funding", "")]
    assert names == [(symbol, *rest) for symbol in ("BTCUSDT", "ETHUSDT") for rest in each]
    by_name = {(row.symbol, row.kind, row.timeframe): row for row in report.series}
    # The minute of 00:30 was still open, the hours and the others that contain it too.
    assert by_name["BTCUSDT", "bars", "1m"].rows == 3 * 1440 + 30
    assert by_name["BTCUSDT", "bars", "1m"].last_ms == NOW_MS - NOW_MS % MINUTE_MS - MINUTE_MS
    assert by_name["BTCUSDT", "bars", "30m"].rows == 3 * 48 + 1
    assert by_name["BTCUSDT", "bars", "1h"].rows == 72
    assert by_name["ETHUSDT", "mark", "4h"].rows == 18
    assert by_name["ETHUSDT", "funding", ""].rows == 10
    assert len(report.checks) == 2 * 2 * 6
    assert all(check.compared and not check.differing for check in report.checks)
    verified = verify_data(str(tmp_path / "catalog"))
    assert sum(row.rows for row in verified) == sum(row.rows for row in report.series)


def test_a_backtest_reads_it_with_mark_and_funding(fetch: Fetch, tmp_path: Path) -> None:
    fetch(RecordedVenue())
    market = load_market(MarketRequest(path=str(tmp_path / "catalog"), timeframe="15m"))
    assert market.missing == ()
    assert np.count_nonzero(market.funding_rate) == 10


def test_a_second_download_asks_for_nothing_and_changes_nothing(
    fetch: Fetch, tmp_path: Path
) -> None:
    fetch(RecordedVenue())
    before, venue = contents(tmp_path / "catalog"), RecordedVenue()
    report = fetch(venue)
    assert venue.asked == []
    assert report.exit_code("fail") == 0
    assert [row.added for row in report.series] == [0] * 15
    assert contents(tmp_path / "catalog") == before


def test_what_was_stopped_anywhere_goes_on_and_ends_with_the_same_bytes(
    fetch: Fetch, tmp_path: Path
) -> None:
    """The venue falls silent after n answers; n = all numbers up to the whole."""
    whole = RecordedVenue()
    wanted = {"timeframes": ("5m", "4h"), "parallel": 1}
    fetch(whole, catalog="whole", **wanted)
    expected = contents(tmp_path / "whole")
    stops = 0
    for answered in range(2, len(whole.asked) + 2, 2):
        venue, name = RecordedVenue(), f"cut{answered}"
        venue.failures = [None] * answered + [RetryableError("reset")] * 1000
        report = fetch(venue, catalog=name, **wanted)
        stops += report.exit_code("report") == 1
        assert report.stopped == "" or "goes on from there" in report.stopped
        assert fetch(RecordedVenue(), catalog=name, **wanted).exit_code("fail") == 0
        assert contents(tmp_path / name) == expected, answered
    assert stops >= 5


def test_pieces_of_a_period_make_the_bytes_of_the_whole(fetch: Fetch, tmp_path: Path) -> None:
    wanted = {"timeframes": ("5m", "1h")}
    fetch(RecordedVenue(), catalog="whole", end="2024-02-01", **wanted)
    for start, end in (("2024-01-31", "2024-01-31"), ("2024-01-30", "2024-01-30")):
        fetch(RecordedVenue(), start=start, end=end, **wanted)
    report = fetch(RecordedVenue(), end="2024-02-01", **wanted)
    assert report.exit_code("fail") == 0
    assert contents(tmp_path / "catalog") == contents(tmp_path / "whole")


def test_growing_by_a_day_asks_for_the_day_and_some_bars_to_compare(fetch: Fetch) -> None:
    fetch(RecordedVenue(), end="2024-01-30", **BARS_1M)
    venue = RecordedVenue()
    report = fetch(venue, end="2024-01-31", **BARS_1M)
    rows = [row for row in venue.asked if row[2] == MINUTE_MS]
    assert rows[0][3] == START_MS + DAY_MS - 50 * MINUTE_MS
    assert sum(row[4] for row in rows) == 1440 + 50
    assert report.series[0].added == 1440
    assert report.series[0].rows == 2880


def test_a_venue_that_changes_its_history_is_reported_and_not_followed(
    fetch: Fetch, tmp_path: Path
) -> None:
    fetch(RecordedVenue(), end="2024-01-30", **BARS_1M)
    before = contents(tmp_path / "catalog")
    liar = RecordedVenue()
    late, gone = START_MS + DAY_MS - 10 * MINUTE_MS, START_MS + DAY_MS - 5 * MINUTE_MS
    liar.minutes["BTCUSDT"][late] = liar.minutes["BTCUSDT"][late]._replace(volume=99.0)
    del liar.minutes["BTCUSDT"][gone]
    report = fetch(liar, end="2024-01-31", **BARS_1M)
    assert report.exit_code("report") == 1
    assert report.series[0].changed == (late,)
    assert report.series[0].vanished == (gone,)
    changed, vanished = report.findings()
    assert changed.startswith("BTCUSDT bars 1m: the venue shows 1 other rows than before, the fir")
    assert changed.endswith("at 2024-01-30 23:50; kept as they were")
    assert vanished.startswith("BTCUSDT bars 1m: the venue no longer shows 1 rows, the first at 20")
    held = Catalog(tmp_path / "catalog").bars(Catalog(tmp_path / "catalog").series()[0], None, None)
    assert held.values[1430, 4] == RecordedVenue().minutes["BTCUSDT"][late].volume
    assert contents(tmp_path / "catalog") != before  # the new day is there


def test_recheck_compares_all_of_it(fetch: Fetch) -> None:
    fetch(RecordedVenue(), **BARS_1M)
    liar = RecordedVenue()
    liar.minutes["BTCUSDT"][START_MS] = liar.minutes["BTCUSDT"][START_MS]._replace(volume=99.0)
    assert fetch(liar, **BARS_1M).exit_code("fail") == 0  # far from where new rows join old ones
    report = fetch(liar, recheck=True, **BARS_1M)
    assert report.series[0].changed == (START_MS,)
    assert report.exit_code("fail") == 1


def test_a_gap_is_asked_for_twice_then_reported_and_filled_when_it_can_be(
    fetch: Fetch, tmp_path: Path
) -> None:
    venue = RecordedVenue()
    hole = range(START_MS + HOUR_MS, START_MS + 2 * HOUR_MS, MINUTE_MS)
    for ms in hole:
        del venue.minutes["BTCUSDT"][ms]
    report = fetch(venue, **BARS_1M)
    assert [row[3] for row in venue.asked].count(hole[0]) == 1
    assert report.series[0].missing_bars == 60
    assert report.series[0].gaps == ((hole[0], 60),)
    assert report.findings() == [
        "BTCUSDT bars 1m: 60 missing in 1 gap, the longest 60 from 2024-01-30 01:00"
    ]
    assert (report.exit_code("fail"), report.exit_code("report")) == (1, 0)
    verify_data(str(tmp_path / "catalog"))
    healed = RecordedVenue()
    report = fetch(healed, **BARS_1M)
    assert len(healed.asked) == 1
    assert report.series[0].added == 60
    assert report.exit_code("fail") == 0
    fetch(RecordedVenue(), catalog="whole", **BARS_1M)
    assert contents(tmp_path / "catalog") == contents(tmp_path / "whole")


@pytest.mark.parametrize("bounded", [False, True])
def test_a_symbol_listed_later_has_no_gap_before(fetch: Fetch, *, bounded: bool) -> None:
    venue = RecordedVenue(listed_ms=START_MS + 30 * HOUR_MS)
    venue.bounded = bounded
    report = fetch(venue, start="2023-06-01")
    assert report.exit_code("fail") == 0
    for row in report.series:
        assert row.begins_late
        assert row.first_ms >= START_MS + 28 * HOUR_MS  # the long bar it was listed in
    assert report.findings() == []
    assert len(venue.asked) < 80  # the years before the listing cost next to nothing
    again = RecordedVenue(listed_ms=START_MS + 30 * HOUR_MS)
    fetch(again, start="2023-06-01")
    assert again.asked == []


@pytest.mark.parametrize("bounded", [False, True])
@pytest.mark.parametrize("page", [1, 7, 100])
def test_short_pages_lose_nothing(fetch: Fetch, page: int, *, bounded: bool) -> None:
    venue = RecordedVenue()
    venue.page, venue.bounded = page, bounded
    hole = START_MS + 5 * HOUR_MS
    for ms in range(hole, hole + 700 * MINUTE_MS, MINUTE_MS):
        del venue.minutes["BTCUSDT"][ms]
    report = fetch(venue, timeframes=("5m",), end="2024-01-30")
    rows = {row.kind: row for row in report.series}
    assert rows["bars"].rows == 288 - 140
    assert rows["bars"].gaps == ((hole, 140),)
    assert rows["mark"].rows == 288
    assert rows["funding"].rows == 3


def test_pages_that_are_cut_at_random_lose_nothing(fetch: Fetch) -> None:
    venue, answers = RecordedVenue(), iter(range(10**6))

    def cut(_symbol: str, _length: int, rows: list[object]) -> list[object]:
        turn = next(answers)
        return [] if turn in (3, 9) else rows[: max(1, len(rows) // (1 + turn % 3))]

    venue.lies = cut
    report = fetch(venue, timeframes=("1m", "15m"))
    assert report.findings() == []
    assert report.exit_code("fail") == 0


def test_a_hole_in_funding_is_found(fetch: Fetch) -> None:
    venue = RecordedVenue()
    del venue.rates["BTCUSDT"][START_MS + 32 * HOUR_MS]
    report = fetch(venue, kinds=("funding",))
    assert report.series[0].gaps == ((START_MS + 32 * HOUR_MS, 1),)
    assert report.exit_code("fail") == 1


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda rows: [*rows[:3], rows[2], *rows[3:]], "repeats the time"),
        (lambda rows: [*rows[:3], rows[4], rows[3], *rows[5:]], "earlier than the row before"),
        (lambda rows: [rows[0]._replace(high=1.0), *rows[1:]], "high 1, which is below"),
        (lambda rows: [rows[0]._replace(close=float("nan")), *rows[1:]], "is not a number"),
        (lambda rows: [rows[0]._replace(open_ms=rows[0].open_ms + 1), *rows[1:]], "grid"),
    ],
)
def test_what_cannot_be_true_is_refused_and_the_rest_still_comes(
    fetch: Fetch, damage: Callable[[list[object]], list[object]], words: str, tmp_path: Path
) -> None:
    venue = RecordedVenue()
    venue.lies = lambda symbol, length, rows: (
        damage(rows) if symbol == "BTCUSDT" and length == MINUTE_MS and len(rows) > 9 else rows
    )
    report = fetch(venue, symbols=("BTC", "ETH"), timeframes=("1m", "1h"), kinds=("bars",))
    refused = next(row for row in report.series if row.refusal)
    assert words in refused.refusal
    assert refused.refusal.startswith("recorded sent what cannot be true")
    assert (refused.symbol, refused.timeframe, refused.rows) == ("BTCUSDT", "1m", 0)
    assert refused.unfetched
    assert [row.rows for row in report.series if not row.refusal] == [72, 4350, 72]
    assert report.exit_code("report") == 1
    verify_data(str(tmp_path / "catalog"))
    assert (
        fetch(
            RecordedVenue(), symbols=("BTC", "ETH"), timeframes=("1m", "1h"), kinds=("bars",)
        ).exit_code("fail")
        == 0
    )


def test_timeframes_that_disagree_are_reported(fetch: Fetch) -> None:
    venue = RecordedVenue()

    def shifted(symbol: str, length: int, rows: list[object]) -> list[object]:
        del symbol
        if length != 4 * HOUR_MS:
            return rows
        return [row._replace(high=row.high + 0.3) for row in rows]  # type: ignore[attr-defined]

    venue.lies = shifted
    report = fetch(venue, timeframes=("1m", "1h", "4h"), kinds=("bars",))
    assert [check.differing for check in report.checks] == [0, 18]
    assert (
        "4h: 18 of 18 bars are not what 1m bars make, the first at 2024-01-30 00:00: high"
        in (report.findings()[0])
    )
    assert (report.exit_code("fail"), report.exit_code("report")) == (1, 0)
    venue.lies = lambda _symbol, length, rows: (
        [row._replace(high=row.high + 0.1) for row in rows] if length == 4 * HOUR_MS else rows
    )
    assert fetch(venue, catalog="tick", timeframes=("1m", "4h"), kinds=("bars",)).findings() == []


def test_a_series_that_begins_long_after_the_others_is_named(fetch: Fetch) -> None:
    venue = RecordedVenue()
    for ms in range(START_MS, START_MS + 30 * HOUR_MS, MINUTE_MS):
        del venue.marks["BTCUSDT"][ms]
        venue.rates["BTCUSDT"].pop(ms, None)
    report = fetch(venue, timeframes=("1h",))
    assert report.findings() == [
        "BTCUSDT mark 1h: begins 2024-01-31 06:00, other data of BTCUSDT 2024-01-30 00:00",
        "BTCUSDT funding: begins 2024-01-31 08:00, other data of BTCUSDT 2024-01-30 00:00",
    ]
    assert (report.exit_code("fail"), report.exit_code("report")) == (1, 0)


def test_a_kind_the_venue_does_not_offer_is_named(fetch: Fetch) -> None:
    class NoMarks(RecordedVenue):
        async def mark_bars(self, *_: object) -> list[object]:  # type: ignore[override]
            raise RejectedError("recorded has no bars of the mark price")

    report = fetch(NoMarks(), timeframes=("1h",))
    assert {row.kind: row.refusal for row in report.series} == {
        "bars": "",
        "funding": "",
        "mark": "recorded has no bars of the mark price",
    }
    assert report.exit_code("report") == 1


def test_a_venue_that_cannot_be_reached_leaves_nothing_behind(fetch: Fetch, tmp_path: Path) -> None:
    venue = RecordedVenue()
    venue.failures = [RetryableError("no route to host")] * 3
    with pytest.raises(BadInputError, match=r"recorded cannot be reached \(no route to host"):
        fetch(venue)
    assert list(tmp_path.iterdir()) == []


def test_it_waits_as_long_as_the_venue_says(fetch: Fetch) -> None:
    venue = RecordedVenue()
    venue.failures = [None, None, throttled(5), throttled(5)]
    report = fetch(venue, **BARS_1M)
    assert (report.retries, report.stopped) == (2, "")


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ({"symbols": ("BTC", "NOPE")}, "symbol NOPEUSDT is unknown to recorded"),
        ({"symbols": ("BTCUSD",)}, "did you mean BTCUSDT"),
        ({"start": ""}, "give --from"),
        ({"start": "soon"}, "'soon' is not a date"),
        ({"end": "2023-01-01"}, "runs backwards"),
        ({"parallel": 0}, "parallel must be within 1 and 64, was 0"),
    ],
)
def test_bad_input_leaves_nothing_behind(
    fetch: Fetch, how: dict[str, object], words: str, tmp_path: Path
) -> None:
    with pytest.raises(BadInputError, match=words):
        fetch(RecordedVenue(), **how)
    assert list(tmp_path.iterdir()) == []


def test_a_period_in_which_nothing_closed_is_refused(fetch: Fetch, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="nothing has closed"):
        fetch(RecordedVenue(), start="2024-02-10")
    assert list(tmp_path.iterdir()) == []


def test_all_symbols_come_when_none_is_named(fetch: Fetch) -> None:
    report = fetch(RecordedVenue(), symbols=(), **BARS_1M)
    assert [row.symbol for row in report.series] == ["BTCUSDT", "ETHUSDT"]


def test_contracts_without_a_name_of_ours_are_left_out_of_all(fetch: Fetch) -> None:
    class Strange(RecordedVenue):
        async def instruments(self) -> list[Instrument]:
            known = list(await super().instruments())
            return [*known, replace(known[0], symbol="币安USDT", base="币安")]

    report = fetch(Strange(), symbols=(), **BARS_1M)
    assert [row.symbol for row in report.series] == ["BTCUSDT", "ETHUSDT"]


def test_a_venue_that_falls_silent_in_the_first_question_leaves_no_loose_task(
    fetch: Fetch, caplog: pytest.LogCaptureFixture
) -> None:
    venue = RecordedVenue()
    venue.failures = [None, None] + [RetryableError("reset")] * 99
    report = fetch(venue)
    gc.collect()
    assert report.stopped.startswith("stopped: reset, after 3 tries. What was fetched is stored")
    assert report.exit_code("report") == 1
    assert all(row.unfetched for row in report.series)
    assert caplog.text == ""


def test_files_of_others_are_not_mixed_with_a_catalog(fetch: Fetch, tmp_path: Path) -> None:
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "mine.txt").write_text("")
    with pytest.raises(DataError, match="already holds other files"):
        fetch(RecordedVenue(), catalog="notes")


def test_verify_finds_rows_that_are_not_those_that_came(fetch: Fetch, tmp_path: Path) -> None:
    fetch(RecordedVenue(), **BARS_1M)
    file = tmp_path / "catalog" / DOWNLOADS
    state = json.loads(file.read_text())
    state["series"][0]["chunks"][1]["sha256"] = "0" * 64
    file.write_text(json.dumps(state))
    with pytest.raises(DataError, match=r"from 2024-02-01 00:00 .* are not the 1470 that recorded"):
        verify_data(str(tmp_path / "catalog"))


def test_rows_imported_into_a_gap_are_no_longer_the_venues(fetch: Fetch, tmp_path: Path) -> None:
    venue = RecordedVenue()
    lost = START_MS + HOUR_MS
    bar = venue.minutes["BTCUSDT"].pop(lost)
    fetch(venue, **BARS_1M)
    more = tmp_path / "recorded_um_BTCUSDT_1m.csv"
    more.write_text("ts,open,high,low,close,volume\n" + ",".join(map(str, bar)) + "\n")
    import_data(str(more), str(tmp_path / "catalog"))
    verify_data(str(tmp_path / "catalog"))
    state = json.loads((tmp_path / "catalog" / DOWNLOADS).read_text())
    assert len(state["series"][0]["chunks"]) == 1  # February; January is compared next time
    report = fetch(venue, **BARS_1M)
    assert report.series[0].vanished == (lost,)
    assert fetch(RecordedVenue(), **BARS_1M).exit_code("fail") == 0


def test_the_kinds_are_those_of_a_catalog() -> None:
    assert KINDS == ("bars", "mark", "funding")
