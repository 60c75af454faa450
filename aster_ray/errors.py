"""Every exception of the project on one page, grouped by what the caller does next.

AsterError
+-- BadInputError        the person at the keyboard mends the input; exit code 2
|   +-- ConfigError      a configuration file, variable or option; lists every problem at once
|   +-- DataError        market data that cannot be trusted or is not there
|   +-- StrategyError    a strategy that cannot be found, loaded or called
|   +-- ModelError       a model that is not there, damaged, or made for other inputs
|   +-- LeaseHeldError   another executor trades the account: end it, or wait for it
+-- RetryableError       nothing happened at the venue: back off and send the same request again
+-- RejectedError        the venue said no: do not resend unchanged
+-- OutcomeUnknownError  it may have happened: query by client order id before anything else
+-- HaltedError          trading stopped by our own rules: a human must look and resume
+-- JournalError         a durable record is missing or damaged: recover before trading on
+-- LeaseLostError       the right to trade has passed: send nothing before it is taken again
"""

from __future__ import annotations

from collections.abc import Sequence

EXIT_DONE = 0
EXIT_FAILED = 1
EXIT_BAD_INPUT = 2
EXIT_INTERRUPTED = 130


class AsterError(Exception):
    """Root of the tree; ``exit_code`` is what a command ends with when it reaches the top."""

    exit_code = EXIT_FAILED


class BadInputError(AsterError):
    """Input that only the caller can mend: names the field, the value and the remedy."""

    exit_code = EXIT_BAD_INPUT


class ConfigError(BadInputError):
    """One or more configuration problems, all of them reported together."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(self.problems))

    def __reduce__(self) -> tuple[type[ConfigError], tuple[tuple[str, ...]]]:
        return (type(self), (self.problems,))


class DataError(BadInputError):
    """Market data that is missing, damaged or does not fit together."""


class StrategyError(BadInputError):
    """A strategy that cannot be found, loaded, or whose signals break the contract."""


class ModelError(BadInputError):
    """A model that is not there, was changed since it was written, or was made for other inputs."""


class LeaseHeldError(BadInputError):
    """Another executor holds the right to trade an account; says who, and since when.

    Attributes:
        what: the session that holds it.
    """

    what = ""


class RetryableError(AsterError):
    """Nothing happened: back off, then send the same request again.

    Attributes:
        retry_after_ms: how long the venue, or our own budget, asks to wait; None if nobody said.
    """

    def __init__(self, message: str = "", retry_after_ms: int | None = None) -> None:
        self.retry_after_ms = retry_after_ms
        super().__init__(message)

    def __reduce__(self) -> tuple[type[RetryableError], tuple[str, int | None]]:
        return (type(self), (str(self), self.retry_after_ms))


class RejectedError(AsterError):
    """The venue said no: do not resend unchanged.

    Attributes:
        code: the venue's own code, e.g. ``-2019``; empty if it gave none.
    """

    def __init__(self, message: str = "", code: str = "") -> None:
        self.code = code
        super().__init__(message)

    def __reduce__(self) -> tuple[type[RejectedError], tuple[str, str]]:
        return (type(self), (str(self), self.code))


class OutcomeUnknownError(AsterError):
    """It may have happened: query by client order id before anything else."""


class HaltedError(AsterError):
    """Trading was stopped by a rule of ours; only an operator resumes it."""


class JournalError(AsterError):
    """A durable record is missing, damaged or out of sequence."""


class LeaseLostError(AsterError):
    """The right to trade an account ran out or was taken over: nothing may be sent under it."""
