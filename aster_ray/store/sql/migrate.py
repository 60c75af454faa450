"""Bring a database to the tables of this version, whoever else may be doing so."""

from __future__ import annotations

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from aster_ray.errors import BadInputError
from aster_ray.store.sql.database import Database

_SCRIPTS = "aster_ray.store:migrations"


def migrate(database: Database) -> None:
    """Upgrade ``database`` to this version's tables; a database that has them is only looked at.

    Raises:
        BadInputError: a later version made its tables.
        RetryableError: it does not answer.
    """
    config = Config()
    config.set_main_option("script_location", _SCRIPTS)
    scripts = ScriptDirectory.from_config(config)
    known = {script.revision for script in scripts.walk_revisions()}
    with database.alone(), database.errors(), database.engine.connect() as connection:
        found = MigrationContext.configure(connection).get_current_heads()
        connection.rollback()
        unknown = [revision for revision in found if revision not in known]
        if unknown:
            raise BadInputError(
                f"database {database.place} was written by a later version of aster-ray (its "
                f"tables are at {', '.join(unknown)}, this version knows up to "
                f"{scripts.get_current_head()}): upgrade aster-ray, or name another store.url"
            )
        if tuple(found) == tuple(scripts.get_heads()):
            return
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        connection.commit()
