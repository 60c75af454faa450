from __future__ import annotations

from typing import Any

import pytest

from aster_ray.venues.simulator.account import Agent
from aster_ray.venues.simulator.credentials import (
    NONCES_KEPT,
    Credentials,
    read_params,
    split_signature,
)
from aster_ray.venues.simulator.refusals import Reason, RefusedError
from aster_ray.venues.simulator.signature import SignatureCheck
from tests.aster_ray.venues.simulator.scenes import Scene

WALLET, AGENT = "0x" + "aa" * 20, "0x" + "bb" * 20
NOW_MS = 1_800_000_000_000


class Trusting(SignatureCheck):
    """Takes the signature itself for the signer's address."""

    def signer(self, message: str, signature: str) -> str | None:
        return signature if message else None

    def builder_approver(self, params: Any, signature: str) -> str | None:
        return signature


class Gate:
    def __init__(self) -> None:
        self.exchange = Scene().exchange
        self.now_ms = NOW_MS
        self.credentials = Credentials(self.exchange, lambda: self.now_ms, check=Trusting())

    def send(self, **changes: str | None) -> str:
        """Return the user let in."""
        params = {
            "nonce": str(NOW_MS * 1000),
            "user": WALLET,
            "signer": WALLET,
            "signature": changes.get("signer") or WALLET,
            **changes,
        }
        path = params.pop("path", None) or "/fapi/v3/order"
        raw = "&".join(f"{name}={value}" for name, value in params.items() if value is not None)
        how = changes.get("method") or "POST", changes.get("from_address") or ""
        account, _ = self.credentials.admit(path, raw, *how)
        return account.user

    def approve(self, **permissions: Any) -> None:
        """Let the agent sign for the wallet."""
        agent = Agent(address=AGENT, **permissions)
        self.exchange.account(WALLET).agents[AGENT] = agent


@pytest.fixture
def gate() -> Gate:
    return Gate()


def refusal(gate: Gate, **changes: str | None) -> Reason:
    with pytest.raises(RefusedError) as refused:
        gate.send(**changes)
    return refused.value.reason


def test_a_wallet_signs_for_itself_and_gets_an_account(gate: Gate) -> None:
    assert gate.send() == WALLET
    assert gate.send(signer=None, nonce=str(NOW_MS * 1000 + 1)) == WALLET
    assert gate.exchange.floor.users[WALLET].wallet == gate.exchange.deposit


def test_an_agent_signs_only_where_it_was_approved(gate: Gate) -> None:
    assert refusal(gate, signer=AGENT) is Reason.NO_PERMISSION
    assert WALLET not in gate.exchange.floor.users
    gate.approve()
    assert gate.send(signer=AGENT) == WALLET
    builder = {"path": "/fapi/v3/approveBuilder", "nonce": str(NOW_MS * 1000 + 1)}
    assert refusal(gate, signer=AGENT, **builder) is Reason.NO_PERMISSION


@pytest.mark.parametrize(
    ("permissions", "changes", "good"),
    [
        ({}, {}, True),
        ({"can_trade_perps": False}, {}, False),
        ({"can_trade_perps": False}, {"method": "GET"}, True),
        ({"can_trade_perps": False}, {"path": "/fapi/v3/listenKey"}, True),
        ({"can_read": False}, {"method": "GET"}, False),
        ({"ends_ms": NOW_MS}, {"method": "GET"}, False),
        ({"ends_ms": NOW_MS + 1}, {}, True),
        ({"addresses": ("10.0.0.1",)}, {"from_address": "10.0.0.2"}, False),
        ({"addresses": ("10.0.0.1",)}, {"from_address": "10.0.0.1"}, True),
    ],
)
def test_an_agent_may_do_what_it_was_approved_for(
    gate: Gate, permissions: dict[str, Any], changes: dict[str, str], good: bool
) -> None:
    gate.approve(**permissions)
    if good:
        assert gate.send(signer=AGENT, **changes) == WALLET
    else:
        assert refusal(gate, signer=AGENT, **changes) is Reason.NO_PERMISSION


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"signature": None}, Reason.MISSING),
        ({"nonce": None}, Reason.MISSING),
        ({"user": None}, Reason.MISSING),
        ({"nonce": "soon"}, Reason.MISSING),
        ({"signature": AGENT}, Reason.BAD_SIGNATURE),
        ({"nonce": str((NOW_MS - 10_001) * 1000)}, Reason.NONCE_EXPIRED),
        ({"nonce": str((NOW_MS + 10_001) * 1000)}, Reason.NONCE_EXPIRED),
    ],
)
def test_bad_requests_do_not_get_in(
    gate: Gate, changes: dict[str, str | None], reason: Reason
) -> None:
    assert refusal(gate, **changes) is reason


def test_a_nonce_is_good_once(gate: Gate) -> None:
    gate.send()
    assert refusal(gate) is Reason.NONCE_EXPIRED
    gate.approve()
    assert gate.send(signer=AGENT) == WALLET  # signers count apart


def test_nonces_may_come_out_of_order_until_too_many_newer_ones_came(gate: Gate) -> None:
    base = NOW_MS * 1000
    for step in range(NONCES_KEPT):
        gate.send(nonce=str(base + 10 * step))
    assert refusal(gate, nonce=str(base - 1)) is Reason.NONCE_EXPIRED
    assert gate.send(nonce=str(base + 5)) == WALLET
    assert refusal(gate, nonce=str(base)) is Reason.NONCE_EXPIRED


def test_the_signature_is_cut_out_wherever_it_stands() -> None:
    assert split_signature("a=1&signature=0x2&b=%20") == ("a=1&b=%20", "0x2")
    assert split_signature("a=1") == ("a=1", "")
    assert read_params("a=1&b=%5B%22x%22%5D&c=") == {"a": "1", "b": '["x"]', "c": ""}
