"""The one place calls of ccxt are made from, and where their failures become ours."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import ccxt

from aster_ray.clock import Clock
from aster_ray.errors import AsterError, BadInputError
from aster_ray.venues.ccxt_venue.budget import Priority
from aster_ray.venues.ccxt_venue.faults import Failure, Operation, as_error, judge
from aster_ray.venues.ccxt_venue.wire import TRACE, Trace

T = TypeVar("T")
# A clock further off than this cannot sign: nonces are good for ten seconds either way.
MOST_SKEW_MS = 5_000
# What ccxt's parsers raise when an answer has not the shape they expect.
_NOT_UNDERSTOOD = (LookupError, TypeError, ValueError, AttributeError, ArithmeticError)


class VenueError(Exception):
    """A failure on its way to becoming ours; only this package sees it."""

    def __init__(self, failure: Failure, trace: Trace) -> None:
        self.failure = failure
        self.trace = trace
        super().__init__(failure.name)


class Gateway:
    """Calls one ccxt client.

    Args:
        exchange: the client, wired.
        name: what the venue is called.
        clock: ours, which the venue's is compared with.
    """

    def __init__(self, exchange: Any, name: str, clock: Clock) -> None:
        self.exchange = exchange
        self.name = name
        self.clock = clock

    async def ask(
        self,
        what: str,
        call: Callable[[], Awaitable[T]],
        operation: Operation = Operation.READ,
        *,
        priority: Priority = Priority.POLL,
    ) -> T:
        """Return what a call of ccxt answers.

        Args:
            what: the operation in words, for messages.
            call: makes the call.
            operation: what a failure means depends on it.
            priority: of every request of the call.

        Raises:
            RetryableError, OutcomeUnknownError, RejectedError, BadInputError: see ``errors``.
        """
        try:
            return await self.attempt(call, operation, priority)
        except VenueError as problem:
            raise await self.named(problem, operation, what) from None

    async def named(self, problem: VenueError, operation: Operation, what: str) -> AsterError:
        """Return a failure as the error the caller acts on."""
        if problem.failure is Failure.CLOCK and (blamed := await self._clock_off(what)):
            return blamed
        return as_error(problem.failure, operation, f"{self.name} {what}", problem.trace)

    async def attempt(
        self, call: Callable[[], Awaitable[T]], operation: Operation, priority: Priority
    ) -> T:
        """Return what a call answers; raise ``VenueError`` for whoever knows what to make of it."""
        trace = Trace(priority=priority, orders=int(operation is Operation.PLACE))
        token = TRACE.set(trace)
        try:
            return await call()
        except ccxt.BaseError as error:
            if not trace.sent:
                trace.text = str(error)
            elif trace.status is None:
                trace.text = f"no answer: {type(error.__cause__ or error).__name__}"
            # Not chained: ccxt's messages hold whole addresses, signature and all.
            raise VenueError(judge(error, trace), trace) from None
        except _NOT_UNDERSTOOD as error:
            trace.text = f"answer not understood: {type(error).__name__}"
            raise VenueError(Failure.NO_OUTCOME, trace) from None
        finally:
            TRACE.reset(token)

    async def _clock_off(self, what: str) -> BadInputError | None:
        """Return what to say if our clock is to blame for a refused nonce."""
        try:
            theirs = await self.attempt(self.exchange.fetch_time, Operation.READ, Priority.CREATE)
        except VenueError:
            return None
        skew = self.clock.now_ms() - int(theirs)
        if abs(skew) <= MOST_SKEW_MS:
            return None
        way = "ahead of" if skew > 0 else "behind"
        return BadInputError(
            f"{self.name} {what}: this machine's clock is {abs(skew) / 1000.0:.1f} s {way} "
            "the venue's and its signatures are refused; synchronise it (NTP)"
        )
