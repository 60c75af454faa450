"""Contract rules of a catalog: written, read back, preferred, and part of what a run is."""

from __future__ import annotations

import dataclasses
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

from aster_ray.data import parts
from aster_ray.data.ingest import verify_data
from aster_ray.data.instruments import (
    RULES_FILE,
    catalog_instruments,
    instruments_for,
    known_instruments,
    packaged_instruments,
    read_instruments,
)
from aster_ray.data.rules import (
    changes,
    readable,
    rules_digest,
    rules_text,
    with_what_is_known,
    write_rules,
)
from aster_ray.errors import BadInputError, DataError
from aster_ray.kernel.market import simple_market
from aster_ray.model.instrument import Instrument

BTC = packaged_instruments()["BTCUSDT"]
TOLD = dataclasses.replace(
    BTC,
    tick=Decimal("0.5"),
    taker_fee=0.00035,
    half_spread=0.0001,
    source="aster: its own rules; margin table assumed",
    as_of="2026-01-01",
)


def test_what_is_written_reads_back_as_it_was() -> None:
    rules = dict(packaged_instruments())
    rules["ODDUSDT"] = dataclasses.replace(
        BTC,
        symbol="ODDUSDT",
        base="ODD",
        tick=Decimal("0.00000001"),
        lot=Decimal(1000),
        min_notional=0.0,
        maker_fee=-0.00005,
        funding_interval_ms=3_600_000,
        source='a "quoted" \\ name\nin two lines',
    )
    read = read_instruments(rules_text(rules))
    assert list(read) == sorted(rules)
    for symbol, item in rules.items():
        source = item.source.replace("\n", " ")
        assert read[symbol] == dataclasses.replace(item, source=source)
    assert rules_text(read) == rules_text(rules).replace("two\\nlines", "two lines")


def test_rules_beside_the_bars_go_before_the_packaged_ones(tmp_path: Path) -> None:
    market = simple_market(np.full((4, 2, 4), 12.5))
    market = dataclasses.replace(market, symbols=("BTCUSDT", "ETHUSDT"))
    packaged, _ = instruments_for(market)
    write_rules(tmp_path / "c", {"BTCUSDT": TOLD})
    found, warnings = instruments_for(market, tmp_path / "c")
    assert found == (TOLD, packaged[1])
    assert warnings == ()
    assert instruments_for(market, tmp_path)[0] == packaged
    assert instruments_for(market, "")[0] == packaged
    assert [path.name for path in (tmp_path / "c").iterdir()] == [RULES_FILE]


def test_a_damaged_file_is_named_wherever_the_catalog_is_used(built: Path) -> None:
    (built / RULES_FILE).write_text("[defaults")
    for use in (verify_data, known_instruments):
        with pytest.raises(BadInputError, match=r"instruments.toml of 'catalog' cannot be used"):
            use(str(built))


def test_what_no_venue_tells_stays_as_it_was() -> None:
    merged = with_what_is_known(TOLD, BTC)
    assert merged.half_spread == BTC.half_spread
    assert merged.brackets == BTC.brackets
    assert (merged.tick, merged.as_of) == (TOLD.tick, TOLD.as_of)
    assert merged.source == (f"aster: its own rules; margin table of {BTC.as_of}: {BTC.source}")
    again = with_what_is_known(dataclasses.replace(TOLD, as_of="2027-01-01"), merged)
    assert again.source == merged.source
    shown = dataclasses.replace(
        TOLD, source="aster: its own rules", brackets=BTC.brackets[:1], liquidation_fee=0.01
    )
    better = with_what_is_known(shown, BTC)
    assert (better.brackets, better.source) == (shown.brackets, shown.source)
    assert with_what_is_known(TOLD, None) is TOLD


def test_changes_name_field_by_field() -> None:
    assert changes({"BTCUSDT": BTC}, {"BTCUSDT": BTC}) == []
    found = changes({"BTCUSDT": BTC}, {"BTCUSDT": TOLD})
    assert [(change.field, change.before, change.after) for change in found] == [
        ("tick", "0.1", "0.5"),
        ("taker_fee", "0.0006", "0.00035"),
        ("half_spread", "0.00001", "0.0001"),
    ]
    new = changes({}, {"BTCUSDT": BTC})
    assert len(new) == 11
    assert {change.before for change in new} == {""}


def test_a_digest_knows_every_rule_and_no_origin() -> None:
    digest = rules_digest([BTC])
    assert rules_digest([dataclasses.replace(BTC, source="x", as_of="y")]) == digest
    assert rules_digest([dataclasses.replace(BTC, tick=Decimal("0.10"))]) == digest
    others = {
        "tick": Decimal("0.2"),
        "lot": Decimal("0.002"),
        "min_lots": 2,
        "max_lots": BTC.max_lots + 1,
        "min_notional": 6.0,
        "brackets": BTC.brackets[:2],
        "funding_interval_ms": 4 * 3_600_000,
        "maker_fee": 0.0,
        "taker_fee": 0.001,
        "half_spread": 0.0,
        "liquidation_fee": 0.0,
    }
    rest = {"symbol", "base", "quote", "source", "as_of"}
    assert set(others) | rest == {item.name for item in dataclasses.fields(Instrument)}
    for name, value in others.items():
        assert rules_digest([dataclasses.replace(BTC, **{name: value})]) != digest, name


def test_names_that_are_no_symbols_are_left_out() -> None:
    strange = dataclasses.replace(BTC, symbol="币安USDT", base="币安")
    unsettled = dataclasses.replace(BTC, symbol="BTCEUR", quote="EUR")
    assert readable([strange, unsettled, BTC]) == [BTC]


def test_a_disk_that_is_full_keeps_the_rules_that_were_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_rules(tmp_path, {"BTCUSDT": BTC})
    before = (tmp_path / RULES_FILE).read_bytes()

    def full(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(parts.os, "fsync", full)
    with pytest.raises(DataError, match="No space left"):
        write_rules(tmp_path, {"BTCUSDT": TOLD})
    assert (tmp_path / RULES_FILE).read_bytes() == before
    assert catalog_instruments(tmp_path) == {"BTCUSDT": BTC}
