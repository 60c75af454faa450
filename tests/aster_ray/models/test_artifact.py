"""A model folder is whole or absent, and what was changed in it is refused."""

from __future__ import annotations

import json
from dataclasses import FrozenInstanceError, replace
from pathlib import Path
from typing import Any

import pytest

from aster_ray.errors import BadInputError, ModelError
from aster_ray.models import artifact as module
from aster_ray.models.artifact import (
    MANIFEST,
    check_model_folder,
    make_artifact,
    read_artifact,
    write_artifact,
)
from aster_ray.models.card import Inputs, definition_digest
from tests.aster_ray.models.cards import INPUTS, a_card

PAYLOAD = {"model.ubj": b"\x00trees", "calibration.npz": b"numbers"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_artifact(make_artifact(a_card(), PAYLOAD), tmp_path / "models" / "one")


def rewrite(folder: Path, change: Any) -> None:
    document = json.loads((folder / MANIFEST).read_text())
    change(document)
    (folder / MANIFEST).write_text(json.dumps(document))


def contents(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def test_what_is_read_is_what_was_written(folder: Path) -> None:
    written = make_artifact(a_card(), PAYLOAD)
    assert read_artifact(folder) == written
    assert [path.name for path in folder.parent.iterdir()] == ["one"]
    assert sorted(contents(folder)) == sorted([*PAYLOAD, MANIFEST])


def test_the_same_model_gives_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    again = write_artifact(make_artifact(a_card(), dict(reversed(PAYLOAD.items()))), tmp_path / "b")
    assert contents(again) == contents(folder)


def test_the_version_is_of_card_and_payload() -> None:
    versions = {
        make_artifact(card, payload).version
        for card, payload in (
            (a_card(), PAYLOAD),
            (a_card(verdict="edge"), PAYLOAD),
            (a_card(parameters={}), PAYLOAD),
            (a_card(), PAYLOAD | {"model.ubj": b"\x01trees"}),
            (a_card(), {"model.ubj": PAYLOAD["model.ubj"]}),
        )
    }
    assert len(versions) == 5


def test_a_whole_number_in_the_place_of_a_fraction_changes_no_version(tmp_path: Path) -> None:
    label = replace(a_card().label, parameters={"barrier": 2})
    whole = make_artifact(a_card(label=label), PAYLOAD)
    fraction = make_artifact(a_card(label=replace(label, parameters={"barrier": 2.0})), PAYLOAD)
    assert whole.version == fraction.version
    assert read_artifact(write_artifact(whole, tmp_path / "m")).version == whole.version


def test_nothing_of_it_can_be_assigned(folder: Path) -> None:
    model = read_artifact(folder)
    for owner, name in ((model, "version"), (model.card, "kind"), (model.card.inputs, "names")):
        with pytest.raises(FrozenInstanceError):
            setattr(owner, name, "other")


@pytest.mark.parametrize("file", sorted(PAYLOAD))
def test_one_changed_byte_of_a_payload_is_refused(folder: Path, file: str) -> None:
    content = bytearray((folder / file).read_bytes())
    content[0] ^= 1
    (folder / file).write_bytes(content)
    with pytest.raises(ModelError, match=f"{file} was changed after it was written"):
        read_artifact(folder)


def test_a_missing_payload_is_named(folder: Path) -> None:
    (folder / "model.ubj").unlink()
    with pytest.raises(ModelError, match=r"model\.ubj cannot be read: No such file"):
        read_artifact(folder)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("card", "metrics", "auc", "value"), 0.73),
        (("card", "held_out", "end_ms"), 1),
        (("card", "parameters", "depth"), 5),
        (("card", "verdict"), "an edge"),
        (("card", "inputs", "names"), ["rsi_14", "ret_1"]),
        (("version",), "0" * 32),
    ],
)
def test_a_changed_word_of_the_card_is_refused(folder: Path, path: tuple[str, ...], value: Any):
    def change(document: dict[str, Any]) -> None:
        *parents, last = path
        for name in parents:
            document = document[name]
        document[last] = value

    rewrite(folder, change)
    with pytest.raises(ModelError, match="was changed after it was written: it says version"):
        read_artifact(folder)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d["card"].pop("label"), "card lacks label; train"),
        (lambda d: d["card"].update(extra=1), "card has unknown extra; train"),
        (lambda d: d["card"]["origin"].update(seed="7"), r"card\.origin\.seed has an unexpected"),
        (lambda d: d["card"]["origin"].update(seed=True), r"card\.origin\.seed has an unexpected"),
        (lambda d: d["card"].update(symbols="BTC"), r"card\.symbols has an unexpected"),
        (lambda d: d.update(card=[]), "card must be an object"),
        (lambda d: d.update(format="other/1"), "has format 'other/1', this version reads"),
        (lambda d: d.update(payload=["model.ubj"]), "lists no payload"),
        (lambda d: d["card"]["metrics"]["auc"].update(value=float("nan")), "NaN is no number"),
    ],
)
def test_a_document_of_another_shape_is_refused_in_one_line(
    folder: Path, change: Any, message: str
) -> None:
    rewrite(folder, change)
    with pytest.raises(ModelError, match=message) as caught:
        read_artifact(folder)
    assert "\n" not in str(caught.value)


def test_a_cut_document_is_refused(folder: Path) -> None:
    whole = (folder / MANIFEST).read_bytes()
    for size in (0, 1, len(whole) // 2, len(whole) - 3):
        (folder / MANIFEST).write_bytes(whole[:size])
        with pytest.raises(ModelError, match="is damaged"):
            read_artifact(folder)


@pytest.mark.parametrize(
    "file", ["../model.ubj", "sub/model.ubj", "/etc/passwd", "model.pkl", "m.pt", "", MANIFEST]
)
def test_a_payload_stays_in_its_folder_and_cannot_run_code(folder: Path, file: str) -> None:
    with pytest.raises(ModelError, match="must be a plain file name ending in"):
        make_artifact(a_card(), {file: b""})
    rewrite(folder, lambda document: document["payload"].update({file: "0" * 32}))
    with pytest.raises(ModelError, match="must be a plain file name ending in"):
        read_artifact(folder)


def test_a_name_is_one_plain_word() -> None:
    for name in ("", "../x", "Model", "a b", "x" * 65):
        with pytest.raises(ModelError, match="model name"):
            make_artifact(a_card(name=name), PAYLOAD)


def test_other_inputs_are_refused_with_what_differs(folder: Path) -> None:
    model = read_artifact(folder)
    model.require("xgboost", INPUTS)
    for inputs, message in (
        (Inputs(names=("ret_1",), digest="x"), "it reads rsi_14, which this version does not have"),
        (Inputs(names=("rsi_14", "ret_1"), digest="x"), "are others or in another order"),
        (Inputs(names=INPUTS.names, digest="x"), "columns of the same names are defined diff"),
    ):
        with pytest.raises(ModelError, match=f"trained on inputs {INPUTS.digest}, .*{message}"):
            model.require("xgboost", inputs)
    with pytest.raises(ModelError, match="of kind 'xgboost', not 'ppo'"):
        model.require("ppo", INPUTS)


def test_a_digest_of_definitions_changes_with_order_and_border() -> None:
    digests = {definition_digest(texts) for texts in (["a", "b"], ["b", "a"], ["ab"], ["a,b"])}
    assert len(digests) == 4


def test_no_model_is_said_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"no model at .*absent: No such file or directory; train"):
        read_artifact(tmp_path / "absent")


def test_an_earlier_model_is_replaced_as_a_whole(folder: Path) -> None:
    newer = make_artifact(a_card(verdict="better"), {"other.json": b"{}"})
    write_artifact(newer, folder)
    assert read_artifact(folder) == newer
    assert sorted(contents(folder)) == [MANIFEST, "other.json"]
    assert [path.name for path in folder.parent.iterdir()] == ["one"]


@pytest.mark.parametrize("name", ["notes.md", "plots/loss.json"])
def test_what_somebody_laid_beside_a_model_is_not_removed_with_it(folder: Path, name: str) -> None:
    file = folder / name
    file.parent.mkdir(exist_ok=True)
    file.write_text("mine")
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    for refuse in (check_model_folder, lambda place: write_artifact(an_artifact(), place)):
        with pytest.raises(BadInputError, match="is no part of a model and would be lost: move it"):
            refuse(folder)
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


def test_a_folder_of_other_files_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    for refuse in (check_model_folder, lambda place: write_artifact(an_artifact(), place)):
        with pytest.raises(BadInputError, match="holds files that are no model"):
            refuse(tmp_path)
        with pytest.raises(BadInputError, match="is a file: name a folder"):
            refuse(tmp_path / "notes.txt")
    assert contents(tmp_path) == {"notes.txt": b"mine"}


def an_artifact():
    return make_artifact(a_card(), PAYLOAD)


@pytest.mark.parametrize("has_earlier", [False, True])
@pytest.mark.parametrize("step", range(6))
def test_a_failure_at_any_step_leaves_the_old_model_or_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: int, has_earlier: bool
) -> None:
    place = tmp_path / "m"
    earlier = make_artifact(a_card(verdict="earlier"), PAYLOAD)
    if has_earlier:
        write_artifact(earlier, place)
    calls = []

    def failing(original: Any) -> Any:
        def call(*arguments: Any) -> Any:
            calls.append(original)
            if len(calls) == step + 1:
                raise OSError(28, "No space left on device")
            return original(*arguments)

        return call

    monkeypatch.setattr(module, "_write_synced", failing(module._write_synced))
    monkeypatch.setattr(module, "_sync_folder", failing(module._sync_folder))
    monkeypatch.setattr(Path, "rename", failing(Path.rename))
    with pytest.raises(BadInputError, match="No space left on device"):
        write_artifact(an_artifact(), place)
    monkeypatch.undo()
    left = [path.name for path in tmp_path.iterdir()]
    if place.exists():
        assert left == ["m"]
        assert read_artifact(place) in (earlier, an_artifact())
        assert has_earlier or step == 5  # only the last sync comes after the folder is there
    else:
        assert left == []
        assert not has_earlier


def test_a_place_below_a_file_is_refused_before_the_work(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BadInputError, match="file is no writable folder"):
        check_model_folder(tmp_path / "file" / "models" / "one")
