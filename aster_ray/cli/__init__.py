"""The ``aster`` command: one file per group of verbs, nothing heavy loaded before a verb runs.

Every verb is non-interactive and knows --json, --config, --seed and --out. Exit codes: 0 done,
1 failed, 2 bad input or configuration, 130 interrupted.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Sequence
from types import FrameType

import typer

from aster_ray.cli import configuration, guides, market_data, runs, strategy
from aster_ray.errors import EXIT_BAD_INPUT, EXIT_DONE, EXIT_FAILED, EXIT_INTERRUPTED, AsterError

__all__ = ["main"]


def build_app() -> typer.Typer:
    """Return the command with all its verbs."""
    app = typer.Typer(
        name="aster",
        help="Sweep, backtest, paper-trade: one decision path on crypto perpetual futures.",
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )
    for group in (runs, guides):
        group.register(app)
    for name, group, summary in (
        ("data", market_data, "Import, verify and list market data."),
        ("config", configuration, "Show and check the configuration."),
        ("strategy", strategy, "List strategies or begin a new one."),
    ):
        child = typer.Typer(help=summary, rich_markup_mode=None)
        group.register(child)
        app.add_typer(child, name=name)
    return app


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; never a traceback for what a person can mend."""
    arguments = list(sys.argv[1:] if argv is None else argv) or ["--help"]
    as_json = "--json" in arguments
    previous = signal.signal(signal.SIGTERM, _interrupt)
    try:
        code = build_app()(arguments, prog_name="aster", standalone_mode=False)
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
    finally:
        signal.signal(signal.SIGTERM, previous)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _failed(message: str, *, as_json: bool, code: int) -> int:
    text = json.dumps({"error": message}) if as_json else f"error: {message}"
    sys.stderr.write(f"{text}\n")
    return code
