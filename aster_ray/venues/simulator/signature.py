"""Who signed a request: EIP-712 typed data over the very bytes that were sent."""

from __future__ import annotations

from collections.abc import Mapping

from coincurve import PublicKey
from Crypto.Hash import keccak

MAINNET_CHAIN, TESTNET_CHAIN = 1666, 714

_MESSAGE = "Message(string msg)"
_APPROVE = (
    "ApproveBuilder(string Builder,string MaxFeeRate,string BuilderName,string AsterChain,"
    "string User,uint256 Nonce)"
)
_DOMAIN = "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"


def keccak256(data: bytes) -> bytes:
    """Return the hash Ethereum uses."""
    return bytes(keccak.new(digest_bits=256, data=data).digest())


def _text(value: str) -> bytes:
    return keccak256(value.encode())


def _number(value: int) -> bytes:
    return value.to_bytes(32, "big")


class SignatureCheck:
    """Recovers signers under one chain id.

    Args:
        chain_id: 1666 on the main net, 714 on the test net.
    """

    def __init__(self, chain_id: int = MAINNET_CHAIN) -> None:
        nobody = b"\0" * 32
        domain = _text(_DOMAIN) + _text("AsterSignTransaction") + _text("1")
        self._domain = keccak256(domain + _number(chain_id) + nobody)

    def signer(self, message: str, signature: str) -> str | None:
        """Return the address, lower case, that signed a request; None if nobody could have.

        Args:
            message: query or body as sent, without its ``signature``.
            signature: 65 bytes in hex; the last one may be in either case and count from 27 or 0.
        """
        return self._recover(_text(_MESSAGE) + _text(message), signature)

    def builder_approver(self, params: Mapping[str, str], signature: str) -> str | None:
        """Return who signed an approval of a builder; None if nobody could have."""
        names = ("builder", "maxFeeRate", "builderName", "asterChain", "user")
        struct = _text(_APPROVE) + b"".join(_text(params.get(name, "")) for name in names)
        try:
            return self._recover(struct + _number(int(params["nonce"])), signature)
        except (KeyError, ValueError, OverflowError):
            return None

    def _recover(self, struct: bytes, signature: str) -> str | None:
        digest = keccak256(b"\x19\x01" + self._domain + keccak256(struct))
        try:
            raw = bytes.fromhex(signature.removeprefix("0x"))
            if len(raw) != 65:
                return None
            recovery = raw[64] - 27 if raw[64] >= 27 else raw[64]
            key = PublicKey.from_signature_and_message(
                raw[:64] + bytes([recovery]), digest, hasher=None
            )
        except ValueError:
            return None
        return "0x" + keccak256(key.format(compressed=False)[1:])[-20:].hex()
