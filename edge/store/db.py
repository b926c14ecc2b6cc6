"""The SQLCipher connection: keyed without any SQL text, hardened, and fenced by an authorizer.

Every connection of this package comes from here. Errors of SQLite become the named errors of edge.errors; the text of
a statement or of a value is never in them.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from edge.errors import DamagedVaultError, VaultBusyError, VaultError
from edge.store.secret import RawKey, wipe

BUSY_MS = 5000
_CACHE_KIB = 16 * 1024
_SCHEMA_ACTIONS = ("SQLITE_CREATE_", "SQLITE_DROP_", "SQLITE_ALTER_", "SQLITE_REINDEX", "SQLITE_ANALYZE")
_CHECKS = frozenset(("quick_check", "integrity_check", "cipher_integrity_check", "wal_checkpoint", "optimize"))
_READ_PRAGMAS = _CHECKS | {
    "user_version",
    "journal_mode",
    "page_count",
    "freelist_count",
    "synchronous",
    "temp_store",
    "secure_delete",
    "data_version",
    "foreign_key_check",
}


_SETTINGS = (
    "journal_mode = WAL",
    "synchronous = FULL",
    "fullfsync = ON",
    "checkpoint_fullfsync = ON",
    "secure_delete = ON",
    "foreign_keys = ON",
    "recursive_triggers = ON",
    "trusted_schema = OFF",
    "cell_size_check = ON",
    "mmap_size = 0",
    f"cache_size = -{_CACHE_KIB}",
)


def connect(path: Path, key: RawKey, *, create: bool = False, any_thread: bool = False) -> Any:
    """A keyed sqlcipher3 connection in autocommit mode, WAL, synchronous FULL, nothing temporary on disk.

    Raises DamagedVaultError if the key does not fit the file: the key comes from an authenticated header, so it is the
    file that is at fault.
    """
    import sqlcipher3.dbapi2 as sqlcipher

    mode = "rwc" if create else "rw"
    with translated("opened"):
        connection = sqlcipher.connect(
            f"{path.absolute().as_uri()}?mode={mode}",
            uri=True,
            isolation_level=None,
            timeout=BUSY_MS / 1000,
            check_same_thread=not any_thread,
        )
        try:
            _prepare(connection, key)
        except BaseException:
            connection.close()
            raise
    return connection


def _prepare(connection: Any, key: RawKey) -> None:
    connection.execute("PRAGMA cipher_log_level = NONE")  # a page that fails its check would be logged to stderr
    form = key.sqlcipher_form()
    try:
        connection.set_key(form)
    finally:
        wipe(form)
    connection.execute("PRAGMA temp_store = MEMORY")
    connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    for pragma in _SETTINGS:
        connection.execute(f"PRAGMA {pragma}")
    for name, wanted in (("temp_store", 2), ("synchronous", 2), ("journal_mode", "wal"), ("secure_delete", 1)):
        if connection.execute(f"PRAGMA {name}").fetchone()[0] != wanted:
            raise VaultError(
                "The vault could not be opened safely.", f"SQLite refused {name}.", "Check the folder's rights."
            )


def fence(connection: Any) -> None:
    """Refuse from now on what the application never needs: ATTACH, export, rekey, extensions, VACUUM INTO, pragmas, and
    every change of the schema (tables, indexes, triggers, views)."""
    import sqlcipher3.dbapi2 as sqlcipher

    functions = ("load_extension", "sqlcipher_export", "fts3_tokenizer")

    schema = {getattr(sqlcipher, name) for name in dir(sqlcipher) if name.startswith(_SCHEMA_ACTIONS)}

    def authorise(action: int, first: str | None, second: str | None, *_: str | None) -> int:
        if action in schema or action in (sqlcipher.SQLITE_ATTACH, sqlcipher.SQLITE_DETACH):
            return int(sqlcipher.SQLITE_DENY)
        if action == sqlcipher.SQLITE_FUNCTION and (second or "").lower() in functions:
            return int(sqlcipher.SQLITE_DENY)
        if action == sqlcipher.SQLITE_PRAGMA:
            name = (first or "").lower()
            if name not in _READ_PRAGMAS or (second is not None and name not in _CHECKS):
                return int(sqlcipher.SQLITE_DENY)
        return int(sqlcipher.SQLITE_OK)

    connection.enable_load_extension(False)
    connection.set_authorizer(authorise)


@contextlib.contextmanager
def transaction(connection: Any) -> Iterator[Any]:
    """BEGIN IMMEDIATE … COMMIT; rolled back whole on any exception, Ctrl-C included. Does not nest."""
    with translated("changed"):
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield connection
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise


@contextlib.contextmanager
def snapshot(connection: Any) -> Iterator[None]:
    """Reads in the block see one state of the file, whatever another connection writes meanwhile."""
    with translated("read"):
        connection.execute("BEGIN")
        try:
            yield
        finally:
            if connection.in_transaction:
                connection.rollback()


@contextlib.contextmanager
def translated(done: str) -> Iterator[None]:
    """Turn SQLite's errors into named ones. done completes "The vault could not be …"."""
    import sqlcipher3.dbapi2 as sqlcipher

    try:
        yield
    except (sqlcipher.Error, OSError) as error:
        raise named(error, done) from None


def named(error: Exception, done: str) -> VaultError:
    """The named error for one of SQLite's or the system's."""
    text = str(error).lower()
    what = f"The vault could not be {done}."
    if isinstance(error, OSError):
        return VaultError(
            what, error.strerror or type(error).__name__, "Check free space and rights of the vault's folder."
        )
    if "full" in text:
        # Nothing was changed: transaction() has rolled back, and what follows a commit is best effort.
        return VaultError(what, "The disk is full; nothing was changed.", "Free some space and try again.")
    if any(word in text for word in ("not a database", "malformed", "corrupt", "hmac", "no such table")):
        return DamagedVaultError(
            "The vault is damaged.",
            "Its record file does not pass its checks.",
            "Restore it from a backup (`vault restore`).",
        )
    if "locked" in text or "busy" in text:
        return VaultBusyError("The vault is in use by another program.", "", "Try again when it has finished.")
    if "readonly" in text or "unable to open" in text:
        return VaultError(what, "The file can't be opened for writing.", "Check the rights of the vault's folder.")
    if "disk i/o" in text:
        return VaultError(
            what,
            "The disk could not be read or written; it may be full or failing.",
            "Free space and run `vault verify`.",
        )
    if "edgescribe:" in text:
        return VaultError(what, text.split("edgescribe:", 1)[1].strip().capitalize() + ".")
    if "authoriz" in text or "prohibited" in text:
        return VaultError(what, "The vault refuses this operation.")
    return VaultError(what, type(error).__name__)


def user_version(connection: Any) -> int:
    """Schema version of the open file."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


CIPHER_CHECK, STRUCTURE_CHECK = "cipher_integrity_check", "quick_check"


def problems(
    connection: Any, limit: int = 10, progress: Callable[[int, int], None] = lambda done, total: None
) -> list[str]:
    """What both checks find: authentication of every page, and SQLite's structure (the first misses lost pages).

    progress: (checks done, checks in all).
    """
    found: list[str] = []
    checks = (CIPHER_CHECK, STRUCTURE_CHECK)
    for done, pragma in enumerate(checks):
        progress(done, len(checks))
        try:
            rows = [str(row[0]) for row in connection.execute(f"PRAGMA {pragma}").fetchmany(limit)]
        except Exception as error:  # noqa: BLE001 - any failure of a check is a finding
            rows = [named(error, "checked").why or type(error).__name__]
        found += [f"{pragma}: {row}" for row in rows if row != "ok"]
    progress(len(checks), len(checks))
    return found


def private(path: Path) -> None:
    """Owner-only rights for a file that SQLite made."""
    os.chmod(path, 0o600)
