"""``aster config``: show, check, schema."""

from __future__ import annotations

import json

import typer

from aster_ray.cli import api, output
from aster_ray.cli.options import RunOptions, verb


def register(app: typer.Typer) -> None:
    """Add the verbs of this file."""
    verb(app, "show", RunOptions)(show)
    verb(app, "check", RunOptions)(check)
    verb(app, "schema", RunOptions)(schema)


def show(options: RunOptions) -> None:
    """Print the effective configuration as aster.toml; secrets are masked."""
    given = {name: getattr(options, name, None) for name in api.OPTION_PATHS}
    settings = api.load_settings(options.config, given, options.settings)
    payload = settings.plain()
    if options.strategy:
        payload["strategies"]["use"] = options.strategy
    output.emit(
        options,
        payload,
        lambda console: console.print(_toml(payload), end="", markup=False),
        "config.json",
    )


def check(options: RunOptions) -> None:
    """Check the configuration, the strategies it names and their parameters."""
    given = {name: getattr(options, name, None) for name in api.OPTION_PATHS}
    settings = api.load_settings(options.config, given, options.settings)
    request = api.request_run(options.strategy, options.param, settings)
    payload = {"ok": True, "digest": request.digest()}
    output.emit(
        options, payload, lambda console: console.print("configuration is valid"), "check.json"
    )


def schema(options: RunOptions) -> None:
    """Print the JSON schema of aster.toml, for editors."""
    from aster_ray import settings

    payload = settings.schema()
    output.emit(options, payload, lambda console: console.print_json(data=payload), "schema.json")


def _toml(sections: dict[str, dict[str, object]]) -> str:
    lines: list[str] = []
    for name, section in sections.items():
        values = {key: value for key, value in section.items() if not isinstance(value, dict)}
        lines += [f"[{name}]"]
        # TOML has no word for "none": such a key is simply left out.
        lines += [
            f"{key} = {json.dumps(value)}" for key, value in values.items() if value is not None
        ]
        lines += [""]
        for key, table in section.items():
            if isinstance(table, dict) and table:
                lines += [f"[{name}.{json.dumps(key) if '.' in key else key}]"]
                lines += [f"{inner} = {json.dumps(value)}" for inner, value in table.items()]
                lines += [""]
    return "\n".join(lines)
