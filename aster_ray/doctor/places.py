"""PostgreSQL and Redis, where they are configured."""

from __future__ import annotations

from aster_ray.doctor.finding import Finding, fail, ok
from aster_ray.store.config import Places

_SECONDS = 5


def examine_places(places: Places) -> list[Finding]:
    """Return whether what is shared between machines answers."""
    return [_database(places), _redis(places)]


def _database(places: Places) -> Finding:
    url = places.store.url.value
    if not url:
        return ok("database", "SQLite in the session's folder")
    remedy = "start the database or mend store.url (ASTER__STORE__URL)"
    try:
        from sqlalchemy import create_engine, exc, text

        arguments = {"connect_timeout": _SECONDS} if url.startswith("postgresql") else {}
        engine = create_engine(url, connect_args=arguments)
        try:
            with engine.connect() as connection:
                connection.execute(text("select 1"))
        finally:
            engine.dispose()
    except ImportError as error:
        return fail("database", f"{error.name} is missing", "pip install 'aster-ray[cluster]'")
    except (exc.SQLAlchemyError, OSError, ValueError) as error:
        # The message of a driver may hold the address with its password.
        return fail("database", f"does not answer: {type(error).__name__}", remedy)
    return ok("database", f"{engine.dialect.name} answers")


def _redis(places: Places) -> Finding:
    url = places.redis.url.value
    if not url:
        return ok("redis", "not configured: the lease is a file of this machine")
    remedy = "start Redis or mend redis.url (ASTER__REDIS__URL)"
    try:
        import redis

        client = redis.Redis.from_url(url, socket_timeout=_SECONDS, socket_connect_timeout=_SECONDS)
        try:
            client.ping()
            evicts = client.config_get("maxmemory-policy").get("maxmemory-policy", "")
        finally:
            client.close()
    except ImportError as error:
        return fail("redis", f"{error.name} is missing", "pip install 'aster-ray[cluster]'")
    except (redis.RedisError, OSError, ValueError) as error:
        return fail("redis", f"does not answer: {type(error).__name__}", remedy)
    if evicts not in ("", "noeviction"):
        return fail(
            "redis",
            f"forgets keys when memory runs out ({evicts}): the lease could vanish",
            "set maxmemory-policy noeviction",
        )
    return ok("redis", "answers")
