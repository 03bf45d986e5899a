"""A PostgreSQL server for tests: Debian's package, in a temporary folder, on a Unix socket and no network."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

import pytest

if find_spec("psycopg") is not None:
    # Once and for all: pytester forgets what a test imports, and a second psycopg raises errors of the first.
    import_module("psycopg")

__all__ = ["PASSWORD", "Server", "running_server"]

PASSWORD = "planted/p@ss:word"
"""With all that a URL has to escape."""
_USER = "tester"
_WAIT_S = 60


@dataclass(kw_only=True)
class Server:
    """Where it listens."""

    folder: Path
    databases: list[str] = field(default_factory=list[str])

    def new_database(self) -> str:
        """Its URL, with the password."""
        name = f"history_{len(self.databases)}"
        self.databases.append(name)
        self.run(f"CREATE DATABASE {name}")
        return self.url(name)

    def url(self, database: str = "postgres", *, password: str = PASSWORD, user: str = _USER) -> str:
        """Of one of its databases."""
        own = f"{user}:{quote(password, safe='')}" if password else user
        return f"postgresql://{own}@/{database}?host={quote(str(self.folder), safe='')}"

    def run(self, statement: str, database: str = "postgres") -> list[tuple[object, ...]]:
        """As the server's owner."""
        import psycopg

        with psycopg.connect(self.url(database), autocommit=True) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []


@contextmanager
def running_server() -> Generator[Server]:
    """Skips the test, and says why, where no server can be started."""
    programs = _programs()
    user = _unprivileged()
    with tempfile.TemporaryDirectory(prefix="pg", ignore_cleanup_errors=True) as name:  # a socket's path has 107 bytes
        folder = Path(name)
        (folder / "password").write_text(PASSWORD, encoding="utf-8")
        if user is not None:
            for path in (folder, folder / "password"):
                shutil.chown(path, user)
        data = folder / "data"
        first = ["--auth-local=scram-sha-256", "--pwfile", str(folder / "password"), "-U", _USER, "--no-sync"]
        made = _started([programs / "initdb", "-D", data, "-E", "UTF8", "--locale=C", *first], user, folder)
        printed, _ = made.communicate(timeout=_WAIT_S)
        assert 0 == made.returncode, printed
        settings = ("listen_addresses=", f"unix_socket_directories={folder}", "fsync=off", "max_connections=40")
        options = [part for each in settings for part in ("-c", each)]
        server = _started([programs / "postgres", "-D", data, *options], user, folder)
        try:
            found = Server(folder=folder)
            _wait(found, server)
            yield found
        finally:
            server.send_signal(signal.SIGINT)  # "fast": connections are closed
            server.communicate(timeout=_WAIT_S)


def _programs() -> Path:
    pytest.importorskip("psycopg", reason="psycopg is not installed: pip install 'vapi-conformance[postgres]'")
    own = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    initdb = own[-1] if own else shutil.which("initdb")
    if initdb is None:
        pytest.skip("PostgreSQL's server is not installed here (Debian: apt-get install postgresql)")
    return Path(initdb).resolve().parent


def _unprivileged() -> str | None:
    """The server refuses to be run by root."""
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam("postgres").pw_name
    except KeyError:
        pytest.skip("tests are run by root, for whom PostgreSQL does not start, and there is no user postgres")


def _started(command: "list[str | Path]", user: str | None, folder: Path) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd=folder,
        user=user,
        group=user,
        extra_groups=None if user is None else [],
    )


def _wait(server: Server, process: "subprocess.Popen[bytes]") -> None:
    import psycopg

    until = time.monotonic() + _WAIT_S
    while True:
        try:
            server.run("SELECT 1")
        except psycopg.OperationalError:
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < until, "PostgreSQL did not start"
            time.sleep(0.05)
        else:
            return
