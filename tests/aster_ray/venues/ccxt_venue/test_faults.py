from __future__ import annotations

import ccxt
import pytest

from aster_ray.errors import BadInputError, OutcomeUnknownError, RejectedError, RetryableError
from aster_ray.venues.ccxt_venue.faults import CODES, Failure, Operation, as_error, judge
from aster_ray.venues.ccxt_venue.wire import Trace


def answered(status: int, code: str = "") -> Trace:
    return Trace(sent=True, status=status, code=code)


@pytest.mark.parametrize(
    ("error", "trace", "failure"),
    [
        # ccxt itself said no.
        (ccxt.InvalidOrder("x"), Trace(), Failure.REFUSED),
        (ccxt.AuthenticationError("x"), Trace(), Failure.KEYS),
        # Half an answer is no answer: ccxt calls it an error of the exchange.
        (ccxt.ExchangeError("x"), Trace(sent=True), Failure.NO_OUTCOME),
        # Bybit says no with status 200.
        (ccxt.InsufficientFunds("x"), answered(200, "110007"), Failure.REFUSED),
        (ccxt.InvalidOrder("x"), answered(200, "110072"), Failure.DUPLICATE),
        (ccxt.RateLimitExceeded("x"), answered(200, "10006"), Failure.THROTTLED),
        (ccxt.ExchangeNotAvailable("x"), answered(200, "10016"), Failure.NO_OUTCOME),
        (ccxt.OrderNotFound("x"), answered(200, "110001"), Failure.ABSENT),
        (ccxt.BadRequest("x"), answered(200, "110043"), Failure.UNCHANGED),
        (ccxt.InvalidNonce("x"), answered(200, "10002"), Failure.CLOCK),
        # Binance: too busy to look at it.
        (ccxt.ExchangeNotAvailable("x"), answered(503, "-1008"), Failure.THROTTLED),
        (ccxt.RateLimitExceeded("x"), answered(400, "-2025"), Failure.REFUSED),
        (ccxt.PermissionDenied("x"), answered(403, "-2015"), Failure.KEYS),
        (ccxt.ExchangeError("x"), answered(500, "-9999"), Failure.NO_OUTCOME),
        (ccxt.ExchangeError("x"), answered(400, "-9999"), Failure.REFUSED),
        (ccxt.OnMaintenance("x"), answered(400, "-1"), Failure.THROTTLED),
    ],
)
def test_a_failure_is_what_the_venue_says_before_what_ccxt_makes_of_it(
    error: Exception, trace: Trace, failure: Failure
) -> None:
    assert judge(error, trace) is failure


def test_a_connection_that_never_came_about_sent_nothing() -> None:
    for cause, failure in (
        (ConnectionResetError(), Failure.NO_OUTCOME),
        (__import__("socket").gaierror(), Failure.NOT_SENT),
    ):
        error = ccxt.ExchangeNotAvailable("x")
        error.__cause__ = cause
        assert judge(error, Trace(sent=True)) is failure


@pytest.mark.parametrize("operation", Operation)
@pytest.mark.parametrize("failure", Failure)
def test_every_failure_of_every_operation_has_its_error(
    failure: Failure, operation: Operation
) -> None:
    error = as_error(failure, operation, "aster it", answered(400, "-1"))
    acts = operation in (Operation.PLACE, Operation.CANCEL)
    wanted: type[Exception] = RejectedError
    if failure in (Failure.THROTTLED, Failure.NOT_SENT):
        wanted = RetryableError
    elif failure in (Failure.NO_OUTCOME, Failure.CLOCK):
        wanted = OutcomeUnknownError if acts else RetryableError
    elif failure is Failure.KEYS:
        wanted = BadInputError
    elif failure is Failure.DUPLICATE and operation is Operation.PLACE:
        wanted = OutcomeUnknownError
    assert type(error) is wanted
    assert str(error).startswith("aster it")


def test_no_code_that_may_hide_an_execution_counts_as_a_refusal() -> None:
    for code in ("-1000", "-1001", "-1006", "-1007"):
        assert CODES[code] is Failure.NO_OUTCOME
