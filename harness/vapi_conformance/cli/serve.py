"""`vapi-conformance serve`: the reference server, in a process that takes this one's place."""

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
    try:
        sys.exit(subprocess.call([sys.executable, "-m", "vapi_reference_server", *arguments]))  # noqa: S603 - our own module
    except KeyboardInterrupt:
        sys.exit(0)
