"""What an operator tells a session: numbered, written down, and in force from the next close on.

A command belongs to what the risk desk observed: it stands in the desk's journal between the two
closes it came between, so that a restart and ``aster replay`` meet it at the same place.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from aster_ray.errors import JournalError
from aster_ray.model.enums import TradingState, label


class Instruction(NamedTuple):
    """What somebody asks for.

    ``key`` is drawn by whoever asks, so that the same instruction sent twice is one command.
    """

    key: str
    state: TradingState
    who: str
    reason: str


class Command(NamedTuple):
    """An instruction as it was carried out."""

    number: int  # counts the commands of a session from 1
    seq: int  # first close it holds for
    asked_ms: int
    instruction: Instruction


def next_state(current: TradingState, wanted: TradingState) -> TradingState:
    """Return the state after asking for ``wanted``: a pause does not lift a halt, a resume does."""
    if current is TradingState.HALTED and wanted is TradingState.REDUCING:
        return current
    return wanted


def command_record(command: Command) -> dict[str, object]:
    """Return a command as a record of the risk journal."""
    key, state, who, reason = command.instruction
    return {
        "kind": "command",
        "number": command.number,
        "seq": command.seq,
        "asked_ms": command.asked_ms,
        "key": key,
        "state": int(state),
        "who": who,
        "reason": reason,
    }


def command_row(command: Command) -> dict[str, object]:
    """Return a command as a person is shown it."""
    _, state, who, reason = command.instruction
    return {
        "number": command.number,
        "asked_ms": command.asked_ms,
        "close": command.seq,
        "state": label(state),
        "who": who,
        "reason": reason,
    }


def read_command(record: Mapping[str, Any]) -> Command:
    """Return what ``command_record`` was given."""
    state = TradingState(record["state"])
    instruction = Instruction(record["key"], state, record["who"], record["reason"])
    return Command(record["number"], record["seq"], record["asked_ms"], instruction)


def keep_commands(
    records: Iterable[dict[str, Any]], kept: list[dict[str, Any]]
) -> Iterator[dict[str, Any]]:
    """Pass the records of a risk journal on, keeping those of commands, which are few."""
    for record in records:
        if record["kind"] == "command":
            kept.append(record)
        yield record


def commands_of(records: Iterable[Mapping[str, Any]]) -> list[Command]:
    """Return the commands of a risk journal in order.

    Raises:
        JournalError: one is missing or stands twice.
    """
    found = [read_command(record) for record in records if record["kind"] == "command"]
    numbers = [command.number for command in found]
    if numbers != list(range(1, len(found) + 1)):
        raise JournalError(f"risk journal holds commands {numbers} where 1, 2, 3... belong")
    return found
