from __future__ import annotations

from typing import Any

import ccxt
import pytest

from aster_ray.venues.simulator.signature import TESTNET_CHAIN, SignatureCheck, keccak256

KEY = "0x" + "11" * 32
WALLET = "0x19e7e376e7c213b7e7e7e46cc70a5dd086daff2a"  # of that key
# A request ccxt's authors sent to the live exchange and keep among their fixtures.
CAPTURED = (
    (
        "nonce=1781091322832000&user=0x35a5b33be664b09f78b5089eb6185f71c8a7f88f"
        "&signer=0x35a5b33be664b09f78b5089eb6185f71c8a7f88f&symbol=ETHUSDT&side=BUY"
        "&type=TAKE_PROFIT_MARKET&quantity=0.005&stopPrice=1000"
    ),
    (
        "0x83d97b288b54df9b2ebec0de9013aaa1c3dcbb5800b47ff63d618a3334b602f"
        "007cdf4930340e2f34458ed3d287898e2630aa75f8019aec7ca1de91e30a63a721c"
    ),
)


def signed(params: dict[str, Any], **options: Any) -> tuple[str, str]:
    """Return message and signature as ccxt makes them."""
    client = ccxt.aster({"privateKey": KEY, "options": options})
    body = client.sign("v3/order", ["fapiPrivate"], "POST", params)["body"]
    message, signature = body.split("&signature=")
    return message, signature


def test_a_request_captured_on_the_live_exchange_verifies() -> None:
    message, signature = CAPTURED
    assert SignatureCheck().signer(message, signature) in message


@pytest.mark.parametrize(
    "params",
    [
        {"symbol": "BTCUSDT", "side": "BUY"},
        {"note": "a b&c=\u00e9/~()*!.'"},
        {"orderIdList": [1, 2], "reduceOnly": True},
        {},
    ],
)
def test_what_ccxt_signs_verifies_over_the_bytes_it_sends(params: dict[str, Any]) -> None:
    assert SignatureCheck().signer(*signed(params)) == WALLET


def test_another_chain_message_or_signature_is_another_signer() -> None:
    message, signature = signed({"symbol": "BTCUSDT"})
    assert SignatureCheck(TESTNET_CHAIN).signer(message, signature) != WALLET
    assert SignatureCheck().signer(message + "&x=1", signature) != WALLET
    assert SignatureCheck().signer(*signed({"symbol": "BTCUSDT"}, v3ChainId=714)) != WALLET
    other = SignatureCheck(TESTNET_CHAIN)
    assert other.signer(*signed({"symbol": "BTCUSDT"}, v3ChainId=714)) == WALLET


@pytest.mark.parametrize("signature", ["", "0x", "0x12", "zz" * 65, "0x" + "00" * 65, "ff" * 65])
def test_what_is_no_signature_has_no_signer(signature: str) -> None:
    assert SignatureCheck().signer("nonce=1", signature) is None


def test_a_signature_may_count_from_zero_and_be_written_in_either_case() -> None:
    message, signature = signed({"symbol": "BTCUSDT"})
    recovery = int(signature[-2:], 16) - 27
    for written in (
        signature.lower(),
        signature[:-2].upper().replace("0X", "0x") + signature[-2:],
        f"{signature[:-2]}{recovery:02x}",
    ):
        assert SignatureCheck().signer(message, written) == WALLET


def test_a_builder_is_approved_by_the_wallet() -> None:
    client = ccxt.aster({"privateKey": KEY})
    fields = {
        "builder": "0x1F5877C19e3777Cfd15F9d57253eA4aA5254Ec39",
        "builderName": "ccxt",
        "maxFeeRate": "0.001",
        "signatureChainId": 1666,
        "asterChain": "Mainnet",
    }
    body = client.sign("v3/approveBuilder", ["fapiPrivate"], "POST", fields)["body"]
    message, signature = body.split("&signature=")
    params = dict(pair.split("=") for pair in message.split("&"))
    assert SignatureCheck().builder_approver(params, signature) == WALLET
    assert SignatureCheck().builder_approver({**params, "nonce": "x"}, signature) is None
    changed = SignatureCheck().builder_approver({**params, "maxFeeRate": "0.01"}, signature)
    assert changed != WALLET


def test_the_hash_is_ethereums() -> None:
    empty = "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"
    assert keccak256(b"").hex() == empty
