"""What a person reads of a session's twin."""

from __future__ import annotations

from typing import Any

from aster_ray.cli.drift_tables import (
    close_line,
    drift_text,
    followed_table,
    replay_table,
    status_line,
)
from aster_ray.research.follow import Lag
from aster_ray.research.twin import Verdict
from tests.aster_ray.cli.test_tables import NOON_MS, printed

NONE = {"orders": 0, "mean_bps": None, "worst_bps": None, "best_bps": None, "cost": 0.0}
SOME = {"orders": 7, "mean_bps": 1.25, "worst_bps": 3.0, "best_bps": -0.5, "cost": 0.731}
DRIFT = {"market": SOME, "intrabar": NONE, "only_venue": 1, "only_paper": 2}
ROW: dict[str, Any] = {
    "close_ms": NOON_MS,
    "symbol": "BTCUSDT",
    "kind": "market",
    "client_order_ids": ["ar-1", "ar-2"],
    "venue_lots": 5,
    "paper_lots": 5,
    "venue_price": 100.02,
    "paper_price": 100.0,
    "bps": 2.0,
}
DIFFERENCE = {
    "close_ms": NOON_MS,
    "symbol": "BTCUSDT",
    "field": "lots",
    "recorded": 5,
    "reproduced": 4,
    "client_order_id": "ar-1",
}
TOLD = "2025-01-01 12:00 BTCUSDT ar-1 lots: recorded 5, reproduced 4"


def test_a_replay_lists_differences_up_to_a_limit_and_what_was_dropped() -> None:
    payload = {
        "orders": 12,
        "differences": [DIFFERENCE] * 3,
        "dropped_bytes": {"risk.journal": 1_234},
        "unfinished": 1,
        "drift": DRIFT,
    }
    assert printed(replay_table(payload, most=2)).splitlines() == [
        TOLD,
        TOLD,
        "... and 1 more",
        "risk.journal: a torn last record, 1,234 bytes, was dropped",
        "the last close was not seen through: the session did not end in order",
        "market orders: 7 at +1.25 bps on average (-0.50 to +3.00), cost +0.73",
        "inside bars: none",
        "executed on one side only: 1 at the venue, 2 on paper",
        "12 orders replayed, 3 differ",
    ]
    same = printed(replay_table({"orders": 2, "differences": []}))
    assert same == "2 orders replayed, all identical\n"


def test_a_close_is_a_line_with_its_worst_drift_and_the_lag() -> None:
    quiet = Verdict(6, NOON_MS, 0, 0, [], [])
    assert close_line(quiet, Lag(0, 120.0)) == (
        "2025-01-01 12:00  close      6    0 orders   0 fills  same  lag 120 ms"
    )
    alone = {**ROW, "venue_lots": None, "venue_price": None, "bps": None}
    busy = Verdict(7, NOON_MS, 3, 2, [DIFFERENCE], [ROW, {**ROW, "bps": -4.0}, alone])
    assert close_line(busy, Lag(1_234, None)).endswith(
        "1 differ  drift -4.00 bps  1 on one side only  lag 1,234 records"
    )


def test_an_execution_is_named_with_both_sides() -> None:
    start = "2025-01-01 12:00 BTCUSDT market ar-1, ar-2: "
    assert drift_text(ROW) == start + "+5 lots at 100.02, paper 100, +2.00 bps"
    assert drift_text({**ROW, "paper_lots": 6}).endswith("paper +6 lots at 100, +2.00 bps")
    venue = {**ROW, "paper_lots": None, "paper_price": None, "bps": None}
    assert drift_text(venue) == start + "+5 lots at 100.02 only at the venue"
    paper = {**ROW, "venue_lots": None, "venue_price": None, "bps": None}
    assert drift_text(paper) == start + "+5 lots at 100 only on paper"


def test_the_end_and_the_status_say_how_far_it_came() -> None:
    found = {
        "state": "ended",
        "at_ms": NOON_MS,
        "closes": 1_200,
        "close_ms": NOON_MS,
        "orders": 34,
        "fills": 56,
        "differing": 3,
        "differences": [DIFFERENCE],
        "drift": DRIFT,
    }
    text = "1,200 closes until 2025-01-01 12:00, 34 orders and 56 fills compared, 3 differ"
    assert printed(followed_table(found)).splitlines()[:2] == [TOLD, "... and 2 more"]
    assert printed(followed_table(found)).splitlines()[-1] == f"{text}; ended"
    line = status_line(found, NOON_MS + 5_000)
    assert line.startswith(f"twin ended, 5 s ago: {text}; market 7 at +1.25 bps")
    assert line.endswith("intrabar none; 1 only at the venue, 2 only on paper")
    young = {**found, "drift": None, "close_ms": None, "differing": 0, "closes": 0}
    assert "0 closes until -" in status_line(young, NOON_MS)
