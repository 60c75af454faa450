from __future__ import annotations

import resource
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from aster_ray.engine.journal import (
    FileJournal,
    Loss,
    Scan,
    complete_lines,
    decode,
    encode,
    frame,
    read_journal,
)
from aster_ray.errors import JournalError
from aster_ray.kernel.records import FILL, INTENT
from tests.factories import a_fill, an_open_journal

RECORDS: list[dict[str, object]] = [
    {"kind": "bars", "seq": 0, "bars": encode(np.array([[1.0, np.nan, -0.0]]))},
    {"kind": "orders", "seq": 0, "text": 'umlaut ä, newline \n, quote "'},
    {"kind": "bars", "seq": 1, "nothing": None},
]


@given(
    hnp.arrays(
        st.sampled_from([np.float64, np.int64, np.int8]), hnp.array_shapes(min_dims=1, min_side=0)
    )
)
def test_arrays_come_back_bit_for_bit(array: np.ndarray) -> None:
    found = decode(encode(array), array.dtype)
    assert found.dtype == array.dtype
    assert found.shape == array.shape
    assert found.tobytes() == array.tobytes()
    assert found.flags.writeable


def test_extremes_come_back() -> None:
    floats = np.array([np.nan, np.inf, -np.inf, -0.0, 5e-324, 1.7976931348623157e308, 0.1])
    assert decode(encode(floats), floats.dtype).tobytes() == floats.tobytes()
    whole = np.array([np.iinfo(np.int64).min, np.iinfo(np.int64).max, -1])
    assert decode(encode(whole), whole.dtype).tolist() == whole.tolist()


def test_records_come_back_as_records() -> None:
    fills = np.array([a_fill(lots=2**62, price=0.1, fee=np.nan), a_fill(lots=-1)], FILL)
    found = decode(encode(fills), FILL)
    assert found.tobytes() == fills.tobytes()
    assert found.lots.tolist() == [2**62, -1]
    assert decode(encode(np.zeros(0, INTENT)), INTENT).shape == (0,)


def test_slices_are_stored_as_what_they_show() -> None:
    whole = np.arange(24.0).reshape(4, 6)
    assert decode(encode(whole[::2, 1:3]), whole.dtype).tolist() == [[1.0, 2.0], [13.0, 14.0]]


def written(folder: Path, records: list[dict[str, object]]) -> Path:
    path = folder / "sub" / "x.journal"
    journal = an_open_journal(path)
    for record in records:
        journal.append(record)
    journal.close()
    return path


def test_what_was_written_is_read(tmp_path: Path) -> None:
    path = written(tmp_path, RECORDS)
    assert read_journal(path) == (RECORDS, path.stat().st_size, (0, 0))
    assert lines(path) == (RECORDS, path.stat().st_size)
    assert read_journal(tmp_path / "absent") == ([], 0, (0, 0))


def lines(path: Path) -> tuple[list[dict[str, object]], int]:
    with path.open("rb") as file:
        found = list(complete_lines(file))
    return [record for record, _ in found], sum(length for _, length in found)


def test_a_cut_at_any_byte_keeps_every_whole_record(tmp_path: Path) -> None:
    data = b"".join(frame(record) for record in RECORDS)
    ends = [0]
    for record in RECORDS:
        ends.append(ends[-1] + len(frame(record)))
    path = tmp_path / "x.journal"
    for cut in range(len(data) + 1):
        path.write_bytes(data[:cut])
        whole = sum(end <= cut for end in ends[1:])
        found = read_journal(path)
        assert found.records == RECORDS[:whole]
        torn = cut - ends[whole]
        assert (found.valid_bytes, found.dropped) == (ends[whole], (torn, int(torn > 0)))
        assert lines(path) == (RECORDS[:whole], ends[whole])


def test_a_reopened_journal_goes_on_after_the_last_whole_record(tmp_path: Path) -> None:
    path = written(tmp_path, RECORDS[:2])
    with path.open("ab") as file:
        file.write(frame(RECORDS[2])[:-5])
    journal = FileJournal(path)
    assert list(journal.recover()) == RECORDS[:2]
    assert journal.recovered == 2
    assert journal.dropped == Loss(len(frame(RECORDS[2])) - 5, 1)
    journal.append(RECORDS[2])
    journal.close()
    assert read_journal(path).records == RECORDS
    assert read_journal(path).dropped == Loss()


def test_nothing_is_added_to_a_journal_that_was_not_read_to_its_end(tmp_path: Path) -> None:
    path = written(tmp_path, RECORDS[:2])
    before = path.read_bytes()
    journal = FileJournal(path)
    next(journal.recover())
    journal.append(RECORDS[2])
    with pytest.raises(JournalError, match="was not recovered to its end"):
        journal.commit()
    assert path.read_bytes() == before


def test_a_scan_holds_one_record_at_a_time(tmp_path: Path) -> None:
    path = written(tmp_path, RECORDS)
    scan = Scan(path)
    steps = [(scan.records, scan.valid_bytes) for _ in scan]
    lengths = [len(frame(record)) for record in RECORDS]
    assert steps == [(1, lengths[0]), (2, sum(lengths[:2])), (3, sum(lengths))]


@given(st.data())
def test_bytes_written_over_the_end_cost_the_records_they_hit_and_no_other(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    whole = [frame(record) for record in RECORDS]
    begin = data.draw(st.integers(0, len(whole[0]) + len(whole[1]) - 1))
    good = b"".join(whole)
    noise = data.draw(st.binary(min_size=1, max_size=60))
    path = tmp_path_factory.mktemp("noise") / "x.journal"
    path.write_bytes(good[:begin] + noise)
    kept = int(begin >= len(whole[0]))
    found = read_journal(path)
    # Noise may complete the record it fell into, if it is what stood there.
    records = [record for record in RECORDS if frame(record) in good[:begin] + noise]
    assert found.records == records
    assert len(records) >= kept
    assert found.valid_bytes + found.dropped.bytes == begin + len(noise)
    assert bool(found.dropped.records) == bool(found.dropped.bytes)
    journal = an_open_journal(path)
    journal.close()
    assert journal.dropped == found.dropped
    assert path.stat().st_size == found.valid_bytes


def test_damage_before_the_last_record_is_an_error(tmp_path: Path) -> None:
    """Also where the damage is a line end, or leaves the checksum a number that still fits."""
    good = b"".join(frame(record) for record in RECORDS)
    until = len(good) - len(frame(RECORDS[-1]))
    path = tmp_path / "x.journal"
    refused = 0
    for place in range(until):
        for bit in range(8):
            path.write_bytes(good[:place] + bytes([good[place] ^ 1 << bit]) + good[place + 1 :])
            try:
                found = read_journal(path)
            except JournalError:
                refused += 1
            else:  # hexadecimal digits may be written in capitals
                assert found == (RECORDS, len(good), (0, 0))
                assert bit == 5
    assert refused > 7 * until


def test_the_message_names_the_file_the_place_and_the_remedy(tmp_path: Path) -> None:
    path = written(tmp_path, RECORDS)
    data = bytearray(path.read_bytes())
    data[12] ^= 1
    path.write_bytes(bytes(data))
    with pytest.raises(JournalError, match=r"x\.journal is damaged at byte 0 of .* restore it"):
        read_journal(path)
    with pytest.raises(JournalError, match="damaged"):
        an_open_journal(path)
    assert path.read_bytes() == bytes(data)


def test_damage_in_the_last_record_is_what_a_crash_leaves(tmp_path: Path) -> None:
    path = written(tmp_path, RECORDS)
    data = bytearray(path.read_bytes())
    data[-3] ^= 1
    path.write_bytes(bytes(data))
    found = read_journal(path)
    assert found.records == RECORDS[:2]
    assert found.dropped == Loss(len(frame(RECORDS[2])), 1)


def test_nothing_is_durable_before_the_group_is_committed(tmp_path: Path) -> None:
    path = tmp_path / "x.journal"
    journal = an_open_journal(path)
    journal.append(RECORDS[0])
    journal.append(RECORDS[1])
    assert read_journal(path).records == []
    journal.commit()
    assert read_journal(path).records == RECORDS[:2]
    journal.commit()  # nothing new: nothing written
    assert read_journal(path).records == RECORDS[:2]
    journal.append(RECORDS[2])
    journal.close()
    assert read_journal(path).records == RECORDS


def test_a_disk_that_takes_half_a_record_says_so_and_keeps_none_of_it(tmp_path: Path) -> None:
    path = tmp_path / "x.journal"
    journal = an_open_journal(path)
    journal.append(RECORDS[0])
    journal.commit()
    journal.append(RECORDS[1])
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 20, before[1]))
    try:
        with pytest.raises(OSError, match="too large"):
            journal.commit()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert read_journal(path).records == RECORDS[:1]
    assert read_journal(path).dropped == Loss()
    journal.close()
    assert read_journal(path).records == RECORDS[:2]
