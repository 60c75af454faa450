"""Signs requests to Aster: EIP-712 over the query, with nonces that never repeat.

ccxt signs too, but with nonces of whole milliseconds, which two requests of one millisecond share,
and with Python's own Keccak, which stops the event loop for five milliseconds per request.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from coincurve import PrivateKey
from Crypto.Hash import keccak

from aster_ray.clock import Clock
from aster_ray.config import Secret

# encodeURIComponent leaves these as they are.
_UNQUOTED = "~()*!.'"
_DOMAIN = b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"


def _hash(data: bytes) -> bytes:
    return bytes(keccak.new(digest_bits=256, data=data).digest())


_MESSAGE = _hash(b"Message(string msg)")


def address_of(key: Secret) -> str:
    """Return the address, lower case, whose requests this private key signs."""
    public = PrivateKey(_raw(key)).public_key.format(compressed=False)
    return "0x" + _hash(public[1:])[-20:].hex()


def _raw(key: Secret) -> bytes:
    return bytes.fromhex(key.value.removeprefix("0x"))


class Signer:
    """Signs for a wallet with its own key or with an agent's.

    Args:
        wallet: address whose account it is; empty for the key's own.
        key: private key that signs.
        chain: 1666 on the main net, 714 on the test net.
        clock: nonces are microseconds of it.

    Attributes:
        wallet: whose account it is.
        address: who signs.
    """

    def __init__(self, wallet: str, key: Secret, chain: int, clock: Clock) -> None:
        self.address = address_of(key)
        self.wallet = wallet or self.address
        self._key = PrivateKey(_raw(key))
        self._clock = clock
        self._last = 0
        # Another process may sign with the same key within the same millisecond.
        self._offset = secrets.randbelow(1000)
        parts = (_hash(_DOMAIN), _hash(b"AsterSignTransaction"), _hash(b"1"))
        nobody = b"\0" * 32
        self._domain = _hash(b"".join(parts) + chain.to_bytes(32, "big") + nobody)

    def __repr__(self) -> str:
        return f"Signer(wallet={self.wallet}, address={self.address})"

    def nonce(self) -> int:
        """Return microseconds, each number once and each larger than the one before."""
        self._last = max(self._last + 1, self._clock.now_ms() * 1000 + self._offset)
        return self._last

    def signed(self, params: Mapping[str, Any]) -> str:
        """Return a query with nonce, user, signer and signature.

        Args:
            params: as they go over the wire; booleans in the venue's spelling.
        """
        head = {"nonce": str(self.nonce()), "user": self.wallet, "signer": self.address}
        message = "&".join(
            f"{name}={quote(str(value), safe=_UNQUOTED)}"
            for name, value in {**head, **params}.items()
        )
        return f"{message}&signature={self.sign(message)}"

    def sign(self, message: str) -> str:
        """Return the signature of a query."""
        digest = _hash(b"\x19\x01" + self._domain + _hash(_MESSAGE + _hash(message.encode())))
        raw = self._key.sign_recoverable(digest, hasher=None)
        return f"0x{raw[:64].hex()}{raw[64] + 27:02X}"
