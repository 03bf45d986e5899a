"""`python -m vapi_conformance` is `vapi-conformance`, and both begin here.

The commands take a third of a second to be imported. Who interrupts in that time gets what an interrupt gives later,
and no traceback.
"""

import sys

__all__ = ["run"]


def run() -> None:
    """Runs the command that was typed; ends by SystemExit."""
    try:
        from vapi_conformance.cli import main
    except KeyboardInterrupt:
        sys.exit(130)  # as `cli.main` has it
    main(prog_name="vapi-conformance")


if __name__ == "__main__":
    run()
