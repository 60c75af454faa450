"""What live trading demands before it begins, each demand refused with one clear message.

The record of ``aster doctor`` says that everything was well some time ago; here the account is
asked again, and leverage and margin mode are brought to what is configured and looked at once more.
Without ``settle`` nothing but questions goes to the venue.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import aiohttp

from aster_ray.clock import Clock
from aster_ray.doctor.account import Wanted, examine_account, margin_mode
from aster_ray.doctor.config import DoctorConfig
from aster_ray.doctor.examine import subject_of
from aster_ray.doctor.finding import Finding, Level
from aster_ray.doctor.record import require_record
from aster_ray.doctor.venue import examine_venue
from aster_ray.engine.ports import TradingClient
from aster_ray.errors import AsterError, BadInputError
from aster_ray.venues.aster.inquiry import Inquiry, address_of_venue
from aster_ray.venues.aster.signer import Signer
from aster_ray.venues.config import ASTER, VenueConfig
from aster_ray.venues.connect import connect
from aster_ray.venues.credentials import AGENT_KEY, WALLET, Credentials

_AGENT_REMEDY = "approve an agent without withdrawals at asterdex.com/en/api-wallet"


@dataclass(frozen=True, slots=True, kw_only=True)
class Application:
    """Who wants to trade what.

    Attributes:
        venue: where.
        credentials: for whom.
        config: what is demanded of the account.
        leverage: by symbol; the symbols are those that are to be traded.
        named: symbols whose leverage the configuration names: they get exactly that. Any other
            keeps what it has at the venue, if that is enough.
        capital: what the session may trade with.
    """

    venue: VenueConfig
    credentials: Credentials | None
    config: DoctorConfig
    leverage: Mapping[str, float]
    named: frozenset[str]
    capital: float


class Clearance:
    """One application on its way to a mandate.

    Args:
        application: what is asked for.
        clock: ours.

    Raises:
        BadInputError: not at Aster, without keys, or with the wallet's own key.
    """

    def __init__(self, application: Application, clock: Clock) -> None:
        self._asked = application
        self._clock = clock
        venue = application.venue
        if venue.name != ASTER:
            raise BadInputError(
                f"venue.name is {venue.name!r}: aster live trades at aster only; trade on its "
                "prices with aster paper --set session.feed=live"
            )
        if application.credentials is None:
            raise BadInputError(
                f"{AGENT_KEY} is not set: aster live needs {WALLET}, the address of the account, "
                f"and {AGENT_KEY}, the key of an agent that cannot withdraw"
            )
        self._keys = application.credentials
        self.signer = Signer(self._keys.wallet, self._keys.key, venue.chain, clock)
        if self.signer.wallet == self.signer.address:
            raise BadInputError(
                f"{AGENT_KEY} is the key of the wallet {self.signer.wallet} itself: who has it can "
                f"withdraw everything; {_AGENT_REMEDY} and set {WALLET} to the wallet"
            )

    @property
    def address(self) -> str:
        """Return where the venue is reached."""
        return address_of_venue(self._asked.venue)

    def confirm(self, given: str | None) -> None:
        """Return only if the account that is to be traded was named.

        Raises:
            BadInputError: it was not, or another one was.
        """
        wallet = self.signer.wallet
        where = f"{self._asked.venue.name} ({self.address})"
        if given is None:
            raise BadInputError(
                f"--confirm is missing: aster live trades the money of account {wallet} at "
                f"{where}; say --confirm with that address, or --dry to send nothing"
            )
        if given.strip().lower() != wallet:
            raise BadInputError(
                f"--confirm is {given!r}, but the keys are of account {wallet}: confirm that one, "
                f"or set {WALLET} and {AGENT_KEY} to the other's"
            )

    def require_record(self) -> int:
        """Return when ``aster doctor`` passed on the very same account and demands.

        Raises:
            BadInputError: never, too long ago, elsewhere, of something else, or it failed.
        """
        asked = self._asked
        subject = subject_of(asked.venue, self.signer, asked.config, asked.leverage)
        now_ms, hours = self._clock.now_ms(), asked.config.fresh_hours
        return require_record(subject, self._keys.key, now_ms, hours)

    async def examine(self) -> list[Finding]:
        """Ask the account again; return what may be meant so and should be looked at.

        Raises:
            BadInputError: something that must be mended before anything may trade.
        """
        async with aiohttp.ClientSession() as session:
            inquiry = Inquiry(self._asked.venue, self.signer, session)
            found = await examine_venue(inquiry, self._asked.config, self._clock)
            if all(finding.level is not Level.FAIL for finding in found):
                found += await examine_account(inquiry, self.signer, self._wanted())
            refuse(found)
            await self._require_capital(inquiry)
        return [finding for finding in found if finding.level is Level.WARN]

    def _wanted(self, *, settled: bool = False) -> Wanted:
        # A share of the account may be less than what the account must hold.
        asked = self._asked
        return Wanted(asked.config, asked.leverage, self._clock.now_ms(), settled)

    async def _require_capital(self, inquiry: Inquiry) -> None:
        """Refuse to size orders by money that is not there."""
        try:
            rows = {row["asset"]: row for row in await inquiry.signed("/fapi/v3/balance")}
            row = rows.get("USDT", {"balance": 0.0, "crossUnPnl": 0.0})
            equity = float(row["balance"]) + float(row["crossUnPnl"])
        except (AsterError, KeyError, TypeError, ValueError) as error:
            raise BadInputError(
                f"the account's equity cannot be read ({type(error).__name__}): try again"
            ) from None
        if equity < self._asked.capital:
            raise BadInputError(
                f"session.capital is {self._asked.capital:,.2f}, but the account's equity is "
                f"{equity:,.2f} USDT: name at most that with --capital, sizes follow it"
            )

    async def settle(self) -> list[str]:
        """Set leverage and margin mode at the venue and look again; return what was changed.

        Raises:
            BadInputError: the venue refused, or it is not so afterwards.
        """
        asked, changed = self._asked, []
        async with aiohttp.ClientSession() as session:
            inquiry = Inquiry(asked.venue, self.signer, session)
            rows = {row["symbol"]: row for row in await inquiry.signed("/fapi/v3/positionRisk")}
            market, client = connect(asked.venue, self._keys, self._clock)
            try:
                for symbol in asked.leverage:
                    row = rows[symbol]
                    theirs = float(row["leverage"]), margin_mode(row)
                    changed += await self._bring(client, symbol, theirs)
            except AsterError as error:
                raise BadInputError(f"the account cannot be set up: {error}") from None
            finally:
                await client.close()
                await market.close()
            refuse(await examine_account(inquiry, self.signer, self._wanted(settled=True)))
            await self._require_exact(inquiry)
        return changed

    async def _bring(
        self, client: TradingClient, symbol: str, theirs: tuple[float, str]
    ) -> list[str]:
        """Bring one symbol to what is configured; return what was changed, in words."""
        leverage, mode = theirs
        wanted, margin, changed = self._asked.leverage[symbol], self._asked.config.margin, []
        if mode != margin:
            await client.set_margin_mode(symbol, isolated=margin == "isolated")
            changed.append(f"{symbol} margin {mode} -> {margin}")
        if leverage != wanted and (symbol in self._asked.named or leverage < wanted):
            await client.set_leverage(symbol, int(wanted))
            changed.append(f"{symbol} leverage {leverage:g}x -> {int(wanted)}x")
        return changed

    async def _require_exact(self, inquiry: Inquiry) -> None:
        """Look once more at the leverage that the configuration names."""
        for row in await inquiry.signed("/fapi/v3/positionRisk"):
            symbol = row["symbol"]
            wanted = self._asked.leverage.get(symbol)
            if symbol in self._asked.named and float(row["leverage"]) != wanted:
                raise BadInputError(
                    f"risk.leverage of {symbol} is {wanted:g}, but the venue still says "
                    f"{row['leverage']}: set it at asterdex.com or configure that"
                )


def refuse(found: Sequence[Finding]) -> None:
    """Raise for the checks that failed, each with its remedy.

    Raises:
        BadInputError: at least one did.
    """
    failed = [finding for finding in found if finding.level is Level.FAIL]
    if failed:
        told = "; ".join(f"{one.name}: {one.text} -> {one.remedy}" for one in failed)
        raise BadInputError(f"the account may not trade live: {told}")


def whole_leverage(leverage: Mapping[str, float]) -> None:
    """Refuse what no venue can be told.

    Raises:
        BadInputError: a leverage is no whole number.
    """
    for symbol, wanted in leverage.items():
        if wanted != int(wanted):
            raise BadInputError(
                f"risk.leverage of {symbol} is {wanted:g}: a venue takes whole numbers only"
            )
