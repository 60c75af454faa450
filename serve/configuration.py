"""``python -m serve.configuration FILE``: hold a Serve config file against Serve's own schema.

Serve itself accepts unknown keys at every level: ``num_replica: 2`` would be ignored in silence.
"""

from __future__ import annotations

import sys
import typing
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError
from ray.serve.schema import ServeDeploySchema

from aster_ray.errors import EXIT_BAD_INPUT, EXIT_DONE, ConfigError


def read_config(path: Path) -> dict[str, Any]:
    """Return a Serve config file once nothing in it is unknown or wrong.

    Raises:
        ConfigError: every problem at once.
    """
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError([f"cannot read {path}: {error.strerror or error}"]) from None
    except yaml.YAMLError as error:
        raise ConfigError([f"{path} is not valid YAML: {' '.join(str(error).split())}"]) from None
    if not isinstance(document, dict):
        raise ConfigError([f"{path} must be a table of keys"])
    problems = list(unknown_keys(document, ServeDeploySchema))
    try:
        ServeDeploySchema.model_validate(document)
    except ValidationError as error:
        problems += [
            f"{'.'.join(str(part) for part in fault['loc'])}: {fault['msg']}"
            for fault in error.errors()
        ]
    if problems:
        raise ConfigError(problems)
    return document


def unknown_keys(value: object, kind: Any, place: str = "") -> Iterator[str]:
    """Yield one line per key that the schema ``kind`` does not know, at any depth."""
    models = [one for one in _members(kind) if isinstance(one, type) and issubclass(one, BaseModel)]
    if isinstance(value, Mapping) and models:
        fields = {name: field for model in models for name, field in model.model_fields.items()}
        for key, item in value.items():
            if key not in fields:
                yield f"{place}{key} is unknown; known are {', '.join(sorted(fields))}"
            else:
                yield from unknown_keys(item, fields[key].annotation, f"{place}{key}.")
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from unknown_keys(item, kind, f"{place}{index}.")


def _members(kind: Any) -> list[Any]:
    """Return the classes a type annotation names, whatever they are wrapped in."""
    arguments = typing.get_args(kind)
    return [one for part in arguments for one in _members(part)] if arguments else [kind]


def main(argv: Sequence[str] | None = None) -> int:
    """Check the files named and return an exit code."""
    files = list(sys.argv[1:] if argv is None else argv)
    if not files:
        sys.stderr.write("error: name a Serve config file\n")
        return EXIT_BAD_INPUT
    for file in files:
        try:
            read_config(Path(file))
        except ConfigError as error:
            sys.stderr.write("".join(f"error: {file}: {one}\n" for one in error.problems))
            return EXIT_BAD_INPUT
    return EXIT_DONE


if __name__ == "__main__":
    sys.exit(main())
