from __future__ import annotations

from typing import Any

import pytest

from aster_ray.errors import BadInputError
from aster_ray.venues.simulator.faults import FaultKind, Faults


def test_a_fault_strikes_what_it_is_set_for_and_as_often() -> None:
    faults = Faults()
    faults.add({"kind": "json", "path": "/order", "method": "POST", "skip": 1, "count": 2})
    assert faults.strike("GET", "/fapi/v3/order") is None
    assert faults.strike("POST", "/fapi/v3/batchOrders") is None
    struck = [faults.strike("POST", "/fapi/v3/order") for _ in range(4)]
    assert [fault is not None for fault in struck] == [False, True, True, False]
    assert faults.struck == 2


def test_faults_can_be_taken_back() -> None:
    faults = Faults()
    assert faults.add({"kind": "reset", "count": 5}).kind is FaultKind.RESET
    faults.clear()
    assert faults.strike("GET", "/x") is None


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ({"kind": "earthquake"}, "none of json, html"),
        ({}, "none of json"),
        ({"kind": "json", "when": 1}, "not understood"),
        ({"kind": "json", "count": "many"}, "count must be int"),
        ({"kind": "json", "count": True}, "count must be int"),
        ({"kind": "slow", "seconds": "long"}, "seconds must be float"),
    ],
)
def test_a_fault_nobody_knows_is_refused(state: dict[str, Any], words: str) -> None:
    with pytest.raises(BadInputError, match=words):
        Faults().add(state)


def test_a_delay_may_be_a_whole_number() -> None:
    assert Faults().add({"kind": "slow", "seconds": 2}).seconds == 2
