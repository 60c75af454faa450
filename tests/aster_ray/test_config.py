"""The loader: order of sources, types, and every problem in one message."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aster_ray import config
from aster_ray.config import Entry, Secret
from aster_ray.errors import ConfigError


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """A section with every kind of field."""

    mode: str = "calm"
    size: float = 1.0
    count: int = 3
    is_on: bool = True
    names: tuple[str, ...] = ("a",)
    limit: float | None = None
    key: Secret = field(default_factory=Secret)
    weights: Mapping[str, float] = field(default_factory=dict, metadata={"keys": str.upper})
    place: str = field(default="", metadata={"identity": False})

    PRESET_KEY: ClassVar[str] = "mode"
    PRESETS: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "calm": {},
        "wild": {"size": 9.0, "weights": {"A": 1.0, "B": 2.0}},
    }

    def problems(self) -> list[str]:
        return [
            *config.not_among(self, "mode", self.PRESETS),
            *config.not_above(self, 0.0, "size"),
            *config.outside(self, 1, math.inf, "count"),
            *config.outside(self, 0.0, 1.0, "limit"),
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tables:
    """A section with free tables."""

    use: tuple[str, ...] = ()
    rest: Mapping[str, Mapping[str, float]] = field(default_factory=dict, metadata={"tables": True})

    def problems(self) -> list[str]:
        return []


SECTIONS: dict[str, type[Any]] = {"sample": Sample, "tables": Tables}


def build(*assignments: str) -> dict[str, Any]:
    return config.build(SECTIONS, config.read_assignments(assignments))


def problems_of(*assignments: str) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as caught:
        build(*assignments)
    return caught.value.problems


def test_defaults_need_no_source() -> None:
    assert build()["sample"] == Sample()


def test_later_sources_win_key_by_key(tmp_path: Path) -> None:
    file = tmp_path / "aster.toml"
    file.write_text('[sample]\nsize = 2\ncount = 5\nnames = ["x", "y"]\n[sample.weights]\na = 3\n')
    entries = [
        *config.read_file(file),
        *config.read_environment({"ASTER__SAMPLE__COUNT": "7", "ASTER__SAMPLE__WEIGHTS__B": "4"}),
        *config.read_assignments(["sample.size=8"]),
    ]
    sample = config.build(SECTIONS, entries)["sample"]
    assert (sample.size, sample.count, sample.names) == (8.0, 7, ("x", "y"))
    assert sample.weights == {"A": 3.0, "B": 4.0}


def test_a_preset_lies_below_explicit_keys_and_above_defaults() -> None:
    sample = build("sample.mode=wild", "sample.weights.b=5")["sample"]
    assert sample.size == 9.0
    assert sample.weights == {"A": 1.0, "B": 5.0}
    assert build("sample.mode=wild", "sample.size=2")["sample"].size == 2.0


def test_text_becomes_the_type_of_the_field() -> None:
    sample = build(
        "sample.is_on=no", "sample.names=a, b", "sample.limit=0.5", "sample.key=hunter2"
    )["sample"]
    assert (sample.is_on, sample.names, sample.limit) == (False, ("a", "b"), 0.5)
    assert sample.key.value == "hunter2"
    assert build("sample.limit=none")["sample"].limit is None


def test_free_tables_collect_parameters() -> None:
    tables = build("tables.my.py:Mine.fast=3", "tables.grid.levels=5")["tables"]
    assert tables.rest == {"my.py:Mine": {"fast": 3.0}, "grid": {"levels": 5.0}}


def test_every_problem_is_reported_at_once() -> None:
    found = problems_of(
        "sample.size=-1",
        "sample.count=1.5",
        "sample.siz=1",
        "smple.size=1",
        "sample.mode=wilde",
        "sample.is_on=maybe",
        "sample.weights=3",
        "sample.size.deep=3",
        "sample.limit=2",
    )
    assert len(found) == 9
    text = "; ".join(found)
    for part in (
        "sample.size must be greater than 0, was -1.0",
        "expected a whole number, was '1.5'",
        "'siz'; did you mean 'size'?",
        "'smple'; did you mean 'sample'?",
        "did you mean 'wild'?",
        "expected true or false, was 'maybe'",
        "sample.weights is a table",
        "sample.size is a value, not a table",
        "sample.limit must be between 0 and 1, was 2.0",
    ):
        assert part in text


@pytest.mark.parametrize("value", ["nan", "inf", "-inf", "", "1e999"])
def test_numbers_must_be_finite(value: str) -> None:
    assert "expected a finite number" in problems_of(f"sample.size={value}")[0]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("size = true", "expected a finite number, was True"),
        ('size = "2"', "expected a finite number, was '2'"),
        ("count = 2.0", "expected a whole number, was 2.0"),
        ("names = 3", "expected a list, was 3"),
        ("names = [1]", "expected text, was 1"),
        ("mode = 1", "expected text, was 1"),
    ],
)
def test_a_file_must_have_the_right_types(tmp_path: Path, line: str, expected: str) -> None:
    file = tmp_path / "aster.toml"
    file.write_text(f"[sample]\n{line}\n")
    with pytest.raises(ConfigError, match=r"aster\.toml: ") as caught:
        config.build(SECTIONS, config.read_file(file))
    assert expected in str(caught.value)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"[sample\n", "not valid TOML"),
        (b"\xff\xfe", "not valid TOML"),
        (b"size = 1\n", "unknown section 'size'"),
        (b"sample = 1\n", "'sample' is a section"),
    ],
)
def test_a_damaged_file_is_named(tmp_path: Path, content: bytes, expected: str) -> None:
    file = tmp_path / "aster.toml"
    file.write_bytes(content)
    with pytest.raises(ConfigError, match=expected):
        config.build(SECTIONS, config.read_file(file))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"cannot read .*none\.toml: No such file"):
        config.read_file(tmp_path / "none.toml")


def test_an_environment_name_without_a_key_is_refused() -> None:
    with pytest.raises(ConfigError, match="ASTER__SAMPLE: 'sample' is a section"):
        config.build(SECTIONS, config.read_environment({"ASTER__SAMPLE": "1"}))


@pytest.mark.parametrize("text", ["size=1", "sample.size", "=1", "sample.=1"])
def test_an_assignment_needs_section_key_and_value(text: str) -> None:
    with pytest.raises(ConfigError, match=r"write section\.key=value"):
        config.read_assignments([text])


def test_secrets_hide_themselves() -> None:
    secret = Secret("hunter2")
    sample = Sample(key=secret)
    for text in (repr(secret), str(secret), f"{secret}", repr(sample), str(config.plain(sample))):
        assert "hunter2" not in text
    assert config.plain(sample)["key"] == config.MASK
    assert config.plain(Sample())["key"] == ""


def test_the_digest_sees_values_and_ignores_places_and_spelling() -> None:
    base = config.digest({"sample": Sample()})
    assert base == config.digest({"sample": Sample(place="elsewhere")})
    assert base != config.digest({"sample": Sample(size=1.0000001)})
    assert config.digest({"s": Sample(weights={"A": 1.0, "B": 2.0})}) == config.digest(
        {"s": Sample(weights={"B": 2.0, "A": 1.0})}
    )


@given(st.floats(allow_nan=False, allow_infinity=False, min_value=1e-300))
def test_a_number_survives_text_exactly(value: float) -> None:
    entry = Entry(("sample", "size"), repr(value), "test", is_text=True)
    assert config.build(SECTIONS, [entry])["sample"].size == value
