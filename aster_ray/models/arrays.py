"""Named arrays as bytes, for the weights of models whose library has no safe format of its own."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping

import numpy as np

from aster_ray.errors import ModelError


def pack_arrays(arrays: Mapping[str, np.ndarray]) -> bytes:
    """Return an ``.npz`` of plain numbers; equal arrays give equal bytes.

    Raises:
        ModelError: an array holds objects, which only a pickle could carry.
    """
    buffer = io.BytesIO()
    # Entries carry no time of their own here, which numpy.savez does not promise.
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(arrays):
            values = np.asarray(arrays[name])
            if values.dtype.hasobject:
                raise ModelError(f"array {name!r} holds objects; give it a numeric type")
            column = io.BytesIO()
            np.lib.format.write_array(column, values, allow_pickle=False)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy"), column.getvalue())
    return buffer.getvalue()


def unpack_arrays(content: bytes) -> dict[str, np.ndarray]:
    """Return what ``pack_arrays`` packed.

    Raises:
        ModelError: the bytes are no such file.
    """
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as archive:
            return {name: np.array(archive[name]) for name in archive.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, AttributeError) as error:
        raise ModelError(f"the arrays of a model are damaged: {error}") from error
