"""The load bench end to end, small; nothing here asserts a time."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from aster_ray.data.source import MarketRequest
from aster_ray.data.source import load_market as load_market_of
from aster_ray.model.ids import HOUR_MS
from aster_ray.venues.simulator.opening import place_in_time
from tests.bench import load, load_market, load_table

CLOSES = 5
ROW = load.Row(
    contracts=50,
    wanted=100,
    seconds=200.0,
    at_start=12,
    together=0,
    closes=100,
    with_orders=30,
    orders=60,
    fills=55,
    left_out=0,
    rates={"books": load.Rate(9.9, 9.8), "bars": load.Rate(4.0, 4.0)},
    p50=4.0,
    p99=9.0,
    later_p99=9.0,
    confirmed_p50=400.0,
    confirmed_p99=600.0,
    bare=90,
    bare_p50=2.5,
    bare_p99=5.0,
    floor_p50=1.0,
    floor_p99=2.0,
    busy={"feed": 0.2, "exchange": 0.5, "machine": 1.1},
    hops={"feed -> strategy": {"messages": 100, "p50_ms": 0.7, "p99_ms": 1.9}},
    stages={"feed: complete to sent": {"messages": 100, "p50_ms": 0.4, "p99_ms": 0.9}},
)


@pytest.mark.slow
@pytest.mark.ray
def test_closes_that_come_over_the_stream_are_judged_and_the_others_counted() -> None:
    command = [sys.executable, "-m", "tests.bench", "--only", "load", "--json"]
    size = ["--load-contracts", "3", "--load-closes", str(CLOSES)]
    environment = {**os.environ, "PYTHONWARNINGS": ""}  # a process of its own: keys before Ray
    done = subprocess.run(
        [*command, *size], env=environment, stdout=subprocess.PIPE, check=True, timeout=300
    )
    row = json.loads(done.stdout)["load"]
    assert row["at_start"] >= 1  # nobody was ready when the first ones came
    assert row["closes"] + row["together"] >= CLOSES
    assert 0 <= row["with_orders"] <= row["closes"]
    assert row["wanted"] == CLOSES
    later = row["closes"] + row["together"]
    whole = row["left_out"] <= 0.05 * 3 * later
    assert row["told"] == (whole and row["closes"] >= 0.95 * later)
    if row["closes"]:
        assert 0.0 < row["p50"] <= row["p99"] <= row["later_p99"]
        assert row["confirmed_p50"] > 0.0  # no bar is confirmed before it is over
    assert row["stages"]["feed: complete to sent"]["messages"] > CLOSES
    assert row["hops"]["bar close to venue"]["messages"] >= sum(
        row[one] for one in ("at_start", "closes", "together")
    )
    assert 0.0 < row["floor_p50"] <= row["floor_p99"]
    assert 0 < row["bare"] <= row["seconds"] / load.BARE_S + 1
    assert 0.0 < row["bare_p50"] <= row["bare_p99"]
    assert row["rates"].keys() == {"bars", "marks", "books"}
    assert all(0.0 < rate["least"] <= rate["average"] for rate in row["rates"].values())
    actors = {"feed", "strategy", "risk", "executor", "ledger", "supervisor"}
    assert row["busy"].keys() == actors | {"bench", "exchange", "machine", "stolen by the host"}
    assert all(cores > 0.0 for name, cores in row["busy"].items() if "stolen" not in name)


def shown(row: load.Row) -> str:
    console = Console(record=True, width=160, file=io.StringIO())
    load_table.show(console, row)
    return console.export_text()


def verdicts(row: load.Row) -> tuple[int, int]:
    text = shown(row)
    return text.count(": held"), text.count("MISSED")


def test_a_bar_counts_only_at_the_pace_promised_and_if_nearly_all_closes_could_be_judged() -> None:
    assert ROW.held_p99
    assert ROW.held_p50
    assert ROW.plain()["updates"] == {"average": 13.9, "least": 13.8}
    assert verdicts(ROW) == (4, 0)
    slow = ROW._replace(rates={"books": load.Rate(9.9, 9.8)})
    assert not slow.paced
    assert verdicts(slow) == (0, 4)
    few = ROW._replace(together=6)
    assert not few.told
    assert verdicts(few) == (1, 3)
    assert "too few" in shown(few)
    assert not ROW._replace(wanted=200).told
    assert ROW._replace(left_out=250).told  # of 5,000 bars
    hollow = ROW._replace(left_out=251)
    assert verdicts(hollow) == (1, 3)
    assert verdicts(ROW._replace(p99=25.1, bare_p99=20.0)) == (3, 1)
    assert verdicts(ROW._replace(p50=5.1, bare_p50=4.0)) == (3, 1)
    assert not ROW._replace(closes=0).told
    assert "the longest" in shown(ROW._replace(closes=99))
    assert "the longest" not in shown(ROW)


def test_the_floor_that_judges_is_the_one_beside_the_streams() -> None:
    assert (ROW.floors_p50, ROW.floors_p99) == (1.6, 1.8)
    assert ROW.held_floors
    assert not ROW._replace(p50=5.1).held_floors  # 2.04 floors
    assert not ROW._replace(p99=10.1).held_floors  # nor may the tail take more
    assert not ROW._replace(bare=79).held_floors
    nothing = ROW._replace(bare=0, bare_p50=0.0, bare_p99=0.0)
    assert not nothing.held_floors
    assert "inf / inf" in shown(nothing)


def test_a_bare_close_that_meets_one_of_ours_is_no_floor() -> None:
    second = 1_000_000_000
    ours = [10 * second, 12 * second, 14 * second]
    began = [9.0, 9.95, 10.05, 10.1, 11.0, 11.95, 12.05, 13.9, 13.95, 14.2]
    bare = np.array([(int(one * second), n * 1_000_000) for n, one in enumerate(began)])
    assert load.clear_of(bare, ours).tolist() == [3.0, 4.0, 7.0]
    assert load.clear_of(bare, ours[:1]).tolist() == []
    assert load.clear_of(bare[:0], ours).tolist() == []


@pytest.mark.parametrize("start_ns", range(0, 100_000_000, 9_000_000))  # between two pulses
def test_a_clock_that_moves_in_pulses_is_read_as_it_moves(start_ns: int) -> None:
    pulse_ns, answer_ns, speed = 100_000_000, 7_000_000, 30
    now_ns = start_ns

    def told() -> int:
        nonlocal now_ns
        now_ns += answer_ns
        return now_ns // pulse_ns * pulse_ns * speed // 1_000_000

    wall_ns, exchange_ms = load_market.as_it_moves(told, lambda: now_ns)
    moved_ns = exchange_ms * 1_000_000 // speed
    assert 0 <= moved_ns - wall_ns <= 2 * answer_ns


def test_the_recording_lasts_whatever_time_of_day_it_is(tmp_path: Path) -> None:
    seconds = 300.0
    load_market.write_minutes(tmp_path / "market", 1, load_market.minutes_for(seconds))
    request = MarketRequest(
        path=str(tmp_path / "market"), timeframe="1m", start=load_market.FROM, warmup=400
    )
    market = load_market_of(request)
    played = seconds * load_market.SPEED / 60.0
    for hour in range(24):
        row, _ = place_in_time(market, 1_800_000_000_000 + hour * HOUR_MS)
        assert len(market) - row >= played


def test_the_slowest_contract_is_not_flattered() -> None:
    def account(at_ms: int, books: int, least: int, most: int) -> dict[str, Any]:
        heard = {"books": books, "books_least": least, "books_most": most}
        return {"at_ms": at_ms, "heard": heard}

    first, last = account(1_000, 210, 100, 110), account(11_000, 420, 200, 220)
    (rate,) = load.rates(first, last, 2).values()
    assert rate == load.Rate(average=10.5, least=9.0)
    assert load.rates(first, first, 2) == {}
