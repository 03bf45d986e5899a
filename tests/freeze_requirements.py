"""Freezes the catalogue: `python tests/freeze_requirements.py 2027-01` writes `fixtures/requirements/2027-01.json`.

Beside it, in `scenarios/2027-01.json`, come the shapes of the scenarios, by which a bundle is known to be whole.

Done before a release whose catalogue or whose scenarios differ from the newest set: `test_requirements.py` and
`test_shapes.py` in `tests/certificate` tell. A set that was released is never written again: certificates name it by
its digest. One that no release had yet may be taken away and frozen anew, with its digest in that test.
"""

import json
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from vapi_conformance import __version__
from vapi_conformance.certificate.requirements import frozen
from vapi_conformance.certificate.shapes import frozen_shapes
from vapi_conformance.data import data_dir
from vapi_conformance.narrow import array_or_none
from vapi_conformance.rules import own_rules

__all__ = ["text_of"]


_LISTS: Final = ("rules", "scenarios", "calls")


def text_of(document: Mapping[str, object]) -> str:
    """One rule, scenario or call a line, so that a difference of two sets reads."""
    lists = {name: found for name in _LISTS if (found := array_or_none(document.get(name))) is not None}
    head = {name: value for name, value in document.items() if name not in lists}
    parts = [json.dumps(head, indent=1).removesuffix("\n}")]
    parts += [
        f' "{name}": [\n' + ",\n".join(f"  {json.dumps(each)}" for each in found) + "\n ]"
        for name, found in lists.items()
    ]
    return ",\n".join(parts) + "\n}\n"


def main() -> int:
    """Writes the two files. Refuses to write over one."""
    name = sys.argv[1]
    folder = data_dir("fixtures") / "requirements"
    paths = (folder / f"{name}.json", folder / "scenarios" / f"{name}.json")
    if any(path.exists() for path in paths):
        sys.stderr.write(f"{name} is frozen already; take another name\n")
        return 2
    today = datetime.now(UTC).date().isoformat()
    shapes = frozen_shapes(name)
    rules = frozen(own_rules().values(), name=name, frozen_at=today, suite=__version__, shapes=shapes)
    for path, document in zip(paths, (rules, shapes), strict=True):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text_of(document), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
