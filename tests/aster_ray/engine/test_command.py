"""What an operator said is in the journal, holds from the next close on, and survives a restart."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from aster_ray.engine.chronicle import anchor_record, closes_of
from aster_ray.engine.command import Instruction, commands_of, next_state
from aster_ray.engine.durable import DurableRisk
from aster_ray.engine.journal import FileJournal, read_journal
from aster_ray.engine.messages import OrderBatch, SignalBatch
from aster_ray.engine.risk_desk import RiskDesk
from aster_ray.engine.wire import one_row
from aster_ray.errors import JournalError
from aster_ray.model.enums import Denial, IntentKind, TradingState
from aster_ray.venues.paper import PaperVenue
from aster_ray.venues.replay import ReplayFeed
from tests.factories import CAPITAL, a_market, a_setup, random_signals

MARKET = a_market(80, 2, 8, volatility=0.03)
SIGNALS = random_signals(MARKET, 2, 8, ladders=True, busy=0.6)
SETUP = a_setup(2, 2, taker_fee=0.0006)
ACTIVE, REDUCING, HALTED = TradingState
PAUSE_AT, RESUME_AT = 15, 30
Plan = Mapping[int, TradingState]


def says(state: TradingState, key: str = "k") -> Instruction:
    return Instruction(key, state, "a test", "to see")


def opened(journal: FileJournal) -> DurableRisk:
    desk = RiskDesk(SETUP, CAPITAL)
    desk.warm_up(MARKET)
    history = MARKET.rows(0, MARKET.start)
    records = journal.recover()
    return DurableRisk(desk, journal, records, lambda: anchor_record(history, SETUP))


def run(path: Path, plan: Plan, restart_after: int | None = None) -> list[OrderBatch]:
    """Pass the whole market; ``plan`` is close -> state asked for just before it."""
    venue = PaperVenue(SETUP, CAPITAL)
    venue.warm_up(MARKET)
    journal = FileJournal(path)
    risk, found = opened(journal), []
    for batch in ReplayFeed(MARKET).batches():
        if batch.seq in plan:
            assert risk.obey(says(plan[batch.seq], f"k{batch.seq}"), 1_000 + batch.seq) is not None
        if batch.seq == restart_after:
            journal.close()
            journal = FileJournal(path)
            risk = opened(journal)
        report = venue.observe(batch)
        row = one_row(SIGNALS, MARKET.start + batch.seq)
        orders = risk.conclude(SignalBatch(batch, row, 0), report)
        venue.submit(orders)
        found.append(orders)
    journal.close()
    return found


def opening(orders: OrderBatch) -> bool:
    kinds = (IntentKind.PLACE_LEVEL, IntentKind.PLACE_LADDER)
    return any(
        intent["kind"] in kinds
        or (intent["kind"] == IntentKind.MARKET and intent["lots"] != intent["close_lots"])
        for intent in orders.intents
    )


def reducing(orders: OrderBatch) -> bool:
    return any(
        (intent["kind"] == IntentKind.MARKET and intent["close_lots"] != 0)
        for intent in orders.intents
    )


def test_a_pause_opens_nothing_lets_exits_go_on_and_ends_with_a_resume(tmp_path: Path) -> None:
    plan = {PAUSE_AT: REDUCING, RESUME_AT: ACTIVE}
    paused = run(tmp_path / "risk", plan)
    free = run(tmp_path / "free", {})
    assert [one.state for one in paused[PAUSE_AT:RESUME_AT]] == [REDUCING] * 15
    assert paused[RESUME_AT].state == ACTIVE
    assert any(map(opening, free[PAUSE_AT:RESUME_AT]))
    assert not any(map(opening, paused[PAUSE_AT:RESUME_AT]))
    assert any(map(reducing, paused[PAUSE_AT:RESUME_AT]))
    assert any(map(opening, paused[RESUME_AT:]))
    reasons = {
        int(intent["reason"])
        for one in paused[PAUSE_AT:RESUME_AT]
        for intent in one.intents
        if intent["kind"] == IntentKind.DENIED
    }
    assert reasons == {Denial.REDUCING}
    # What was written: both, where they came, and when.
    records = read_journal(tmp_path / "risk").records
    commands = commands_of(records)
    assert [(one.number, one.seq, one.asked_ms) for one in commands] == [
        (1, PAUSE_AT, 1_000 + PAUSE_AT),
        (2, RESUME_AT, 1_000 + RESUME_AT),
    ]
    closes = list(closes_of(records))
    assert [len(close.commands) for close in closes if close.commands] == [1, 1]
    assert closes[RESUME_AT].commands == (commands[1],)


@pytest.mark.parametrize("restart_after", [PAUSE_AT, PAUSE_AT + 1, RESUME_AT, RESUME_AT + 5])
def test_a_restart_is_in_the_same_state(tmp_path: Path, restart_after: int) -> None:
    """Also one right after the command, before any close could carry it."""
    plan = {PAUSE_AT: REDUCING, RESUME_AT: ACTIVE}
    calm = run(tmp_path / "calm", plan)
    torn = run(tmp_path / "torn", plan, restart_after)
    assert [repr(one) for one in torn] == [repr(one) for one in calm]
    assert (tmp_path / "torn").read_bytes() == (tmp_path / "calm").read_bytes()


def test_the_same_word_twice_is_one_command(tmp_path: Path) -> None:
    journal = FileJournal(tmp_path / "risk")
    risk = opened(journal)
    first = risk.obey(says(REDUCING), 5)
    assert first is not None
    assert risk.obey(says(REDUCING), 6) == first  # sent again
    assert risk.obey(says(REDUCING, "other"), 7) is None  # is so already
    assert risk.obey(says(ACTIVE, "third"), 8) is not None
    assert risk.obey(says(REDUCING), 9) == first  # an echo pauses nothing
    assert risk.desk.state is ACTIVE
    journal.close()
    assert len(commands_of(read_journal(tmp_path / "risk").records)) == 2


def test_a_disk_that_refuses_leaves_desk_and_journal_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = FileJournal(tmp_path / "risk")
    risk = opened(journal)
    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", lambda _file: (_ for _ in ()).throw(OSError("disk full")))
        with pytest.raises(OSError, match="disk full"):
            risk.obey(says(REDUCING), 5)
    assert not commands_of(read_journal(tmp_path / "risk").records)
    assert risk.obey(says(REDUCING), 6) is not None
    journal.close()
    assert len(commands_of(read_journal(tmp_path / "risk").records)) == 1
    assert risk.desk.state is REDUCING


def test_a_pause_does_not_lift_a_halt_and_a_resume_does() -> None:
    assert next_state(HALTED, REDUCING) is HALTED
    assert next_state(HALTED, ACTIVE) is ACTIVE
    assert next_state(ACTIVE, REDUCING) is next_state(REDUCING, REDUCING) is REDUCING
    assert next_state(REDUCING, HALTED) is HALTED


def test_a_resume_after_a_halt_measures_drawdown_from_where_it_begins(tmp_path: Path) -> None:
    plan = {10: HALTED, 20: ACTIVE}
    found = run(tmp_path / "risk", plan)
    assert [one.state for one in found[10:20]] == [HALTED] * 10
    assert found[15].gross == 0.0
    assert any(map(opening, found[20:]))


def test_a_command_that_is_missing_is_an_error(tmp_path: Path) -> None:
    run(tmp_path / "risk", {3: REDUCING, 5: ACTIVE})
    records = [
        record for record in read_journal(tmp_path / "risk").records if record.get("number") != 1
    ]
    with pytest.raises(JournalError, match=r"commands \[2\] where"):
        commands_of(records)
