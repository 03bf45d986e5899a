"""`vapi-conformance serve`: the reference server, in a process that takes this one's place."""

import os
import subprocess
import sys

import click

__all__ = ["command"]


@click.command(context_settings={"ignore_unknown_options": True, "help_option_names": []})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def command(*, arguments: tuple[str, ...]) -> None:
    """Run the bundled reference server; the same as `vapi-reference-server`, with all its options.

    `vapi-conformance serve --fault no-done` makes one named mistake, `--list-faults` names them all.
    """
    # The server is a program of its own: what judges and what is judged share no code, and no process.
    line = [sys.executable, "-m", "vapi_reference_server", *arguments]
    if sys.platform == "win32":
        sys.exit(subprocess.call(line))  # noqa: S603 - our own module
    # In our place, and not below us: whoever started us and ends us ends the server.
    os.execv(line[0], line)  # noqa: S606 - our own module
