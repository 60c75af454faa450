from __future__ import annotations

import socket
from pathlib import Path

import pytest

from aster_ray.config import Secret
from aster_ray.doctor import machine
from aster_ray.doctor.config import DoctorConfig
from aster_ray.doctor.finding import Level
from aster_ray.doctor.machine import examine_machine, judge_fsync, judge_version, ray_tokens
from aster_ray.doctor.places import examine_places
from aster_ray.doctor.venue import judge_skew
from aster_ray.store.config import Places, RedisConfig, StoreConfig


def levels(config: DoctorConfig, folder: Path) -> dict[str, Level]:
    return {finding.name: finding.level for finding in examine_machine(config, folder, {})}


def test_space_and_memory_are_held_to_what_is_demanded(tmp_path: Path) -> None:
    modest = levels(DoctorConfig(min_disk_gb=0.0, min_memory_gb=0.0), tmp_path / "new")
    assert modest["disk"] is modest["memory"] is modest["python"] is Level.OK
    greedy = levels(DoctorConfig(min_disk_gb=1e6, min_memory_gb=1e6), tmp_path)
    assert greedy["disk"] is greedy["memory"] is Level.FAIL
    assert list((tmp_path / "new").iterdir()) == []


def test_a_folder_that_cannot_be_written_fails(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert levels(DoctorConfig(), tmp_path / "file" / "below")["disk"] is Level.FAIL


@pytest.mark.parametrize(
    ("median", "level"), [(0.2, Level.OK), (15.0, Level.WARN), (500.0, Level.FAIL)]
)
def test_a_slow_disk_is_told(median: float, level: Level) -> None:
    assert judge_fsync(median, 2 * median).level is level


@pytest.mark.parametrize(
    ("skew", "level"),
    [(10.0, Level.OK), (-499.0, Level.OK), (501.0, Level.WARN), (-2_001.0, Level.FAIL)],
)
def test_clocks_are_held_to_their_bound_in_both_directions(skew: float, level: Level) -> None:
    assert judge_skew(skew, 2_000.0).level is level


@pytest.mark.parametrize(
    ("found", "level"),
    [
        ("2.60.0", Level.OK),
        ("2.60", Level.OK),
        ("2.6.0", Level.WARN),
        ("2.600.0", Level.WARN),
        (None, Level.FAIL),
    ],
)
def test_libraries_are_those_this_was_tested_with(found: str | None, level: Level) -> None:
    assert judge_version("ray", found, "2.60").level is level


def test_a_cluster_without_tokens_fails() -> None:
    assert ray_tokens({}).level is ray_tokens({"RAY_AUTH_MODE": "token"}).level is Level.OK
    assert ray_tokens({"RAY_AUTH_MODE": "disabled"}).level is Level.FAIL


def test_what_is_shared_must_answer_and_no_password_is_shown() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    places = Places(
        StoreConfig(url=Secret(f"postgresql+psycopg://me:hushed@127.0.0.1:{port}/none")),
        RedisConfig(url=Secret(f"redis://:hushed@127.0.0.1:{port}/0")),
    )
    found = examine_places(places)
    assert [(f.name, f.level) for f in found] == [("database", Level.FAIL), ("redis", Level.FAIL)]
    assert all(f.remedy and "hushed" not in f.text for f in found)
    assert all(f.level is Level.OK for f in examine_places(Places(StoreConfig(), RedisConfig())))
    sqlite = Places(StoreConfig(url=Secret("sqlite:///:memory:")), RedisConfig())
    assert examine_places(sqlite)[0].level is Level.OK


def test_a_machine_that_is_too_small_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    found = machine._memory(DoctorConfig(min_memory_gb=1e6))
    assert (found.level, found.name) == ("FAIL", "memory")
    monkeypatch.setattr(machine, "_available_memory", lambda: None)
    assert machine._memory(DoctorConfig()).level == "warn"
    monkeypatch.setattr(machine, "_FEWEST_CPUS", 10_000)
    assert machine._processors().level == "warn"
    monkeypatch.setattr(machine, "_OLDEST_PYTHON", (99, 0))
    assert machine.versions()[0].level == "FAIL"
