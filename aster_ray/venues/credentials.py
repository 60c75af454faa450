"""Keys of an account: where they come from, and that they go nowhere else."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from aster_ray import log
from aster_ray.config import MASK, Secret
from aster_ray.errors import BadInputError
from aster_ray.venues.config import ASTER, NO_SECRET, VenueConfig

WALLET, AGENT_KEY = "ASTER_WALLET", "ASTER_AGENT_KEY"
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")
_PRIVATE_KEY = re.compile(r"(?:0x)?[0-9a-fA-F]{64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """Who trades. Shows no secret unless ``value`` is asked for.

    Attributes:
        wallet: address of the main wallet, lower case; empty for venues with API keys.
        key: private key of the agent, or the API key.
        secret, password: of venues with API keys.
    """

    wallet: str = ""
    key: Secret = NO_SECRET
    secret: Secret = NO_SECRET
    password: Secret = NO_SECRET


def read_credentials(config: VenueConfig, environ: Mapping[str, str]) -> Credentials | None:
    """Return the account's keys, or None if there are none; from now on logs mask them.

    Aster: ``ASTER_WALLET`` and ``ASTER_AGENT_KEY``, else ``wallet`` and ``agent_key`` of
    ``[venue]``. Without a wallet the key is taken for the wallet's own. Other venues, e.g. bybit:
    ``BYBIT_API_KEY``, ``BYBIT_SECRET`` and, where there is one, ``BYBIT_PASSWORD``.

    Raises:
        BadInputError: something is missing or malformed; the message names it, never its value.
    """
    found = _aster(config, environ) if config.name == ASTER else _other(config.name, environ)
    if found is not None:
        secrets = (found.key.value, found.secret.value, found.password.value)
        log.conceal(value for value in secrets if value)
        log.conceal(value.removeprefix("0x") for value in secrets if value)
    return found


def owner_of(config: VenueConfig, credentials: Credentials) -> str:
    """Return what tells an account from every other; no secret.

    At Aster the wallet's address, elsewhere the public half of the API key.
    """
    if config.name != ASTER:
        return credentials.key.value
    from aster_ray.venues.aster.signer import address_of  # its libraries are an extra

    return credentials.wallet or address_of(credentials.key)


def _aster(config: VenueConfig, environ: Mapping[str, str]) -> Credentials | None:
    # A session's folder keeps its settings with every secret masked.
    told = "" if config.agent_key.value == MASK else config.agent_key.value
    key = environ.get(AGENT_KEY, "").strip() or told
    wallet = environ.get(WALLET, "").strip() or config.wallet
    if not key:
        if wallet:
            raise BadInputError(f"{AGENT_KEY} is not set although {WALLET} is: both are needed")
        return None
    if not _PRIVATE_KEY.fullmatch(key):
        raise BadInputError(
            f"{AGENT_KEY} must be a private key of 64 hex digits, has {len(key)} characters"
        )
    if wallet and not _ADDRESS.fullmatch(wallet):
        raise BadInputError(f"{WALLET} must be an address, 0x and 40 hex digits, was {wallet!r}")
    return Credentials(wallet=wallet.lower(), key=Secret("0x" + key.removeprefix("0x")))


def _other(name: str, environ: Mapping[str, str]) -> Credentials | None:
    prefix = name.upper()
    key, secret, password = (
        environ.get(f"{prefix}_{part}", "").strip() for part in ("API_KEY", "SECRET", "PASSWORD")
    )
    if not (key or secret):
        return None
    for part, value in (("API_KEY", key), ("SECRET", secret)):
        if not value:
            raise BadInputError(f"{prefix}_{part} is not set: {name} needs both key and secret")
    return Credentials(key=Secret(key), secret=Secret(secret), password=Secret(password))
