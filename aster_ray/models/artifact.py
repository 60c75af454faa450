"""A trained model on disk: a folder of ``artifact.json`` and the payload files it lists.

``artifact.json`` holds the card, the digest of every payload file and the version, which is the
digest of all of that. A folder appears whole or not at all, and is read whole or not at all: one
changed byte is refused. The digests find damage and mix-ups; they are no signature, so whoever may
write the folder may replace the model. Payloads are formats that cannot run code when they are
loaded: never a pickle.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

from aster_ray.errors import BadInputError, ModelError
from aster_ray.models.card import FORMAT, Inputs, ModelCard, version_of

MANIFEST = "artifact.json"
# XGBoost's binary JSON, JSON, ONNX, and arrays without objects.
SUFFIXES = (".ubj", ".json", ".onnx", ".npz")
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


@dataclass(frozen=True, slots=True)
class Artifact:
    """A card with its payload, both as they were written.

    Attributes:
        card: what is known about the model.
        version: content digest of card and payload.
        payload: file name -> bytes, checked against their digests.
    """

    card: ModelCard
    version: str
    payload: Mapping[str, bytes]

    def require(self, kind: str, inputs: Inputs | None = None) -> None:
        """Refuse a model of another kind, or one made for inputs that are defined differently.

        Raises:
            ModelError: naming what differs; a model fed other numbers than it learnt from would
                answer without a sign that anything is wrong.
        """
        if self.card.kind != kind:
            raise ModelError(
                f"model {self.card.name} is of kind {self.card.kind!r}, not {kind!r}; name another"
            )
        if inputs is None or inputs == self.card.inputs:
            return
        own = self.card.inputs
        gone = [name for name in own.names if name not in inputs.names]
        if gone:
            difference = f"it reads {', '.join(gone)}, which this version does not have"
        elif own.names != inputs.names:
            difference = "its columns are others or in another order"
        else:
            difference = "columns of the same names are defined differently"
        raise ModelError(
            f"model {self.card.name} was trained on inputs {own.digest}, this version has "
            f"{inputs.digest}: {difference}; train it again"
        )


def make_artifact(card: ModelCard, payload: Mapping[str, bytes]) -> Artifact:
    """Return the artifact of a card and its payload files, in memory.

    Raises:
        ModelError: a name that is no name, or a payload in a format that is not allowed.
    """
    if not _NAME.fullmatch(card.name):
        raise ModelError(f"model name {card.name!r} must be lower-case letters, digits, - . or _")
    for file in payload:
        _check_file(file)
    digests = {file: _digest(payload[file]) for file in sorted(payload)}
    # As it will be read: a whole number given for a fraction must not change the version.
    card = ModelCard.parse(card.plain(), f"card of {card.name}")
    return Artifact(card, version_of(card, digests), dict(payload))


def check_model_folder(folder: Path) -> None:
    """Refuse a place a model cannot be written to: call it before the training begins.

    Raises:
        BadInputError: it is a file, holds something else, or cannot be written.
    """
    if folder.exists() and not folder.is_dir():
        raise BadInputError(f"model folder {folder} is a file: name a folder")
    try:
        files = sorted(folder.iterdir()) if folder.is_dir() else []
    except OSError as error:
        raise _unwritable(folder, error.strerror) from None
    if files and not (folder / MANIFEST).is_file():
        raise BadInputError(
            f"model folder {folder} holds files that are no model: name a new or an empty folder"
        )
    # An earlier model is replaced with its folder: what somebody laid beside it would go too.
    foreign = [file.name for file in files if not file.is_file() or file.suffix not in SUFFIXES]
    if foreign:
        raise BadInputError(
            f"model folder {folder} holds {foreign[0]}, which is no part of a model and would be "
            "lost: move it, or name another folder"
        )
    near = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if not near.is_dir() or not os.access(near, os.W_OK | os.X_OK):
        raise _unwritable(folder, f"{near} is no writable folder")


def write_artifact(artifact: Artifact, folder: Path) -> Path:
    """Write an artifact; an earlier model in ``folder`` is replaced as a whole.

    Everything is written and synced aside, then renamed into place: after a crash the folder holds
    the new model, the old one, or is absent, and never a part of one. Returns ``folder``.

    Raises:
        BadInputError: ``folder`` cannot take a model.
    """
    check_model_folder(folder)
    target = folder.absolute()
    partial = target.with_name(f".{target.name}.{os.getpid()}.partial")
    before = target.with_name(f".{target.name}.{os.getpid()}.before")
    try:
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        try:
            for file, content in artifact.payload.items():
                _write_synced(partial / file, content)
            _write_synced(partial / MANIFEST, _manifest(artifact))
            _sync_folder(partial)
            _swap(partial, target, before)
            _sync_folder(target.parent)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
            shutil.rmtree(before, ignore_errors=True)
    except OSError as error:
        raise _unwritable(folder, error.strerror) from error
    return folder


def read_artifact(folder: Path) -> Artifact:
    """Return the artifact in ``folder``, every byte checked.

    Raises:
        ModelError: there is none, or it is not what was written; names the file and the remedy.
    """
    document = _read_manifest(folder)
    listed, written = document.get("payload"), document.get("version")
    if not isinstance(listed, dict) or not all(isinstance(one, str) for one in listed.values()):
        raise ModelError(f"{folder / MANIFEST} lists no payload; train the model again")
    payload = {file: _read_payload(folder, file, digest) for file, digest in listed.items()}
    card = ModelCard.parse(document.get("card"), f"{folder / MANIFEST}: card")
    artifact = make_artifact(card, payload)
    if artifact.version != written:
        raise ModelError(
            f"{folder / MANIFEST} was changed after it was written: it says version {written}, "
            f"its content is {artifact.version}; restore it or train the model again"
        )
    return artifact


def _manifest(artifact: Artifact) -> bytes:
    document = {
        "format": FORMAT,
        "version": artifact.version,
        "card": artifact.card.plain(),
        "payload": {file: _digest(artifact.payload[file]) for file in sorted(artifact.payload)},
    }
    return (json.dumps(document, indent=2, allow_nan=False) + "\n").encode()


def _read_manifest(folder: Path) -> dict[str, Any]:
    file = folder / MANIFEST
    try:
        document = json.loads(file.read_bytes(), parse_constant=_refuse_constant)
    except OSError as error:
        raise ModelError(
            f"no model at {folder}: {error.strerror or error}; train one or name another folder"
        ) from None
    except ValueError as error:
        raise ModelError(f"{file} is damaged: {error}; train the model again") from None
    found = document.get("format") if isinstance(document, dict) else None
    if found != FORMAT:
        raise ModelError(f"{file} has format {found!r}, this version reads {FORMAT!r}")
    return dict(document)


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no number of JSON")


def _read_payload(folder: Path, file: str, digest: str) -> bytes:
    _check_file(file)
    try:
        content = (folder / file).read_bytes()
    except OSError as error:
        raise ModelError(
            f"model file {folder / file} cannot be read: {error.strerror or error}; train it again"
        ) from None
    if _digest(content) != digest:
        raise ModelError(
            f"model file {folder / file} was changed after it was written: its digest is "
            f"{_digest(content)}, not {digest}; restore it or train the model again"
        )
    return content


def _check_file(file: str) -> None:
    """Refuse a payload name that leads out of the folder or names a format that can run code."""
    if not _NAME.fullmatch(file) or file == MANIFEST or PurePath(file).suffix not in SUFFIXES:
        raise ModelError(
            f"model file {file!r} must be a plain file name ending in {' '.join(SUFFIXES)}"
        )


def _swap(partial: Path, target: Path, before: Path) -> None:
    """Put ``partial`` in the place of ``target``, which is absent, empty or an earlier model."""
    if target.is_dir() and any(target.iterdir()):
        shutil.rmtree(before, ignore_errors=True)
        target.rename(before)
        try:
            partial.rename(target)
        except OSError:
            before.rename(target)
            raise
    else:
        with contextlib.suppress(FileNotFoundError):
            target.rmdir()
        partial.rename(target)


def _write_synced(file: Path, content: bytes) -> None:
    with file.open("xb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())


def _sync_folder(folder: Path) -> None:
    number = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def _digest(content: bytes) -> str:
    return hashlib.blake2s(content, digest_size=16).hexdigest()


def _unwritable(folder: Path, reason: str | None) -> BadInputError:
    return BadInputError(f"model folder {folder} cannot be written: {reason}")
