"""A session followed while it is written equals the same session replayed at once."""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aster_ray import clock
from aster_ray.engine.journal import decode, encode, frame, read_journal
from aster_ray.errors import BadInputError, JournalError
from aster_ray.kernel.records import FILL
from aster_ray.model.enums import FillKind
from aster_ray.research import follow as following
from aster_ray.research.drift_file import FILE, read_drift
from aster_ray.research.follow import Follow
from aster_ray.research.prepare import Prepared
from aster_ray.research.replay import JOURNALS, Replay, replay_session
from aster_ray.research.session import (
    EXECUTOR_JOURNAL,
    RISK_JOURNAL,
    Session,
    create_session,
    load_session,
)
from aster_ray.research.tenure import HOST_FILE, Phase, Tenure
from aster_ray.venues.paper import PaperVenue
from tests.actors.sessions import a_request
from tests.aster_ray.research.test_replay import rewrite, traded

CLOSES = 3 * 24


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Session:
    return traded(tmp_path_factory.mktemp("follow") / "session", days=3)


@pytest.fixture
def session(original: Session, tmp_path: Path) -> Session:
    shutil.copytree(original.folder, tmp_path / "session")
    return original._replace(folder=tmp_path / "session")


def followed(session: Session, cuts: list[tuple[float, float]], place: Path) -> list[Any]:
    """Let the journals grow to the fractions ``cuts`` of their bytes, following between two."""
    whole = {name: (session.folder / name).read_bytes() for name in JOURNALS}
    for name in JOURNALS:
        (place / name).write_bytes(b"")
    replay, found = Replay(session._replace(folder=place)), []
    for cut in [*cuts, (1.0, 1.0)]:
        for (name, data), part in zip(whole.items(), cut, strict=True):
            (place / name).write_bytes(data[: int(part * len(data))])
        found += replay.new()
    found += replay.rest(is_whole=True)
    return [found, replay.document(), replay.dropped()]


fractions = st.lists(st.floats(0.0, 1.0), min_size=1, max_size=5).map(sorted)


@settings(max_examples=8)
@given(data=st.data())
def test_a_session_followed_in_any_pieces_is_the_session_replayed_at_once(
    original: Session, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    risk, sent = data.draw(fractions), data.draw(fractions)
    size = min(len(risk), len(sent))
    place = tmp_path_factory.mktemp("pieces")
    shutil.copy(original.folder / "session.json", place)
    pieces = followed(original, list(zip(risk[:size], sent[:size], strict=True)), place)
    at_once = followed(original, [], place)
    assert pieces == at_once
    assert pieces[1]["closes"] == CLOSES
    assert pieces[1]["differing"] == 0
    assert pieces[1]["fills"] > 20


def test_an_order_that_was_tampered_with_is_named_at_its_close(session: Session) -> None:
    def larger(record: dict[str, Any]) -> None:
        record["requests"][0]["lots"] += 1

    rewrite(session, EXECUTOR_JOURNAL, "orders", larger)
    found = [verdict for verdict, _ in Follow(session.folder).verdicts() if verdict.differences]
    ((difference,),) = (verdict.differences for verdict in found)
    assert difference["close_ms"] == found[0].close_ms
    assert difference["field"] == "lots"
    assert difference["recorded"] == difference["reproduced"] + 1
    assert difference["client_order_id"].startswith("ar-")


@pytest.mark.parametrize(
    ("edit", "recorded"),
    [
        (lambda record: record["requests"].pop(), "absent"),
        (lambda record: record["requests"].append(another(record)), "present"),
        (lambda record: record["requests"].append(record["requests"][0]), "present twice"),
    ],
    ids=["an order is missing", "an order nobody decided", "an order sent twice"],
)
def test_an_order_only_one_side_has_is_named(
    session: Session, edit: Callable[[dict[str, Any]], None], recorded: str
) -> None:
    rewrite(session, EXECUTOR_JOURNAL, "orders", edit)
    (row,) = replay_session(session.folder).differences
    assert (row["field"], row["recorded"]) == ("order", recorded)
    assert row["client_order_id"]


def another(record: dict[str, Any]) -> dict[str, Any]:
    return {**record["requests"][0], "client_order_id": "ar-of-nobody"}


def without_end(session: Session, name: str, count: int) -> None:
    """Take the last records of a journal away."""
    kept = read_journal(session.folder / name).records[:-count]
    (session.folder / name).write_bytes(b"".join(frame(record) for record in kept))


def test_orders_without_a_close_and_a_close_without_orders_are_differences(
    session: Session,
) -> None:
    orders = [
        record
        for record in read_journal(session.folder / EXECUTOR_JOURNAL).records
        if record["kind"] == "orders"
    ]
    last = int(orders[-1]["seq"])
    path = session.folder / RISK_JOURNAL
    records = read_journal(path).records
    path.write_bytes(b"".join(frame(record) for record in records[: 1 + last]))
    asked = {one["client_order_id"] for one in orders[-1]["requests"]}
    rows = replay_session(session.folder).differences
    assert asked <= {row.get("client_order_id") for row in rows if row["recorded"] == "present"}


def test_a_killed_session_leaves_its_last_close_open_and_an_ended_one_does_not(
    session: Session,
) -> None:
    path = session.folder / EXECUTOR_JOURNAL
    records = read_journal(path).records
    last = max(int(record["seq"]) for record in records if record["kind"] == "orders")
    kept = [record for record in records if int(record["seq"]) < last]
    path.write_bytes(b"".join(frame(record) for record in kept))
    risk = session.folder / RISK_JOURNAL
    closes = read_journal(risk).records[: 1 + last + 1]
    risk.write_bytes(b"".join(frame(record) for record in closes))
    assert any(row["field"] == "order" for row in replay_session(session.folder).differences)
    tenure = Tenure(session.folder)
    tenure.trades()
    result = replay_session(session.folder)  # it runs, and has not come further yet
    assert (result.differences, result.unfinished, result.closes) == ([], 1, last)
    tenure.end(0)
    assert replay_session(session.folder).unfinished == 0
    host = json.loads((session.folder / HOST_FILE).read_text())
    (session.folder / HOST_FILE).write_text(json.dumps({**host, "phase": Phase.RUNNING}))
    assert replay_session(session.folder).unfinished == 1  # its process died


def at_venue(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Session:
    """Trade at a venue that takes two basis points more than paper for every taker."""
    request = a_request(4, ("momentum",))
    account = dataclasses.replace(request.settings.session, orders="venue")
    changed: Any = dataclasses.replace(cast(Any, request.settings), session=account)

    def venue(prepared: Prepared, log: Any = None) -> PaperVenue:
        rules = prepared.setup.rules.copy()
        rules["slippage"] += 2e-4
        found = PaperVenue(prepared.setup._replace(rules=rules), prepared.capital, log=log)
        found.warm_up(prepared.market)
        return found

    with monkeypatch.context() as patch:
        patch.setattr(Prepared, "paper_venue", venue)
        return traded(folder, request=dataclasses.replace(request, settings=changed))


def test_at_a_venue_decisions_are_the_same_and_its_prices_are_drift(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = at_venue(tmp_path / "session", monkeypatch)
    result = replay_session(session.folder)
    assert result.differences == []
    market = result.drift["market"]
    assert market["orders"] > 5
    for name in ("mean_bps", "worst_bps", "best_bps"):
        assert market[name] == pytest.approx(2.0, abs=1.0)  # prices are whole ticks
    assert market["cost"] > 0.0
    assert result.drift["intrabar"]["mean_bps"] == pytest.approx(2.0, abs=1.0)
    assert result.drift["only_venue"] == result.drift["only_paper"] == 0
    pieces = followed(session, [(0.3, 0.1), (0.31, 0.6), (0.8, 0.9)], tmp_path)
    assert pieces[1]["drift"] == result.drift
    (row, *_) = pieces[1]["recent"]
    assert row["client_order_ids"][0].startswith("ar-")


def test_a_plain_session_drifts_nowhere(session: Session) -> None:
    drift = replay_session(session.folder).drift
    assert drift["market"]["orders"] > 10
    assert drift["intrabar"]["orders"] > 0
    for kind in ("market", "intrabar"):
        assert drift[kind]["worst_bps"] == drift[kind]["best_bps"] == 0.0
    assert drift["funding"]["difference"] == 0.0


def waiting_is(action: Callable[[float], None], monkeypatch: pytest.MonkeyPatch) -> None:
    """Let something happen whenever a follower would wait."""
    names = ("monotonic_ns", "wall_ns", "LiveClock")
    stand_in = SimpleNamespace(wait=action, **{name: getattr(clock, name) for name in names})
    monkeypatch.setattr(following, "clock", stand_in)


class Growing:
    """A session that grows whenever its follower waits, and then ends."""

    def __init__(self, session: Session, parts: int, monkeypatch: pytest.MonkeyPatch) -> None:
        self._session = session
        self._whole = {name: (session.folder / name).read_bytes() for name in JOURNALS}
        self._parts, self._part = parts, 0
        self.tenure = Tenure(session.folder)
        self.grow()
        waiting_is(lambda _seconds: self.grow(), monkeypatch)
        monkeypatch.setattr(following, "_PUBLISH_NS", 0)

    def grow(self) -> None:
        for name, data in self._whole.items():
            size = len(data) * self._part // self._parts
            (self._session.folder / name).write_bytes(data[:size])
        if self._part == self._parts:
            self.tenure.end(0)
        self._part += 1


def test_it_follows_to_the_end_and_its_last_word_lies_beside_the_session(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    grown = Growing(session, 5, monkeypatch)
    grown.tenure.trades()
    follow, seen = Follow(session.folder), []
    for verdict, lag in follow.verdicts():
        seen.append(verdict.seq)
        assert lag.records >= 0
        told = read_drift(session.folder)
        if told is not None and verdict.seq >= 0:
            assert told["closes"] <= len(seen)
    assert seen == [*range(CLOSES), -1]
    assert (follow.state, follow.unwritable) == ("ended", "")
    told = read_drift(session.folder)
    assert told is not None
    assert (told["state"], told["closes"], told["differing"]) == ("ended", CLOSES, 0)
    assert told["lag"]["records"] == 0
    assert not list(session.folder.glob(f".{FILE}*"))


def test_once_compares_what_is_there_and_leaves_the_rest(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    grown = Growing(session, 2, monkeypatch)
    grown.grow()
    seen = list(Follow(session.folder).verdicts(once=True))
    assert 0 < len(seen) < CLOSES
    told = read_drift(session.folder)
    assert told is not None
    assert (told["state"], told["closes"]) == ("following", len(seen))
    grown.tenure.end(0)


def test_a_record_that_is_damaged_is_said_and_not_waited_for(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = session.folder / RISK_JOURNAL
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0x55
    path.write_bytes(bytes(data))
    tenure = Tenure(session.folder)
    tenure.trades()
    waits: list[float] = []
    waiting_is(waits.append, monkeypatch)
    with pytest.raises(JournalError, match="damaged at byte"):
        list(Follow(session.folder).verdicts())
    assert len(waits) < 3
    told = read_drift(session.folder)
    assert told is not None
    assert told["state"] == "failed"
    assert "damaged" in told["failure"]
    tenure.end(0)


def test_a_folder_that_takes_no_file_stops_nothing(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_arguments: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(following, "write_drift", full)
    follow = Follow(session.folder)
    assert len(list(follow.verdicts())) == CLOSES + 1
    assert follow.unwritable == "No space left on device"
    assert read_drift(session.folder) is None


def test_nothing_recorded_is_nothing_to_compare(tmp_path: Path) -> None:
    session = create_session(a_request(2, ("momentum",)), tmp_path / "session", "token")
    with pytest.raises(BadInputError, match="ended without a close"):
        list(Follow(session.folder).verdicts())
    assert read_drift(session.folder) is None
    assert Replay(load_session(session.folder)).document()["closes"] == 0
    with pytest.raises(BadInputError, match="recorded nothing yet"):
        Replay(session).result([])


def test_evidence_nobody_concluded_on_is_what_a_killed_session_leaves(session: Session) -> None:
    path = session.folder / RISK_JOURNAL
    reports = [
        int(record["seq"])
        for record in read_journal(session.folder / EXECUTOR_JOURNAL).records
        if record["kind"] == "report"
    ]
    last = reports[-1]
    kept = [r for r in read_journal(path).records if int(r.get("seq", -1)) < last]
    path.write_bytes(b"".join(frame(record) for record in kept))
    sent = session.folder / EXECUTOR_JOURNAL
    there = [
        record
        for record in read_journal(sent).records
        if int(record["seq"]) < last or (record["kind"] == "report" and int(record["seq"]) == last)
    ]
    sent.write_bytes(b"".join(frame(record) for record in there))
    result = replay_session(session.folder)
    assert (result.differences, result.closes) == ([], last)


def test_evidence_booked_where_the_risk_desk_had_none_is_a_difference(session: Session) -> None:
    path = session.folder / EXECUTOR_JOURNAL
    records = read_journal(path).records
    closes = [
        r for r in read_journal(session.folder / RISK_JOURNAL).records if r["kind"] == "close"
    ]
    quiet = next(r for r in closes if r["fills"][0] == [0] and int(r["seq"]) > 10)
    seq = int(quiet["seq"])
    booked = next(record for record in records if record["kind"] == "report")
    extra = {**booked, "seq": seq, "close_ms": quiet["close_ms"]}
    fills = decode(booked["fills"], FILL)
    fills["kind"] = int(FillKind.FUNDING)
    extra["fills"] = encode(fills)
    at = next(n for n, record in enumerate(records) if int(record["seq"]) >= seq)
    path.write_bytes(b"".join(frame(one) for one in [*records[:at], extra, *records[at:]]))
    rows = replay_session(session.folder).differences
    assert [(r["close_ms"], r["field"]) for r in rows] == [(quiet["close_ms"], "fills")]
