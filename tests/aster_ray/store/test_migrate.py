from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import inspect, text

from aster_ray.config import Secret
from aster_ray.errors import BadInputError, RetryableError
from aster_ray.store.sql.database import Database, database_url
from aster_ray.store.sql.migrate import migrate
from aster_ray.store.sql.schema import Base
from tests.aster_ray.store.servers import PASSWORD, PostgresServer

MIGRATE = """
import sys
from pathlib import Path
from aster_ray.config import Secret
from aster_ray.store.sql.database import Database, database_url
from aster_ray.store.sql.migrate import migrate
sys.stdin.readline()
migrate(Database(database_url(Secret(sys.argv[1]), Path())))
"""


def opened(url: Secret) -> Database:
    return Database(database_url(url, Path()))


def test_the_migrations_make_the_tables_that_the_code_knows(store_url: Secret) -> None:
    database = opened(store_url)
    migrate(database)
    migrate(database)  # a second time changes nothing
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []
        names = set(inspect(connection).get_table_names())
    assert names == {*Base.metadata.tables, "alembic_version"}


def test_they_can_be_taken_back(store_url: Secret) -> None:
    from alembic import command
    from alembic.config import Config

    database = opened(store_url)
    migrate(database)
    config = Config()
    config.set_main_option("script_location", "aster_ray.store:migrations")
    with database.engine.connect() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "base")
        connection.commit()
        assert inspect(connection).get_table_names() == ["alembic_version"]
    migrate(database)


def test_tables_of_a_later_version_are_left_alone(store_url: Secret) -> None:
    database = opened(store_url)
    migrate(database)
    with database.transaction() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(BadInputError) as caught:
        migrate(database)
    said = str(caught.value)
    assert "was written by a later version of aster-ray (its tables are at 9999, this" in said
    assert "upgrade aster-ray, or name another store.url" in said
    assert PASSWORD not in said


@pytest.mark.slow
def test_several_processes_may_start_at_once(store_url: Secret) -> None:
    started = [
        subprocess.Popen(
            [sys.executable, "-c", MIGRATE, store_url.value],
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]
    for process in started:  # all stand at the same line before the first goes on
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in started:
        _, errors = process.communicate(timeout=120)
        assert process.returncode == 0, errors
    with opened(store_url).engine.connect() as connection:
        assert len(connection.execute(text("SELECT * FROM alembic_version")).all()) == 1


def test_a_password_is_in_no_message_and_no_repr(postgres_server: PostgresServer) -> None:
    wrong = Secret(postgres_server.url().replace(PASSWORD, "hunter2hunter2"))
    database = opened(wrong)
    with pytest.raises(RetryableError) as caught:
        migrate(database)
    assert "password authentication failed" in str(caught.value)
    for shown in (str(caught.value), repr(database.engine), database.place, repr(wrong)):
        assert "hunter2hunter2" not in shown
    assert "aster:***@127.0.0.1" in database.place


def test_a_server_that_is_not_there_is_named() -> None:
    with pytest.raises(RetryableError, match=r"database postgresql\+psycopg://u:\*\*\*@127"):
        migrate(opened(Secret("postgresql://u:secretsecret@127.0.0.1:1/x")))


@pytest.mark.parametrize("url", ["mysql://h/db", "postgresql+asyncpg://h/db"])
def test_other_databases_are_refused(url: str) -> None:
    with pytest.raises(BadInputError, match="sqlite and postgresql"):
        database_url(Secret(url), Path())


def test_what_is_no_url_is_refused_without_repeating_it() -> None:
    with pytest.raises(BadInputError, match="must read postgresql") as caught:
        database_url(Secret("hunter2 hunter2"), Path())
    assert "hunter2" not in str(caught.value)


def test_without_a_url_the_history_lies_in_the_sessions_folder(tmp_path: Path) -> None:
    assert database_url(Secret(), tmp_path).database == str(tmp_path / "history.sqlite")


@pytest.mark.parametrize(("durable", "level"), [(True, 2), (False, 1)])
def test_sqlite_writes_ahead_and_as_durably_as_asked(
    tmp_path: Path, durable: bool, level: int
) -> None:
    database = Database(database_url(Secret(), tmp_path), durable=durable)
    with database.engine.connect() as connection:
        assert connection.scalar(text("PRAGMA journal_mode")) == "wal"
        assert connection.scalar(text("PRAGMA synchronous")) == level
