"""One command from its arguments to its exit code, for ``aster`` and for jobs run as modules."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from types import FrameType

import typer

from aster_ray.cli.options import Options, verb
from aster_ray.errors import EXIT_BAD_INPUT, EXIT_DONE, EXIT_FAILED, EXIT_INTERRUPTED, AsterError

Handler = Callable[[int, FrameType | None], None]


def run_job(
    name: str,
    kind: type[Options],
    function: Callable[[Options], None],
    argv: Sequence[str] | None = None,
) -> int:
    """Run a module that is one verb, e.g. ``python -m tune.train``, and return its exit code.

    Args:
        name: how the command calls itself in its help.
        kind: its options; see ``aster_ray.cli.options``.
        function: what it does; its docstring is its help.
        argv: arguments; None = those of the process.
    """
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
    verb(app, name, kind)(function)
    if argv is None:
        return as_process(lambda: run_app(app, name, sys.argv[1:]))
    return run_app(app, name, argv)


def run_app(app: typer.Typer, name: str, argv: Sequence[str]) -> int:
    """Run one command and return its exit code; never a traceback for what a person can mend."""
    as_json = "--json" in argv
    with handling(interrupt, ending_signals()):
        try:
            code = app(list(argv), prog_name=name, standalone_mode=False)
            if code == EXIT_INTERRUPTED:  # what typer makes of Ctrl-C
                raise KeyboardInterrupt
            sys.stdout.flush()
            return code if isinstance(code, int) else EXIT_DONE
        except typer.TyperException as error:
            return _failed(error.format_message(), as_json=as_json, code=EXIT_BAD_INPUT)
        except AsterError as error:
            return _failed(str(error), as_json=as_json, code=error.exit_code)
        except (KeyboardInterrupt, typer.Abort):
            return _failed("interrupted", as_json=as_json, code=EXIT_INTERRUPTED)
        except BrokenPipeError:
            # The reader of our output left (`aster ... | head`): nobody is there to be told.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return EXIT_DONE
        except OSError as error:
            place = f"{error.filename}: " if error.filename else ""
            return _failed(f"{place}{error.strerror or error}", as_json=as_json, code=EXIT_FAILED)


def ending_signals() -> list[signal.Signals]:
    """Return the signals by which others than a Ctrl-C end a command.

    The end of its terminal is one, unless whoever started it took care that it is not (nohup).
    """
    is_ignored = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    return [signal.SIGTERM] if is_ignored else [signal.SIGTERM, signal.SIGHUP]


@contextlib.contextmanager
def handling(handler: Handler, numbers: Iterable[signal.Signals]) -> Iterator[None]:
    """Have ``handler`` take the signals ``numbers`` for the time of the block."""
    before = {number: signal.signal(number, handler) for number in numbers}
    try:
        yield
    finally:
        for number, earlier in before.items():
            signal.signal(number, earlier)


@contextlib.contextmanager
def keeping_signals() -> Iterator[None]:
    """Have the handlers of signals in force after the block that were in force before it.

    Ray puts its own in their place while a process joins a node, one of them behind Python's back:
    SIGTERM would then end the process with a dump, and not as an interruption.
    """
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, *ending_signals())}
    try:
        yield
    finally:
        for number, handler in before.items():
            if handler is not None:
                with contextlib.suppress(ValueError):  # not the main thread: nothing is handled
                    signal.signal(number, handler)


def as_process(run: Callable[[], int]) -> int:
    """Run a command that is the whole of its process: from its end on, Ctrl-C is too late.

    While Python takes itself down, an interrupt would end the process by the signal although
    the work is done, and whoever called would take it for failed.
    """
    try:
        code = run()
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    except KeyboardInterrupt:  # between the command's last statement and the one above
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        code = EXIT_INTERRUPTED
    return code


def interrupt(_number: int, _frame: FrameType | None) -> None:
    """Make of a signal what Python makes of a Ctrl-C."""
    raise KeyboardInterrupt


def _failed(message: str, *, as_json: bool, code: int) -> int:
    text = json.dumps({"error": message}) if as_json else f"error: {message}"
    sys.stderr.write(f"{text}\n")
    return code
