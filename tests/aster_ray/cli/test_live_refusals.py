"""``aster live`` refuses: one clear message, exit 2, nothing written, nothing sent."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from aster_ray.cli import main
from aster_ray.clock import LiveClock
from aster_ray.config import Secret
from aster_ray.doctor.examine import subject_of
from aster_ray.doctor.finding import ok
from aster_ray.doctor.record import write_record
from aster_ray.errors import BadInputError
from aster_ray.model.ids import HOUR_MS
from aster_ray.research.mandate import Mandate
from aster_ray.research.session import create_session, load_session
from aster_ray.store.config import Places, RedisConfig, StoreConfig
from aster_ray.store.custody import account_lease, live_account
from aster_ray.venues.aster.signer import Signer, address_of
from tests.actors.sessions import a_request
from tests.aster_ray.cli.live_account import (
    LENIENT,
    LEVERAGE,
    able,
    examined,
    exchange,
    orders_or_settings,
)
from tests.aster_ray.doctor.patients import AGENT, AGENT_KEY, FAR, approve, patient_of
from tests.aster_ray.venues.simulator.served import KEY, WALLET, Venue

__all__ = ["able", "exchange"]
Capture = pytest.CaptureFixture[str]


def refused(capsys: Capture, *arguments: str, confirm: str | None = WALLET) -> str:
    """Run the verb, which must refuse; return what it says."""
    out = Path("session")
    command = ["live", "--symbols", "BTC,ETH", "--timeframe", "1m", "--out", str(out)]
    command += [part for one in LENIENT for part in ("--set", one)]
    command += ["--confirm", confirm] if confirm is not None else []
    command += ["--from", "2024-01-01"]  # refused last of all: nothing here may come to trade
    assert main([*command, *arguments]) == 2
    assert not out.exists()
    assert not Path("runs").exists()
    error = capsys.readouterr().err.strip().splitlines()
    said = error[-1]
    assert said.startswith("error: ")
    return said


def test_without_the_accounts_name_nothing_begins(able: Venue, capsys: Capture) -> None:
    said = refused(capsys, confirm=None)
    assert "--confirm is missing" in said
    assert WALLET in said
    assert able.http in said
    said = refused(capsys, confirm="yes")
    assert "--confirm is 'yes'" in said
    assert list(able.desk.requests) == []


def test_keys_must_be_those_of_an_agent(
    able: Venue, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASTER_AGENT_KEY", KEY)  # the wallet's own
    said = refused(capsys)
    assert "is the key of the wallet" in said
    monkeypatch.delenv("ASTER_WALLET")
    assert "is the key of the wallet" in refused(capsys)
    monkeypatch.delenv("ASTER_AGENT_KEY")
    assert "ASTER_AGENT_KEY is not set" in refused(capsys)
    monkeypatch.setenv("ASTER_AGENT_KEY", "0x12")
    assert "must be a private key of 64 hex digits" in refused(capsys)
    assert list(able.desk.requests) == []
    assert KEY not in said


def test_only_aster_can_be_traded(able: Venue, capsys: Capture) -> None:
    said = refused(capsys, "--set", "venue.name=bybit")
    assert "venue.name is 'bybit'" in said


def test_the_doctor_must_have_passed_on_the_same_demands(
    able: Venue, capsys: Capture, tmp_path: Path
) -> None:
    assert "never examined: run aster doctor" in refused(capsys)
    examined(able, tmp_path)
    able.desk.requests.clear()
    assert "BTCUSDT at 1x, not 5x" in refused(capsys, "--set", "risk.leverage.BTC=5")
    assert "cross margin, not isolated" in refused(capsys, "--set", "doctor.margin=isolated")
    assert "min_balance 100, not 200" in refused(capsys, "--set", "doctor.min_balance=200")
    assert "no SOLUSDT" in refused(capsys, "--symbols", "SOL")
    elsewhere = ["--set", "venue.rest=http://127.0.0.1:1", "--set", "venue.stream=ws://127.0.0.1:1"]
    assert "was examined, not http://127.0.0.1:1" in refused(capsys, *elsewhere)
    (file,) = (tmp_path / "state" / "accounts").glob("*.doctor.json")
    content = json.loads(file.read_text())
    file.write_text(json.dumps({**content, "examined_ms": LiveClock().now_ms() + 1}))
    assert "was changed, or is of another key" in refused(capsys)
    assert list(able.desk.requests) == []


def test_an_old_record_no_longer_counts(able: Venue, capsys: Capture, tmp_path: Path) -> None:
    key, patient = Secret(AGENT_KEY), patient_of(able, tmp_path, leverage=LEVERAGE)
    signer = Signer(WALLET, key, patient.venue.chain, LiveClock())
    subject = subject_of(patient.venue, signer, patient.config, patient.leverage)
    write_record(subject, key, [ok("venue", "answers")], LiveClock().now_ms() - 25 * HOUR_MS)
    assert "was 25.0 hours ago, at most 24 are allowed: run aster doctor" in refused(capsys)


def test_another_executor_of_the_account_is_in_the_way(
    able: Venue, capsys: Capture, tmp_path: Path
) -> None:
    examined(able, tmp_path)
    able.desk.requests.clear()
    places = Places(StoreConfig(), RedisConfig())
    lease = account_lease(places, live_account("aster", WALLET), "session runs/live-7")
    lease.acquire()
    try:
        said = refused(capsys)
    finally:
        lease.release()
    assert "is traded by session runs/live-7" in said
    assert list(able.desk.requests) == []


async def _withdraws(venue: Venue) -> None:
    await approve(venue, canWithdraw=True)


async def _revoked(venue: Venue) -> None:
    await approve(venue, approved=False)


async def _expired(venue: Venue) -> None:
    await approve(venue, expired=LiveClock().now_ms() - 1)


async def _hedged(venue: Venue) -> None:
    venue.account.hedge = True


async def _builder(venue: Venue) -> None:
    venue.account.builders["0x" + "ab" * 20] = 10**5


async def _skewed(venue: Venue) -> None:
    await venue.control("POST", "clock", {"skew_ms": 8_000})


async def _silent(venue: Venue) -> None:
    await venue.fault("reset", "/fapi/v3/time", count=100)


@pytest.fixture
def healed(able: Venue) -> Iterator[Venue]:
    """Take back afterwards what a test did to the account."""
    yield able
    able.account.hedge = False
    able.account.builders.clear()
    able.account.isolated.clear()

    async def heal() -> None:
        await able.control("DELETE", "faults")
        await able.control("POST", "clock", {"skew_ms": 0})
        await approve(able)

    asyncio.run(heal())


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (_withdraws, "canWithdraw: the agent can withdraw -> approve one without withdrawals"),
        (_revoked, "does not know the key as an agent"),
        (_expired, "does not know the key as an agent"),
        (_hedged, "position_mode: hedge mode"),
        (_builder, "builder: approved to take a fee of every order"),
        (_skewed, "clock: this machine's clock is"),
        (_silent, "cannot be reached"),
    ],
)
def test_what_was_well_at_the_doctor_is_asked_again(
    fault: Callable[[Venue], Any], words: str, healed: Venue, capsys: Capture, tmp_path: Path
) -> None:
    examined(healed, tmp_path)
    asyncio.run(fault(healed))
    healed.desk.requests.clear()
    said = refused(capsys)
    assert words in said
    assert "the account may not trade live" in said
    assert AGENT_KEY.removeprefix("0x") not in said
    assert orders_or_settings(healed) == []


def test_no_more_is_traded_with_than_there_is(able: Venue, capsys: Capture, tmp_path: Path) -> None:
    examined(able, tmp_path)
    said = refused(capsys, "--capital", "10001")
    assert "session.capital is 10,001.00" in said
    assert "equity is 10,000.00 USDT" in said
    assert "--capital" in said


def test_leverage_and_margin_mode_are_set_and_looked_at_again(
    healed: Venue, capsys: Capture, tmp_path: Path
) -> None:
    """All is well then, but for a period that a live session cannot have."""
    healed.account.leverage["ETHUSDT"] = 2
    healed.account.isolated.add("BTCUSDT")
    examined(healed, tmp_path, leverage={"BTCUSDT": 1.0, "ETHUSDT": 7.0})
    healed.desk.requests.clear()
    said = refused(capsys, "--set", "risk.leverage.ETH=7")
    assert "data.start must be empty" in said
    assert healed.account.leverage["ETHUSDT"] == 7
    assert healed.account.isolated == set()
    asked = {path.rpartition("/")[2] for _, path in orders_or_settings(healed)}
    assert asked == {"leverage", "marginType"}


def test_a_leverage_the_venue_refuses_is_named(
    healed: Venue, capsys: Capture, tmp_path: Path
) -> None:
    examined(healed, tmp_path, leverage={"BTCUSDT": 1.0, "ETHUSDT": 9.0})
    healed.account.leverage["ETHUSDT"] = 2
    asyncio.run(healed.fault("json", "/leverage", method="POST", status=400, code=-4028))
    said = refused(capsys, "--set", "risk.leverage.ETH=9")
    assert "the account cannot be set up" in said
    assert "leverage of ETHUSDT" in said
    assert "-4028" in said
    assert "whole numbers" in refused(capsys, "--set", "risk.leverage.ETH=2.5")


def test_a_dry_run_sets_nothing_even_where_it_should(
    healed: Venue, capsys: Capture, tmp_path: Path
) -> None:
    healed.account.isolated.add("BTCUSDT")
    examined(healed, tmp_path)
    healed.desk.requests.clear()
    said = refused(capsys, "--dry", confirm=None)
    assert "data.start must be empty" in said
    assert orders_or_settings(healed) == []


def test_a_session_goes_on_only_as_what_it_was(
    able: Venue, capsys: Capture, tmp_path: Path
) -> None:
    said = refused(capsys, "--resume", "nowhere")
    assert "--out and --resume" in said
    assert main(["live", "--resume", "nowhere", "--confirm", WALLET]) == 2
    assert "no session at nowhere" in capsys.readouterr().err


def a_mandate(**changes: Any) -> Mandate:
    usual: dict[str, Any] = {
        "venue": "aster",
        "address": "http://127.0.0.1:1",
        "wallet": WALLET,
        "signer": AGENT,
        "dry": True,
        "granted_ms": 1,
        "examined_ms": 0,
    }
    return Mandate(**{**usual, **changes})


def test_a_mandate_is_for_one_account_and_one_key_and_stays_with_its_session(
    able: Venue, capsys: Capture, tmp_path: Path
) -> None:
    request = a_request(2, ("momentum",))
    granted = create_session(request, tmp_path / "live", "token", a_mandate())
    assert granted.mandate == load_session(granted.folder).mandate == a_mandate()
    a_mandate().require(WALLET, AGENT)
    for other in ((WALLET, WALLET), (AGENT, AGENT)):
        with pytest.raises(BadInputError, match="set ASTER_WALLET and ASTER_AGENT_KEY"):
            a_mandate().require(*other)
    resumed = ["live", "--resume", str(granted.folder), "--confirm", WALLET]
    assert main(resumed) == 2
    assert "began with --dry, and goes on so" in capsys.readouterr().err
    assert main([*resumed[:3], "--dry"]) == 2
    said = capsys.readouterr().err
    assert "risk.journal is gone or empty" in said
    assert "venue.external = adopt" in said
    file = granted.folder / "session.json"
    content = json.loads(file.read_text())
    del content["mandate"]
    file.write_text(json.dumps(content))
    assert load_session(granted.folder).mandate is None
    assert main(resumed) == 2
    assert "is no session of aster live" in capsys.readouterr().err
    assert list(able.desk.requests) == []


def test_a_session_goes_on_where_its_journals_are(
    able: Venue, capsys: Capture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = create_session(a_request(2), tmp_path / "live", "token", a_mandate(dry=False)).folder
    resumed = ["live", "--resume", str(folder), "--confirm", WALLET]
    assert main([*resumed, "--set", "store.journal=sql"]) == 2
    assert "began with store.journal = 'file', and goes on so: leave" in capsys.readouterr().err
    file = folder / "session.json"
    elsewhere = {"journal": {"kind": "postgresql", "key": "live-token"}}
    file.write_text(json.dumps({**json.loads(file.read_text()), **elsewhere}))
    assert main(resumed) == 2
    assert "keeps its journals in PostgreSQL, but store.url is empty" in capsys.readouterr().err
    assert list(able.desk.requests) == []


def test_symbols_and_venues_that_cannot_be_traded_are_named(
    able: Venue, capsys: Capture, tmp_path: Path
) -> None:
    said = refused(capsys, "--symbols", "NOSUCH")
    assert "data.symbols names NOSUCHUSDT" in said
    assert "aster data instruments --refresh" in said
    examined(able, tmp_path)
    said = refused(capsys, "--set", "venue.control=http://127.0.0.1:1/control")
    assert "venue.control is 'http://127.0.0.1:1/control'" in said


def test_paper_never_reaches_a_real_venue(capsys: Capture, tmp_path: Path) -> None:
    out = tmp_path / "session"
    rest = ["--set", "venue.rest=https://fapi.asterdex.com"]
    rest += ["--set", "venue.stream=wss://fstream.asterdex.com"]
    command = ["paper", "--set", "session.orders=venue", *rest, "--out", str(out)]
    assert main(command) == 2
    assert "aster live" in capsys.readouterr().err
    assert not out.exists()


def test_the_agent_of_these_tests_is_the_keys() -> None:
    assert address_of(Secret(AGENT_KEY)) == AGENT
    assert LiveClock().now_ms() < FAR
