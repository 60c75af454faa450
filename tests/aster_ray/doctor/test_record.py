from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from aster_ray.config import Secret
from aster_ray.doctor.finding import fail, ok
from aster_ray.doctor.record import Subject, require_record, write_record
from aster_ray.errors import BadInputError
from aster_ray.model.ids import HOUR_MS

NOW_MS = 1_800_000_000_000
KEY = Secret("0x" + "22" * 32)
SUBJECT = Subject("aster", "https://venue", "0x" + "aa" * 20, "0x" + "bb" * 20)
FIT = [ok("venue", "answers")]


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASTER_STATE_DIR", str(tmp_path))


def refused(subject: Subject = SUBJECT, key: Secret = KEY, now_ms: int = NOW_MS) -> str:
    with pytest.raises(BadInputError) as problem:
        require_record(subject, key, now_ms, 24.0)
    assert "run aster doctor" in str(problem.value)
    return str(problem.value)


def test_a_fresh_record_of_a_fit_account_is_accepted() -> None:
    path = write_record(SUBJECT, KEY, FIT, NOW_MS)
    assert require_record(SUBJECT, KEY, NOW_MS + 24 * HOUR_MS, 24.0) == NOW_MS
    assert "22" * 32 not in path.read_text()


def test_a_record_is_good_for_one_account_at_one_address_for_a_while() -> None:
    assert "never examined" in refused()
    write_record(SUBJECT, KEY, FIT, NOW_MS)
    assert "24.1 hours ago" in refused(now_ms=NOW_MS + 24 * HOUR_MS + 360_000)
    assert "hours ago" in refused(now_ms=NOW_MS - 1)
    assert "never examined" in refused(replace(SUBJECT, wallet="0x" + "cc" * 20))
    assert "was examined, not" in refused(replace(SUBJECT, address="https://other"))
    assert "was examined, not" in refused(replace(SUBJECT, signer="0x" + "cc" * 20))
    assert "of another key" in refused(key=Secret("0x" + "33" * 32))


def test_a_failed_examination_takes_the_place_of_a_passed_one() -> None:
    write_record(SUBJECT, KEY, FIT, NOW_MS)
    write_record(SUBJECT, KEY, [*FIT, fail("balance", "poor", "deposit")], NOW_MS + 1)
    assert "failed (balance)" in refused(now_ms=NOW_MS + 2)


@pytest.mark.parametrize("field", ["passed", "examined_ms", "findings"])
def test_no_line_of_a_record_can_be_changed(field: str) -> None:
    path = write_record(SUBJECT, KEY, [fail("balance", "poor", "deposit")], NOW_MS)
    content = json.loads(path.read_text())
    content[field] = {"passed": True, "examined_ms": NOW_MS + 5, "findings": []}[field]
    path.write_text(json.dumps(content))
    assert "was changed" in refused(now_ms=NOW_MS + 10)


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"seal": 1, "examined_ms": null}'])
def test_a_damaged_record_is_none(text: str) -> None:
    path = write_record(SUBJECT, KEY, FIT, NOW_MS)
    path.write_text(text)
    assert "cannot be read" in refused()
