"""The databases that servers under test use, read behind the server's back."""

import sqlite3
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
from psycopg.rows import dict_row

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
Row = dict[str, Any]


class SQLite:
    """A database in a file. Its times are microseconds since 1970."""

    def __init__(self, folder: Path):
        self.path = folder / "ringback.sqlite"
        self.url = f"sqlite:{self.path}"

    def rows(self, query: str, *values: Any) -> list[Row]:
        connection = sqlite3.connect(f"file:{self.path}?mode=ro", uri=True, timeout=10)
        try:
            connection.row_factory = sqlite3.Row
            found = connection.execute(query.replace("%s", "?"), values).fetchall()
        finally:
            connection.close()
        return [{name: self._value(name, value) for name, value in dict(row).items()} for row in found]

    def is_locked(self) -> bool:
        """Whether somebody is within a transaction that writes."""
        connection = sqlite3.connect(self.path, timeout=0, isolation_level=None)
        try:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("ROLLBACK")
            return False
        except sqlite3.OperationalError:
            return True
        finally:
            connection.close()

    @staticmethod
    def _value(name: str, value: Any) -> Any:
        is_time = name.endswith("_at") and value is not None
        return EPOCH + timedelta(microseconds=value) if is_time else value

    def drop(self) -> None:
        pass


class PostgreSQL:
    """A database of its own in the cluster that RINGBACK_TEST_POSTGRES names."""

    def __init__(self, cluster: str):
        self._cluster = cluster
        self._name = f"ringback_interop_{uuid.uuid4().hex}"
        self.url = urlsplit(cluster)._replace(path=f"/{self._name}").geturl()
        self._administer(f'CREATE DATABASE "{self._name}"')

    def rows(self, query: str, *values: Any) -> list[Row]:
        with psycopg.connect(self.url, row_factory=dict_row) as connection:
            return connection.execute(query, values).fetchall()

    def is_locked(self) -> bool:
        """Whether somebody is within a transaction."""
        others = "datname = current_database() AND pid <> pg_backend_pid() AND xact_start IS NOT NULL"
        return bool(self.rows(f"SELECT pid FROM pg_stat_activity WHERE {others}"))

    def go_away(self) -> None:
        """Throws everybody out and lets nobody in."""
        self._administer(f'ALTER DATABASE "{self._name}" ALLOW_CONNECTIONS false')
        self._administer(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{self._name}'")

    def come_back(self) -> None:
        self._administer(f'ALTER DATABASE "{self._name}" ALLOW_CONNECTIONS true')

    def drop(self) -> None:
        self._administer(f'DROP DATABASE IF EXISTS "{self._name}" WITH (FORCE)')

    def _administer(self, statement: str) -> None:
        with psycopg.connect(self._cluster, autocommit=True) as connection:
            connection.execute(statement)


Database = SQLite | PostgreSQL


def calls(database: Database) -> list[Row]:
    """All calls, the oldest first."""
    return database.rows(
        "SELECT c.type, c.mode, c.status, c.end_reason, c.started_at, c.answered_at, c.ended_at, c.ring_expires_at,"
        " u.username AS initiator FROM calls c JOIN users u ON u.id = c.initiator_id ORDER BY c.started_at"
    )


def participants(database: Database) -> dict[str, Row]:
    """Who took part in the only call, by username."""
    rows = database.rows(
        "SELECT u.username, p.status, p.leave_reason, p.joined_at, p.left_at"
        " FROM call_participants p JOIN users u ON u.id = p.user_id"
    )
    found = {row["username"]: row for row in rows}
    assert len(found) == len(rows), "there is more than one call"
    return found


def screen_shares(database: Database) -> list[Row]:
    """All screen shares, the oldest first."""
    return database.rows(
        "SELECT u.username, s.started_at, s.ended_at, s.end_reason"
        " FROM screen_share_logs s JOIN users u ON u.id = s.sharer_user_id ORDER BY s.id"
    )


def messages(database: Database) -> list[Row]:
    """All messages, in their order."""
    return database.rows(
        "SELECT m.seq, m.body, u.username AS sender FROM messages m LEFT JOIN users u ON u.id = m.sender_id"
        " ORDER BY m.conversation_id, m.seq"
    )
