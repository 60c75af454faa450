"""What went wrong, by what the caller does next.

Two tables: what a failure means (by HTTP status, the venue's code, ccxt's class, in this order),
and what that leaves to do, which depends on the operation: a question without an answer may be
asked again, an order without an answer may be anywhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum, auto
from types import MappingProxyType

from aster_ray.errors import (
    AsterError,
    BadInputError,
    OutcomeUnknownError,
    RejectedError,
    RetryableError,
)
from aster_ray.venues.ccxt_venue.wire import Trace


class Operation(Enum):
    """What was attempted, and whether doing it twice does harm."""

    READ = auto()  # a question
    SETTLE = auto()  # sets something to a value: leverage, a countdown, a key's life
    PLACE = auto()
    CANCEL = auto()


class Failure(Enum):
    """What a failure means."""

    NOT_SENT = auto()  # nothing left, or nobody was there to receive it
    NO_OUTCOME = auto()  # it arrived, or may have, and nobody knows what became of it
    THROTTLED = auto()  # refused unread, for the number of requests
    REFUSED = auto()
    KEYS = auto()  # the account's keys or permissions
    CLOCK = auto()  # the nonce is too old or too new, or was used
    DUPLICATE = auto()  # an order of this id is there already
    ABSENT = auto()  # no such order
    UNCHANGED = auto()  # what was to be set is set already


# Codes of Aster and Binance, and Bybit's; a venue's own meaning goes before ccxt's guess.
CODES: Mapping[str, Failure] = MappingProxyType(
    {
        **dict.fromkeys(("-1000", "-1001", "-1006", "-1007"), Failure.NO_OUTCOME),
        **dict.fromkeys(("10000", "10016"), Failure.NO_OUTCOME),
        **dict.fromkeys(("-1003", "-1008", "-1015"), Failure.THROTTLED),
        **dict.fromkeys(("-1002", "-1022", "-2014", "-2015", "-2017"), Failure.KEYS),
        **dict.fromkeys(("-1021", "-4225", "10002"), Failure.CLOCK),
        **dict.fromkeys(("-4116", "-20132", "110072"), Failure.DUPLICATE),
        **dict.fromkeys(("-2011", "-2013"), Failure.ABSENT),
        **dict.fromkeys(("-4046", "-4059", "110043"), Failure.UNCHANGED),
        # ccxt takes these for a rate limit; they are limits of the account and stay.
        **dict.fromkeys(("-2025", "-4032", "-4045", "-4082"), Failure.REFUSED),
        # ccxt takes a listen key that is gone for a key that is not accepted.
        "-1125": Failure.REFUSED,
        # ccxt takes this address error for a duplicate order.
        "-1004": Failure.KEYS,
    }
)
# By name, so that this table costs nothing to load; the most specific class of an error counts.
CLASSES: Mapping[str, Failure] = MappingProxyType(
    {
        "RequestTimeout": Failure.NO_OUTCOME,
        "BadResponse": Failure.NO_OUTCOME,
        "NullResponse": Failure.NO_OUTCOME,
        "OnMaintenance": Failure.THROTTLED,
        "RateLimitExceeded": Failure.THROTTLED,
        "DDoSProtection": Failure.THROTTLED,
        "InvalidNonce": Failure.CLOCK,
        "NoChange": Failure.UNCHANGED,
        "AuthenticationError": Failure.KEYS,
        "DuplicateOrderId": Failure.DUPLICATE,
        "OrderNotFound": Failure.ABSENT,
        "NetworkError": Failure.NO_OUTCOME,
        "OperationFailed": Failure.NO_OUTCOME,
        "BaseError": Failure.REFUSED,
    }
)
# No connection came about, so no byte of the request was sent.
_NEVER_CONNECTED = ("ClientConnectorError", "gaierror", "ConnectionTimeoutError")
_GATEWAY_REFUSALS = (403, 418, 429)


def judge(error: BaseException, trace: Trace) -> Failure:
    """Return what a failure means.

    Args:
        error: what ccxt raised.
        trace: what was seen of the last request.
    """
    named = _by_class(error)
    if not trace.sent:
        # ccxt itself said no, before anything left; or the keys are not there.
        return named if named is Failure.KEYS else Failure.REFUSED
    if trace.status is None:
        cause = error.__cause__
        names = {kind.__name__ for kind in type(cause).__mro__}
        return Failure.NOT_SENT if names.intersection(_NEVER_CONNECTED) else Failure.NO_OUTCOME
    if trace.status in (418, 429):
        return Failure.THROTTLED
    if trace.code in CODES:
        return CODES[trace.code]
    if trace.status in _GATEWAY_REFUSALS and not trace.code:
        return Failure.THROTTLED
    if trace.status >= 500 or (trace.status < 300 and not trace.code):
        return Failure.NO_OUTCOME
    return named


def _by_class(error: BaseException) -> Failure:
    for kind in type(error).__mro__:
        if kind.__name__ in CLASSES:
            return CLASSES[kind.__name__]
    return Failure.NO_OUTCOME


def as_error(failure: Failure, operation: Operation, about: str, trace: Trace) -> AsterError:
    """Return what to raise.

    Args:
        failure: what happened; a wrong clock is told from a lost answer by whoever has a clock.
        operation: what was attempted.
        about: venue and operation in words, without any secret.
        trace: what the venue said.
    """
    said = " ".join(part for part in (trace.code, trace.text) if part)
    if not said:
        said = f"HTTP {trace.status}" if trace.status is not None else "no answer"
    match failure:
        case Failure.THROTTLED:
            return RetryableError(f"{about}: too many requests ({said})", trace.retry_after_ms)
        case Failure.NOT_SENT:
            return RetryableError(f"{about}: cannot be reached")
        case Failure.NO_OUTCOME | Failure.CLOCK:
            if operation in (Operation.PLACE, Operation.CANCEL):
                return OutcomeUnknownError(f"{about}: nobody knows what became of it ({said})")
            return RetryableError(f"{about}: no usable answer ({said})", trace.retry_after_ms)
        case Failure.KEYS:
            return BadInputError(f"{about}: the venue does not accept the keys ({said})")
        case Failure.DUPLICATE if operation is Operation.PLACE:
            # It exists: only the venue can say in which state.
            return OutcomeUnknownError(f"{about}: an order of this id exists ({said})")
        case _:
            return RejectedError(f"{about}: {said}", trace.code)
