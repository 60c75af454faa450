"""Questions to Aster that change nothing: GET requests only, public or signed.

Made for examinations: it goes its own way to the venue, beside the client that trades, and can ask
for the list of builders, which no other request of ours may even name.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import aiohttp

from aster_ray.errors import RejectedError, RetryableError
from aster_ray.venues.aster.signer import Signer
from aster_ray.venues.config import VenueConfig

MAINNET, TESTNET = "https://fapi.asterdex.com", "https://fapi.asterdex-testnet.com"
_TESTNET_CHAIN = 714


def address_of_venue(config: VenueConfig) -> str:
    """Return where the venue's REST is."""
    return config.rest or (TESTNET if config.chain == _TESTNET_CHAIN else MAINNET)


class Inquiry:
    """Asks one venue.

    Args:
        config: where it is.
        signer: who asks; None for what is public.
        session: carries the requests; whoever opened it closes it.
    """

    def __init__(
        self, config: VenueConfig, signer: Signer | None, session: aiohttp.ClientSession
    ) -> None:
        self.address = address_of_venue(config)
        self._signer = signer
        self._session = session
        self._timeout = aiohttp.ClientTimeout(total=config.timeout_s)

    async def public(self, path: str) -> Any:
        """Return the answer to a public question, e.g. ``/fapi/v3/time``.

        Raises:
            RetryableError: there was no answer, or none that can be understood.
            RejectedError: the venue said no; ``code`` is the venue's.
        """
        return await self._get(path, "")

    async def signed(self, path: str, params: Mapping[str, str] | None = None) -> Any:
        """Return the answer to a question about the account.

        Raises:
            RetryableError, RejectedError: as ``public``.
            ValueError: nobody signs.
        """
        if self._signer is None:
            raise ValueError("a question about an account needs a signer")
        return await self._get(path, self._signer.signed(params or {}))

    async def _get(self, path: str, query: str) -> Any:
        # The address with the signature appears in no message: it is good for some seconds.
        url = f"{self.address}{path}"
        try:
            async with self._session.get(
                f"{url}?{query}" if query else url, timeout=self._timeout
            ) as response:
                status, text = response.status, await response.text()
        except TimeoutError:
            raise RetryableError(f"{url} did not answer in {self._timeout.total:g} s") from None
        except aiohttp.ClientError as error:
            raise RetryableError(f"{url} cannot be reached: {type(error).__name__}") from None
        try:
            content = json.loads(text)
        except ValueError:
            raise RetryableError(f"{url} answered {status} with no JSON") from None
        if status == 200:
            return content
        code, said = (content.get(key, "") for key in ("code", "msg")) if content else ("", "")
        if status in (418, 429) or status >= 500:
            raise RetryableError(f"{url} answered {status}: {said}")
        raise RejectedError(f"{url} answered {status}: {code} {said}", str(code))
