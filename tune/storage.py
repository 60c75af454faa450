"""Where a sweep keeps what it needs to be continued: a folder of its own, and only its own."""

from __future__ import annotations

import contextlib
import json
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from aster_ray.errors import BadInputError
from aster_ray.metrics.files import check_run_folder

EXPERIMENT = "tune"
_RECORD = "request.json"


@dataclass(frozen=True, slots=True)
class Storage:
    """Where Tune keeps what it needs to continue: ``folder``/tune."""

    folder: Path
    resumed: bool

    @property
    def experiment(self) -> Path:
        """Return the experiment's own folder."""
        return self.folder / EXPERIMENT

    def record(self, identity: str, block: int) -> None:
        """Write down what is being run: from here on it can be continued."""
        partial = self.experiment / f"{_RECORD}.partial"
        partial.write_text(json.dumps({"identity": identity, "block": block}), encoding="utf-8")
        partial.replace(self.experiment / _RECORD)

    def recorded(self) -> tuple[str, int]:
        """Return the identity and the block size of the sweep that was interrupted.

        Raises:
            BadInputError: they cannot be read.
        """
        file = self.experiment / _RECORD
        try:
            earlier = json.loads(file.read_text(encoding="utf-8"))
            return str(earlier["identity"]), int(earlier["block"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise BadInputError(
                f"{file} is damaged: begin the sweep anew in another directory"
            ) from error


def check_storage(out: Path | None, resume: Path | None) -> None:
    """Refuse folders that a sweep must not write to or cannot continue in; writes nothing.

    Raises:
        BadInputError: with the remedy.
    """
    if resume is not None and not (resume / EXPERIMENT / _RECORD).is_file():
        raise BadInputError(f"--resume {resume} holds no interrupted sweep: leave it out")
    if out is None or (resume is not None and out.resolve() == resume.resolve()):
        return
    if (out / EXPERIMENT / _RECORD).is_file():
        raise BadInputError(
            f"--out {out} holds an interrupted sweep: continue it with --resume {out}, or name "
            "another directory"
        )
    if (out / EXPERIMENT).exists():
        raise BadInputError(
            f"--out {out} holds {EXPERIMENT}/, which no sweep can continue: name another directory"
        )
    check_run_folder(out)


@contextlib.contextmanager
def storage_for(out: Path | None, resume: Path | None) -> Iterator[Storage]:
    """Yield the folder of the experiment: that of an earlier run, below ``out``, or a passing one.

    What is left there after a success says nothing that the result does not, and is removed; so is
    what an interruption leaves before there is anything to continue. What was there before stays.

    Raises:
        BadInputError: see ``check_storage``.
    """
    check_storage(out, resume)
    if resume is None and out is None:
        with tempfile.TemporaryDirectory(prefix="aster-tune-") as folder:
            storage = Storage(Path(folder), resumed=False)
            storage.experiment.mkdir()
            yield storage
        return
    place = resume or out
    assert place is not None  # noqa: S101 - tells the type checker
    storage = Storage(place.absolute(), resumed=resume is not None)
    if not storage.resumed:
        storage.experiment.mkdir(parents=True)
    try:
        yield storage
    except BaseException:
        if not (storage.experiment / _RECORD).is_file():
            _remove(storage)
        raise
    _remove(storage)


def _remove(storage: Storage) -> None:
    """Remove the experiment, and its folder if there is nothing else in it."""
    shutil.rmtree(storage.experiment, ignore_errors=True)
    if not any(storage.folder.iterdir()):
        storage.folder.rmdir()
