"""``aster data``: import, verify, list; its other verbs have files of their own."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from aster_ray.cli import api, download, instruments, output, tables
from aster_ray.cli.options import VerbOptions, verb


@dataclass(frozen=True, slots=True, kw_only=True)
class Place(VerbOptions):
    """A verb about a folder or a catalog."""

    data: Annotated[
        str | None, typer.Option(help="Folder or catalog; none = the configured one.")
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Import(VerbOptions):
    """Where from, where to."""

    source: Annotated[str, typer.Argument(help="Folder, file or catalog to read.")]
    catalog: Annotated[str, typer.Argument(help="Catalog directory to write.")]
    symbols: Annotated[str | None, typer.Option(help="E.g. BTC,ETH; none = all.")] = None


def register(app: typer.Typer) -> None:
    """Add the verbs of this file."""
    download.register(app)
    instruments.register(app)
    verb(app, "import", Import)(import_)
    verb(app, "verify", Place)(verify)
    verb(app, "list", Place)(list_)


def import_(options: Import) -> None:
    """Check market data and copy it into a Parquet catalog."""
    from aster_ray.data.ingest import import_data

    symbols = tuple(part for part in (options.symbols or "").split(",") if part.strip())
    with output.progress(options, "import"):
        result = import_data(options.source, options.catalog, symbols)
    payload = {
        "rows": result.rows,
        "series": [series.as_dict() for series in result.series],
        "ignored": [_plain(item) for item in result.ignored],
    }
    output.emit(options, payload, tables.quality_table(payload), "import.json")


def verify(options: Place) -> None:
    """Check every series of a folder or a catalog and report its quality."""
    from aster_ray.data.ingest import verify_data
    from aster_ray.data.source import ignored
    from aster_ray.errors import BadInputError

    path = _path(options)
    if not path:
        raise BadInputError("nothing to verify: name a folder or a catalog with --data")
    with output.progress(options, "verify"):
        reports = verify_data(path)
    payload = {
        "rows": sum(report.rows for report in reports),
        "series": [report.as_dict() for report in reports],
        "ignored": [_plain(item) for item in ignored(path)],
    }
    output.emit(options, payload, tables.quality_table(payload), "verify.json")


def list_(options: Place) -> None:
    """List the series of a folder, a catalog or the built-in market."""
    from aster_ray.data.source import available, ignored

    path = _path(options)
    payload = {
        "series": [entry._asdict() for entry in available(path)],
        "ignored": [_plain(item) for item in ignored(path)],
    }
    output.emit(options, payload, tables.series_table(payload), "series.json")


def _path(options: Place) -> str:
    given = {"data": options.data, "seed": options.seed}
    return api.load_settings(options.config, given, options.settings).data.path


def _plain(item: Any) -> dict[str, Any]:
    """Return a record's fields with paths as their names: results hold no machine's folders."""
    fields = item._asdict() if hasattr(item, "_asdict") else asdict(item)
    return {key: value.name if isinstance(value, Path) else value for key, value in fields.items()}
