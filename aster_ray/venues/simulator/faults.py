"""What goes wrong on purpose, for programs that must survive it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from aster_ray.errors import BadInputError


class FaultKind(StrEnum):
    """What may happen to a request."""

    JSON = "json"  # refused with a status and a code, not executed
    HTML = "html"  # a gateway's page instead of an answer, not executed
    SLOW = "slow"  # executed late
    SLOW_ACK = "slow_ack"  # executed at once, answered late
    LOST_ACK = "lost_ack"  # executed, connection reset before the answer
    RESET = "reset"  # connection reset before anything is executed


@dataclass(slots=True, kw_only=True)
class Fault:
    """One fault and the requests it meets.

    Attributes:
        path: meets requests whose path ends with it; empty for all.
        method: GET, POST, PUT or DELETE; empty for all.
        skip: so many matching requests pass before it strikes.
        count: strikes left.
        status, code, text: of the answer where there is one.
        seconds: of the delay where there is one.
    """

    kind: FaultKind
    path: str = ""
    method: str = ""
    skip: int = 0
    count: int = 1
    status: int = 503
    code: int = -1000
    text: str = "An unknown error occured while processing the request."
    seconds: float = 1.0


class Faults:
    """The faults that are set."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self.struck = 0

    def add(self, state: Mapping[str, Any]) -> Fault:
        """Set a fault from its description.

        Raises:
            BadInputError: a field or a kind is unknown, or of the wrong type.
        """
        kinds = ", ".join(FaultKind)
        try:
            fields = dict(state)
            fault = Fault(kind=FaultKind(fields.pop("kind", "")), **fields)
        except ValueError as error:
            raise BadInputError(f"fault kind {state.get('kind')!r} is none of {kinds}") from error
        except TypeError as error:
            raise BadInputError(f"fault is not understood: {error}") from error
        defaults = Fault(kind=FaultKind.RESET)
        for name in fields:
            value, wanted = getattr(fault, name), type(getattr(defaults, name))
            number = wanted is float and isinstance(value, int)
            if isinstance(value, bool) or not (isinstance(value, wanted) or number):
                raise BadInputError(f"fault field {name} must be {wanted.__name__}, was {value!r}")
        self._faults.append(fault)
        return fault

    def strike(self, method: str, path: str) -> Fault | None:
        """Return the first fault that meets a request, and use it up once."""
        for fault in self._faults:
            if not path.endswith(fault.path) or fault.method not in ("", method):
                continue
            if fault.count <= 0:
                continue
            if fault.skip > 0:
                fault.skip -= 1
                continue
            fault.count -= 1
            self.struck += 1
            return fault
        return None

    def clear(self) -> None:
        """Take every fault back."""
        self._faults.clear()
