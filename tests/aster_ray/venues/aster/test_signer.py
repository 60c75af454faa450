from __future__ import annotations

import ccxt.pro
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aster_ray.clock import ReplayClock
from aster_ray.config import Secret
from aster_ray.venues.aster.signer import Signer, address_of
from aster_ray.venues.simulator.credentials import split_signature
from aster_ray.venues.simulator.signature import SignatureCheck
from tests.aster_ray.venues.simulator.served import KEY, WALLET

AGENT_KEY = "0x" + "22" * 32
NOW = 1_795_000_000_000


def a_signer(wallet: str = "", key: str = KEY, chain: int = 1666) -> Signer:
    signer = Signer(wallet, Secret(key), chain, ReplayClock(NOW))
    signer._offset = 0
    return signer


def test_the_address_is_that_of_the_key() -> None:
    assert address_of(Secret(KEY)) == WALLET
    expected = ccxt.Exchange.eth_get_address_from_private_key(AGENT_KEY)
    assert address_of(Secret(AGENT_KEY)) == expected.lower()


@pytest.mark.parametrize("chain", [1666, 714])
def test_the_bytes_are_those_ccxt_would_have_sent(chain: int) -> None:
    client = ccxt.pro.aster({"privateKey": KEY, "options": {"v3ChainId": chain}})
    client.milliseconds = lambda: NOW
    params = {"symbol": "BTCUSDT", "price": "100000.1", "newClientOrderId": "a:b/c.d-e_f (1)*'!~"}
    theirs = client.sign("v3/order", ["fapiPrivate"], "POST", dict(params))
    assert a_signer(chain=chain).signed(params) == theirs["body"]


@settings(max_examples=20)
@given(st.dictionaries(st.text("abcXYZ", min_size=1), st.text(max_size=20), max_size=5))
def test_the_venue_recovers_who_signed(params: dict[str, str]) -> None:
    clean = {name: value for name, value in params.items() if name != "signature"}
    message, signature = split_signature(a_signer(WALLET, AGENT_KEY).signed(clean))
    assert SignatureCheck().signer(message, signature) == address_of(Secret(AGENT_KEY))
    assert f"user={WALLET}" in message


def test_no_two_nonces_are_the_same_within_a_millisecond_or_when_the_clock_steps_back() -> None:
    clock = ReplayClock(NOW)
    signer = Signer("", Secret(KEY), 1666, clock)
    signer._offset = 0
    nonces = [signer.nonce() for _ in range(100)]
    assert nonces[0] == NOW * 1000
    clock.time_ms -= 500
    nonces += [signer.nonce() for _ in range(100)]
    clock.time_ms += 10_000
    nonces.append(signer.nonce())
    assert nonces == sorted(set(nonces))
    assert nonces[-1] == (NOW + 9_500) * 1000


def test_a_signer_shows_addresses_and_never_its_key() -> None:
    signer = a_signer(WALLET, AGENT_KEY)
    assert repr(signer) == f"Signer(wallet={WALLET}, address={address_of(Secret(AGENT_KEY))})"
    assert AGENT_KEY[2:] not in f"{signer!r}{vars(signer)!r}"


def test_two_processes_with_one_key_hardly_ever_share_a_nonce() -> None:
    offsets = {Signer("", Secret(KEY), 1666, ReplayClock(NOW)).nonce() % 1000 for _ in range(30)}
    assert len(offsets) > 20
