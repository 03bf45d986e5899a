"""A program that stores runs when it is told to: `python writer.py NAME HOW_MANY`.

The place is in VAPI_CONFORMANCE_HISTORY. It says that it is ready, waits for a line,
and writes one line for each run that is stored.
"""

import json
import os
import sys
from pathlib import Path

from vapi_conformance.history.place import read_place
from vapi_conformance.history.store import Store


def main(name: str, how_many: int) -> None:
    document = json.loads(Path(os.environ["DOCUMENT"]).read_text(encoding="utf-8"))
    store = Store(place=read_place("$VAPI_CONFORMANCE_HISTORY", option="--db"))
    _say("ready")
    sys.stdin.readline()
    for number in range(how_many):
        _say(store.add(document, key=f"{name}-{number}").id)


def _say(word: object) -> None:
    sys.stdout.write(f"{word}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
