from __future__ import annotations

import numpy as np
import pytest

from aster_ray.errors import ModelError
from aster_ray.models.arrays import pack_arrays, unpack_arrays


def test_arrays_come_back_with_their_bits_types_and_shapes() -> None:
    arrays = {
        "weights": np.array([[0.1, np.nan], [-0.0, np.inf]], np.float32),
        "steps": np.arange(3),
        "scale": np.array(2.5),
    }
    found = unpack_arrays(pack_arrays(arrays))
    assert sorted(found) == sorted(arrays)
    for name, values in arrays.items():
        assert (found[name].dtype, found[name].shape) == (values.dtype, values.shape)
        assert found[name].tobytes() == values.tobytes()


def test_equal_arrays_give_equal_bytes_whatever_their_order() -> None:
    first, second = np.ones(3), np.zeros((2, 2))
    assert pack_arrays({"a": first, "b": second}) == pack_arrays({"b": second, "a": first})


def test_objects_are_neither_packed_nor_unpacked() -> None:
    with pytest.raises(ModelError, match="array 'x' holds objects"):
        pack_arrays({"x": np.array([{}, []], dtype=object)})


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"not an archive", b"\x93NUMPY\x01\x00"])
def test_damaged_bytes_are_refused(content: bytes) -> None:
    with pytest.raises(ModelError, match="arrays of a model are damaged"):
        unpack_arrays(content)


def test_a_pickle_in_the_archive_is_not_run(tmp_path) -> None:
    np.savez(tmp_path / "evil.npz", x=np.array([print], dtype=object))
    with pytest.raises(ModelError, match="damaged"):
        unpack_arrays((tmp_path / "evil.npz").read_bytes())
