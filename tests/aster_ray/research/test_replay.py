"""A session written without Ray, replayed, and replayed again after somebody touched it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from aster_ray.engine.chronicle import anchor_record
from aster_ray.engine.command import Instruction
from aster_ray.engine.durable import DurableExecution, DurableRisk
from aster_ray.engine.journal import decode, encode, frame, read_journal
from aster_ray.engine.strategy_desk import StrategyDesk
from aster_ray.errors import BadInputError
from aster_ray.kernel.records import CLOSE, FILL
from aster_ray.model.enums import TradingState
from aster_ray.research.backtest import run_backtest
from aster_ray.research.replay import replay_session
from aster_ray.research.request import RunRequest
from aster_ray.research.session import (
    EXECUTOR_JOURNAL,
    RISK_JOURNAL,
    VENUE_JOURNAL,
    Session,
    conclude,
    create_session,
)
from aster_ray.venues.replay import ReplayFeed
from tests.actors.sessions import a_request, assert_same_trading

Edit = Callable[[dict[str, Any]], None]


def traded(
    folder: Path,
    commands: Mapping[int, TradingState] | None = None,
    days: int = 5,
    request: RunRequest | None = None,
) -> Session:
    """Run a session in this process, with the desks and journals the actors use.

    ``commands`` is close -> what an operator asks for just before it.
    """
    session = create_session(request or a_request(days), folder, "token")
    prepared = session.prepare()
    names = (RISK_JOURNAL, VENUE_JOURNAL, EXECUTOR_JOURNAL)
    risk_journal, log, sent = (session.journals.writer(name) for name in names)
    for journal in (risk_journal, log, sent):
        assert not list(journal.recover())
    venue, feed = prepared.paper_venue(log), ReplayFeed(prepared.market)
    risk = DurableRisk(
        prepared.risk_desk(), risk_journal, [], lambda: anchor_record(feed.history, prepared.setup)
    )
    execution = DurableExecution(prepared.execution_desk(), venue, sent, [])
    strategies = StrategyDesk(prepared.strategies, feed.history)
    for batch in feed.batches():
        if commands and batch.seq in commands:
            risk.obey(Instruction(f"k{batch.seq}", commands[batch.seq], "a test", ""), 5)
        report = execution.observe(batch)
        execution.send(risk.conclude(strategies.on_bars(batch), report))
        execution.settle()
    for journal in (risk_journal, log, sent):
        journal.close()
    return session


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Session:
    return traded(tmp_path_factory.mktemp("replay") / "session")


@pytest.fixture
def session(original: Session, tmp_path: Path) -> Session:
    shutil.copytree(original.folder, tmp_path / "session")
    return original._replace(folder=tmp_path / "session")


def rewrite(session: Session, name: str, kind: str, edit: Edit) -> None:
    """Change the first record of a kind, checksum and all, as somebody with intent would."""
    path = session.folder / name
    records = read_journal(path).records
    wanted = (
        record
        for record in records
        if record["kind"] == kind and (kind != "report" or trades(record))
    )
    edit(next(wanted))
    path.write_bytes(b"".join(frame(record) for record in records))


def trades(record: dict[str, Any]) -> bool:
    return bool(np.any(decode(record["fills"], FILL)["kind"] == 0))


def fields(session: Session) -> set[str]:
    return {row["field"] for row in replay_session(session.folder).differences}


def test_an_untouched_session_is_reproduced_bit_for_bit(session: Session) -> None:
    result = replay_session(session.folder)
    assert result.differences == []
    assert result.closes == 5 * 24
    assert result.orders > 100


def test_a_session_with_pauses_and_a_halt_is_reproduced_too(tmp_path: Path) -> None:
    active, reducing, halted = TradingState
    plan = {20: reducing, 40: active, 60: halted, 90: active}
    session = traded(tmp_path / "session", plan)
    result = replay_session(session.folder)
    assert (result.closes, result.differences) == (5 * 24, [])
    told = conclude(session, {})
    assert told.equity.tobytes() != run_backtest(a_request(5)).equity.tobytes()
    said = [(row["close"], row["state"]) for row in told.report["session"]["commands"]]
    assert said == [(20, "reducing"), (40, "active"), (60, "halted"), (90, "active")]
    # Without the word that was given, the orders do not follow.
    path = session.folder / RISK_JOURNAL
    kept = [record for record in read_journal(path).records if record["kind"] != "command"]
    path.write_bytes(b"".join(frame(record) for record in kept))
    assert fields(session)


def test_its_report_is_that_of_a_backtest(session: Session) -> None:
    assert_same_trading(conclude(session, {"closes": 120}), run_backtest(a_request(5)))
    assert {path.name for path in session.folder.iterdir()} >= {"report.json", "fills.parquet"}


def test_the_report_of_a_stopped_session_is_that_of_a_shorter_backtest(session: Session) -> None:
    path = session.folder / RISK_JOURNAL
    records = read_journal(path).records[: 1 + 48]
    path.write_bytes(b"".join(frame(record) for record in records))
    sent = session.folder / EXECUTOR_JOURNAL
    kept = [record for record in read_journal(sent).records if record["seq"] < 48]  # type: ignore[operator]
    sent.write_bytes(b"".join(frame(record) for record in kept))
    stopped, shorter = conclude(session, {}), run_backtest(a_request(2))
    assert stopped.equity.tobytes() == shorter.equity.tobytes()
    assert stopped.fills.tobytes() == shorter.fills.tobytes()
    assert stopped.report["summary"] == shorter.report["summary"]


def test_a_bar_that_was_changed_shows(session: Session) -> None:
    def higher(record: dict[str, Any]) -> None:
        bars = decode(record["bars"], np.dtype("f8"))
        bars[:, CLOSE] *= 1.05
        record["bars"] = encode(bars)

    rewrite(session, RISK_JOURNAL, "close", higher)
    assert fields(session)


def test_one_fill_a_millionth_off_shows_as_that_fill(session: Session) -> None:
    def dearer(record: dict[str, Any]) -> None:
        fills = decode(record["fills"], FILL)
        fills["price"][fills["kind"] == 0] *= 1.000_001
        record["fills"] = encode(fills)

    rewrite(session, EXECUTOR_JOURNAL, "report", dearer)
    assert "fill.price" in fields(session)


def test_one_order_of_another_size_shows_with_its_id(session: Session) -> None:
    def larger(record: dict[str, Any]) -> None:
        record["requests"][0]["lots"] += 1

    rewrite(session, EXECUTOR_JOURNAL, "orders", larger)
    (row,) = replay_session(session.folder).differences
    assert row["field"] == "lots"
    assert row["recorded"] == row["reproduced"] + 1
    assert row["client_order_id"].startswith("ar-")
    assert row["symbol"].endswith("USDT")


def test_equity_one_bit_off_shows(session: Session) -> None:
    def richer(record: dict[str, Any]) -> None:
        record["equity"] = float(np.nextafter(record["equity"], np.inf))

    rewrite(session, RISK_JOURNAL, "close", richer)
    assert fields(session) == {"equity"}


def test_evidence_that_cannot_be_is_a_difference_not_a_traceback(session: Session) -> None:
    def twice(record: dict[str, Any]) -> None:
        fills = decode(record["fills"], FILL)
        fills["lots"] *= 2
        record["fills"] = encode(fills)

    rewrite(session, EXECUTOR_JOURNAL, "report", twice)
    assert "executor journal" in fields(session)


def test_a_folder_without_records_is_bad_input(tmp_path: Path) -> None:
    session = create_session(a_request(2, ("momentum",)), tmp_path / "session", "token")
    with pytest.raises(BadInputError, match="recorded no close yet"):
        replay_session(session.folder)
    with pytest.raises(BadInputError, match="no session at"):
        replay_session(tmp_path / "nowhere")


def test_a_torn_last_record_is_dropped_and_named(session: Session) -> None:
    path = session.folder / RISK_JOURNAL
    path.write_bytes(path.read_bytes() + b'0badc0de {"kind":"clo')
    result = replay_session(session.folder)
    assert result.dropped == {RISK_JOURNAL: 21}
    assert (result.differences, result.closes) == ([], 5 * 24)
    path.write_bytes(path.read_bytes()[:-21])
    assert replay_session(session.folder).dropped == {}


@pytest.mark.parametrize(
    ("keep", "torn", "told"),
    [
        (0, b"", "has recorded no close yet: there is nothing to replay"),
        (1, b"", "has recorded no close yet: there is nothing to replay"),
        (0, b"0badc0de {", "no close but a torn record of 10 bytes in risk.journal"),
    ],
)
def test_a_session_without_a_close_has_nothing_to_replay(
    session: Session, keep: int, torn: bytes, told: str
) -> None:
    path = session.folder / RISK_JOURNAL
    records = read_journal(path).records[:keep]
    path.write_bytes(b"".join(frame(record) for record in records) + torn)
    with pytest.raises(BadInputError, match=told):
        replay_session(session.folder)
