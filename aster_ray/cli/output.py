"""Results go to standard output, progress and errors to standard error."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aster_ray.cli.options import VerbOptions
from aster_ray.cli.streams import results
from aster_ray.errors import BadInputError

if TYPE_CHECKING:
    from rich.console import Console

Progress = Callable[[int, int], None]
_PATIENCE_S = 2.0
_PIPE_WIDTH = 160


def dumps(payload: Mapping[str, Any]) -> str:
    """Return the JSON text of a result; for a run the bytes of its report.json."""
    return json.dumps(payload, indent=2, allow_nan=False, ensure_ascii=False) + "\n"


def emit(
    options: VerbOptions,
    payload: Mapping[str, Any],
    render: Callable[[Console], None],
    file: str = "",
) -> None:
    """Print a result as JSON or as tables; ``file`` is also written below ``--out``."""
    if options.out is not None and file:
        with staged(options.out) as folder:
            (folder / file).write_text(dumps(payload), encoding="utf-8")
    stream = results()
    if options.as_json:
        stream.write(dumps(payload))
        stream.flush()  # a verb may go on, and a pipe holds back what is not flushed
        return
    from rich.console import Console

    # A pipe has no width of its own: wide enough that no column is cut.
    width = None if stream.isatty() else _PIPE_WIDTH
    # Nor is any text ours to interpret: a reason or a folder's name may hold [brackets].
    console = Console(file=stream, highlight=False, markup=False, width=width)
    with console.capture() as capture:
        render(console)
    stream.write(capture.get())
    stream.flush()


def require_writable(out: Path) -> None:
    """Refuse a place that results cannot be written to, before any work is done."""
    if out.exists() and not out.is_dir():
        raise BadInputError(f"--out {out} is a file: name a directory")
    ancestor = next(path for path in (out, *out.absolute().parents) if path.exists())
    if not ancestor.is_dir():
        raise BadInputError(f"--out {out}: {ancestor} is a file: name another directory")
    if not os.access(ancestor, os.W_OK | os.X_OK):
        raise BadInputError(f"--out {out} cannot be written: choose a directory you may write")


@contextlib.contextmanager
def staged(out: Path) -> Iterator[Path]:
    """Yield an empty folder whose files appear in ``out`` together, or not at all."""
    require_writable(out)
    target = out.absolute()
    staging = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        try:
            staging.mkdir(parents=True)
            yield staging
            target.mkdir(exist_ok=True)
            for path in sorted(staging.iterdir()):
                path.replace(target / path.name)
        except OSError as error:
            reason = error.strerror or str(error)
            raise BadInputError(
                f"--out {out} cannot be written ({reason}): choose another directory"
            ) from None
    finally:
        shutil.rmtree(staging, ignore_errors=True)


@contextlib.contextmanager
def progress(options: VerbOptions, label: str) -> Iterator[Progress]:
    """Show a bar on standard error once the work takes over two seconds; silent when piped."""
    if options.as_json or not (sys.stderr.isatty() and sys.stdout.isatty()):
        yield _silent
        return
    from rich import progress as bars
    from rich.console import Console

    bar = bars.Progress(
        bars.TextColumn("{task.description}"),
        bars.BarColumn(),
        bars.MofNCompleteColumn(),
        bars.TimeElapsedColumn(),
        console=Console(stderr=True),
        transient=True,
    )
    task = bar.add_task(label, total=None)
    timer = threading.Timer(_PATIENCE_S, bar.start)
    timer.daemon = True
    timer.start()
    try:
        yield lambda done, total: bar.update(task, completed=done, total=total)
    finally:
        timer.cancel()
        timer.join()
        bar.stop()


def _silent(_done: int, _total: int) -> None:
    """Say nothing."""
