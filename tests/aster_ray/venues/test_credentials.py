from __future__ import annotations

from typing import Any

import pytest

from aster_ray import log
from aster_ray.config import Secret
from aster_ray.errors import BadInputError
from aster_ray.venues.config import VenueConfig
from aster_ray.venues.credentials import Credentials, read_credentials

KEY = "ab" * 32
WALLET = "0x" + "Cd" * 20


def read(environ: dict[str, str], **fields: Any) -> Credentials | None:
    return read_credentials(VenueConfig(**fields), environ)


def test_aster_reads_the_wallet_and_the_agents_key_from_the_environment() -> None:
    found = read({"ASTER_WALLET": WALLET, "ASTER_AGENT_KEY": KEY})
    assert found is not None
    assert found.wallet == WALLET.lower()
    assert found.key.value == "0x" + KEY
    assert read({"ASTER_AGENT_KEY": "0x" + KEY}) == Credentials(key=Secret("0x" + KEY))
    assert read({}) is None


def test_the_configuration_stands_in_where_the_environment_is_silent() -> None:
    found = read({}, wallet=WALLET, agent_key=Secret(KEY))
    assert found == Credentials(wallet=WALLET.lower(), key=Secret("0x" + KEY))
    other = read({"ASTER_AGENT_KEY": "cd" * 32}, agent_key=Secret(KEY))
    assert other is not None
    assert other.key.value == "0x" + "cd" * 32


def test_a_masked_key_of_a_kept_session_is_no_key() -> None:
    assert read({}, agent_key=Secret("***")) is None
    found = read({"ASTER_AGENT_KEY": KEY}, agent_key=Secret("***"))
    assert found == Credentials(key=Secret("0x" + KEY))


def test_other_venues_read_their_own_variables() -> None:
    environ = {"BYBIT_API_KEY": "k-1", "BYBIT_SECRET": "s-1", "ASTER_AGENT_KEY": KEY}
    found = read(environ, name="bybit")
    assert found == Credentials(key=Secret("k-1"), secret=Secret("s-1"))
    assert read(environ, name="okx") is None


@pytest.mark.parametrize(
    ("environ", "fields", "words"),
    [
        ({"ASTER_WALLET": WALLET}, {}, "ASTER_AGENT_KEY is not set although ASTER_WALLET is"),
        ({"ASTER_AGENT_KEY": KEY[:-1]}, {}, "64 hex digits, has 63 characters"),
        ({"ASTER_AGENT_KEY": "z" * 64}, {}, "64 hex digits, has 64 characters"),
        ({"ASTER_AGENT_KEY": KEY, "ASTER_WALLET": "me"}, {}, "ASTER_WALLET must be an address"),
        ({"BYBIT_API_KEY": "k-1"}, {"name": "bybit"}, "BYBIT_SECRET is not set"),
        ({"BYBIT_SECRET": "s-1"}, {"name": "bybit"}, "BYBIT_API_KEY is not set"),
    ],
)
def test_what_is_missing_or_malformed_is_named_and_its_value_is_not(
    environ: dict[str, str], fields: dict[str, Any], words: str
) -> None:
    with pytest.raises(BadInputError) as raised:
        read(environ, **fields)
    assert words in str(raised.value)
    for name, value in environ.items():
        if name != "ASTER_WALLET":
            assert value not in str(raised.value)


def test_keys_are_masked_everywhere_from_then_on() -> None:
    found = read({"ASTER_WALLET": WALLET, "ASTER_AGENT_KEY": KEY})
    for text in (repr(found), str(found), log.redact_text(f"sent {KEY} and 0x{KEY}")):
        assert KEY not in text
    assert found is not None
    assert WALLET.lower() in repr(found)
