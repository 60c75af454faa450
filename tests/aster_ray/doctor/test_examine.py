"""Every failing condition with a real fault, against a served venue."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Callable, Coroutine
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from aster_ray import cli
from aster_ray.clock import LiveClock
from aster_ray.config import Secret
from aster_ray.doctor.examine import Patient, examine
from aster_ray.doctor.finding import Level, passed
from aster_ray.errors import BadInputError
from aster_ray.model.ids import DAY_MS
from aster_ray.venues.credentials import Credentials
from tests.aster_ray.doctor.patients import (
    AGENT_KEY,
    LENIENT,
    approve,
    clinic,
    findings,
    patient_of,
)
from tests.aster_ray.venues.simulator.served import BTC, KEY, WALLET, Venue

Fault = Callable[[Venue], Coroutine[Any, Any, None]]
FORBIDDEN = ("POST", "PUT", "DELETE")


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ASTER_STATE_DIR", str(tmp_path / "state"))
    return tmp_path / "state"


def examined(folder: Path, fault: Fault | None = None, **changes: Any) -> dict[str, Any]:
    """Return what is found by name once the fault is there."""

    async def run() -> dict[str, Any]:
        async with clinic() as venue:
            if fault is not None:
                await fault(venue)
            return await findings(patient_of(venue, folder, **changes))

    return asyncio.run(run())


def test_a_fit_account_passes_and_nothing_was_changed_or_ordered(state: Path) -> None:
    async def run() -> None:
        async with clinic() as venue:
            found, record = await examine(patient_of(venue, state), LiveClock())
            assert [f for f in found if f.level is Level.FAIL] == []
            assert passed(found)
            names = {finding.name for finding in found}
            assert names >= {"venue", "clock", "rules", "key", "agent", "canWithdraw", "builder"}
            assert names >= {"canPerpTrade", "position_mode", "balance", "leverage", "orders"}
            assert names >= {"positions", "margin_mode", "disk", "fsync", "memory", "cpu", "ray"}
            assert names >= {"ccxt", "python", "ray_auth", "database", "redis"}
            methods = {row.method for row in venue.desk.requests}
            assert methods == {"GET"}
            text = json.dumps([finding.as_dict() for finding in found])
            assert record is not None
            for secret in (AGENT_KEY, AGENT_KEY.removeprefix("0x"), "signature="):
                assert secret not in text + record.read_text()

    asyncio.run(run())


async def _unapproved(venue: Venue) -> None:
    await approve(venue, approved=False)


async def _withdraws(venue: Venue) -> None:
    await approve(venue, canWithdraw=True)


async def _no_perps(venue: Venue) -> None:
    await approve(venue, canPerpTrade=False)


async def _expired(venue: Venue) -> None:
    await approve(venue, expired=LiveClock().now_ms() - 1)


async def _elsewhere(venue: Venue) -> None:
    await approve(venue, ipWhitelist="10.9.9.9")


async def _skewed(venue: Venue) -> None:
    await venue.control("POST", "clock", {"skew_ms": 7_000})


async def _far_skewed(venue: Venue) -> None:
    await venue.control("POST", "clock", {"skew_ms": -11_000})


async def _hedge(venue: Venue) -> None:
    venue.account.hedge = True


async def _builder(venue: Venue) -> None:
    # What ccxt does by itself with its own defaults.
    client = venue.client(KEY, builderFee=True)
    try:
        await client.load_markets()
    finally:
        await client.close()
    assert venue.account.builders


async def _isolated(venue: Venue) -> None:
    venue.account.isolated.add("BTCUSDT")


async def _low_leverage(venue: Venue) -> None:
    venue.account.leverage["ETHUSDT"] = 5


async def _poor(venue: Venue) -> None:
    from aster_ray.venues.simulator.account import IncomeType

    venue.account.post(IncomeType.TRANSFER, -(venue.account.wallet - 10**9), "", 0)


async def _limited(venue: Venue) -> None:
    await venue.fault("json", "/openOrders", status=429, code=-1003, count=1)


async def _gateway(venue: Venue) -> None:
    await venue.fault("html", "/balance", count=1)


@pytest.mark.parametrize(
    ("fault", "name", "words"),
    [
        (_unapproved, "key", "does not know the key as an agent of the wallet"),
        (_expired, "key", "does not know the key as an agent of the wallet"),
        (_elsewhere, "key", "does not know the key as an agent of the wallet"),
        (_withdraws, "canWithdraw", "can withdraw"),
        (_no_perps, "canPerpTrade", "may not trade perpetuals"),
        (_skewed, "clock", "ms behind the venue's"),
        (_far_skewed, "clock", "ms ahead of the venue's"),
        (_far_skewed, "key", "nonce expired"),
        (_hedge, "position_mode", "hedge mode"),
        (_builder, "builder", "approved to take a fee of every order: unnamed 0x1f58"),
        (_poor, "balance", "equity 10.00 USDT"),
        (_limited, "orders", "answered 429"),
        (_gateway, "balance", "answered 503 with no JSON"),
    ],
)
def test_what_is_wrong_is_found_and_its_remedy_told(
    fault: Fault, name: str, words: str, state: Path
) -> None:
    finding = examined(state, fault)[name]
    assert finding.level is Level.FAIL
    assert words.lower() in finding.text.lower()
    assert finding.remedy


@pytest.mark.parametrize(
    ("fault", "name", "words"),
    [
        (_isolated, "margin_mode", "BTCUSDT is isolated, configured cross"),
        (_low_leverage, "leverage", "ETHUSDT 5x, configured 20x"),
    ],
)
def test_what_live_trading_sets_itself_is_only_pointed_out(
    fault: Fault, name: str, words: str, state: Path
) -> None:
    finding = examined(state, fault)[name]
    assert finding.level is Level.WARN
    assert words in finding.text
    assert "aster live" in finding.remedy


def test_an_agent_that_ends_soon_or_may_do_more_than_needed_is_worth_a_word(state: Path) -> None:
    async def fault(venue: Venue) -> None:
        ends = LiveClock().now_ms() + 3 * DAY_MS
        await approve(venue, expired=ends, canSpotTrade=True, ipWhitelist="")

    found = examined(state, fault)
    assert {name for name, finding in found.items() if finding.level is Level.WARN} >= {
        "agent",
        "canSpotTrade",
        "ipWhitelist",
    }
    assert "another 3 days" in found["agent"].text


def test_orders_and_positions_of_others_are_reported_and_ours_are_not(state: Path) -> None:
    async def fault(venue: Venue) -> None:
        client = venue.client()
        try:
            await client.load_markets()
            for name in ("mine-by-hand", "ar-" + "0" * 28):
                await client.create_order(
                    BTC, "limit", "buy", 0.01, 99_000.0, {"clientOrderId": name}
                )
            await client.create_order(BTC, "market", "buy", 0.02)
            await asyncio.sleep(0.1)
        finally:
            await client.close()

    found = examined(state, fault)
    assert found["orders"].level is found["positions"].level is Level.WARN
    assert found["orders"].text == "2 open, 1 of them not ours: BTCUSDT mine-by-hand"
    assert found["positions"].text == "BTCUSDT 0.020"


def test_keys_that_are_missing_wrong_or_the_wallets_own_are_found(state: Path) -> None:
    none = examined(state, credentials=None)
    assert none["key"].level is Level.FAIL
    assert "ASTER_AGENT_KEY" in none["key"].remedy
    assert not list(state.glob("accounts/*.doctor.json"))
    stranger = Credentials(wallet=WALLET, key=Secret("0x" + "33" * 32))
    assert examined(state, credentials=stranger)["key"].level is Level.FAIL
    own = examined(state, credentials=Credentials(key=Secret(KEY)))
    assert own["agent"].level is Level.FAIL
    assert "own key" in own["agent"].text


def test_a_signature_for_another_chain_is_told_from_a_key_that_is_not_approved(state: Path) -> None:
    async def run() -> str:
        async with clinic() as venue:
            patient = patient_of(venue, state)
            wrong = replace(patient, venue=replace(patient.venue, chain=714))
            found = await findings(wrong)
            assert found["key"].level is Level.FAIL
            return found["key"].text

    assert "does not accept the signature (-1022)" in asyncio.run(run())


def test_rules_that_differ_are_found_by_what_they_would_do_to_orders(state: Path) -> None:
    def with_rules(**changes: Any) -> Any:
        async def run() -> Any:
            async with clinic() as venue:
                patient = patient_of(venue, state)
                btc = replace(patient.packaged["BTCUSDT"], **changes)
                packaged = {**patient.packaged, "BTCUSDT": btc}
                return (await findings(replace(patient, packaged=packaged)))["rules"]

        return asyncio.run(run())

    assert with_rules(tick=Decimal("0.01")).level is Level.FAIL
    assert with_rules(min_notional=1.0).level is Level.FAIL
    coarser = with_rules(tick=Decimal("0.5"))
    assert (coarser.level, coarser.text) == (Level.WARN, "BTCUSDT tick is 0.1, not 0.5")
    delisted = examined(state, leverage={"SOLUSDT": 1.0})
    assert delisted["rules"].level is delisted["leverage"].level is Level.FAIL


def test_a_venue_that_is_not_there_leaves_the_rest_to_be_examined(state: Path) -> None:
    async def run() -> None:
        async with clinic() as venue:
            patient = patient_of(venue, state)
        found = await findings(patient)
        assert found["venue"].level is Level.FAIL
        assert "cannot be reached" in found["venue"].text
        assert "key" not in found
        assert found["python"].level is Level.OK
        everything, _ = await examine(replace(patient, credentials=None), LiveClock())
        assert {f.name for f in everything if f.level is Level.FAIL} >= {"venue", "key"}

    asyncio.run(run())


def test_another_venue_is_refused(state: Path) -> None:
    async def run(patient: Patient) -> None:
        await examine(replace(patient, venue=replace(patient.venue, name="bybit")), LiveClock())

    async def served() -> None:
        async with clinic() as venue:
            await run(patient_of(venue, state))

    with pytest.raises(BadInputError, match="examines aster only"):
        asyncio.run(served())


def test_the_verb_prints_a_line_a_check_and_ends_as_it_went(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ASTER_WALLET", WALLET)
    monkeypatch.setenv("ASTER_AGENT_KEY", AGENT_KEY)

    async def run(*more: str) -> tuple[int, str]:
        async with clinic() as venue:
            arguments = ["doctor", "--symbols", "BTC,ETH"]
            for setting in (
                f"venue.rest={venue.http}",
                f"venue.stream={venue.socket}",
                f"doctor.max_skew_ms={LENIENT.max_skew_ms}",
                "doctor.min_disk_gb=0",
                "doctor.min_memory_gb=0",
            ):
                arguments += ["--set", setting]
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "aster_ray.cli", *arguments, *more, stdout=subprocess.PIPE
            )
            text, _ = await process.communicate()
            return process.returncode or 0, text.decode()

    code, text = asyncio.run(run())
    assert code == 0, text
    assert "ok    builder        nobody takes a fee of their own" in text
    assert "warn  leverage       BTCUSDT 20x, configured 1x; ETHUSDT 20x, configured 1x" in text
    assert "fit to trade live; written to" in text
    code, text = asyncio.run(run("--json", "--set", "doctor.min_balance=20000"))
    assert code == 1
    payload = json.loads(text)
    assert not payload["passed"]
    assert [row["name"] for row in payload["findings"] if row["level"] == "FAIL"] == ["balance"]
    assert AGENT_KEY.removeprefix("0x") not in text


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--set", "venue.name=bybit"], "examines aster only"),
        (["--set", "doctor.margin=none"], "margin must be one of"),
        (["--symbols", ""], "--symbols is empty"),
        (
            ["--set", "venue.wallet=0x12", "--set", "venue.agent_key=" + "1" * 64],
            "ASTER_WALLET must",
        ),
    ],
)
def test_what_cannot_be_examined_is_named(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["doctor", *arguments]) == 2
    assert words in capsys.readouterr().err
