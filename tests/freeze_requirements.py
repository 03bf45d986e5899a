"""Freezes the catalogue: `python tests/freeze_requirements.py 2027-01` writes `fixtures/requirements/2027-01.json`.

Done before a release whose catalogue differs from the newest set (`tests/certificate/test_requirements.py` tells). A
set that was released is never written again: certificates name it by its digest. One that no release had yet may be
taken away and frozen anew, with its digest in that test.
"""

import json
import sys
from datetime import UTC, datetime

from vapi_conformance import __version__
from vapi_conformance.certificate.requirements import frozen
from vapi_conformance.data import data_dir
from vapi_conformance.narrow import array_or_nothing
from vapi_conformance.rules import own_rules

__all__ = ["text_of"]


def text_of(document: dict[str, object]) -> str:
    """One rule a line, so that a difference of two sets reads."""
    head = {name: value for name, value in document.items() if name != "rules"}
    rules = (f"  {json.dumps(each)}" for each in array_or_nothing(document["rules"]))
    opening = json.dumps(head, indent=1).removesuffix("\n}")
    return opening + ',\n "rules": [\n' + ",\n".join(rules) + "\n ]\n}\n"


def main() -> int:
    """Writes the file. Refuses to write over one."""
    name = sys.argv[1]
    path = data_dir("fixtures") / "requirements" / f"{name}.json"
    if path.exists():
        sys.stderr.write(f"{path.name} is frozen already; take another name\n")
        return 2
    today = datetime.now(UTC).date().isoformat()
    document = frozen(own_rules().values(), name=name, frozen_at=today, suite=__version__)
    path.parent.mkdir(exist_ok=True)
    path.write_text(text_of(document), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
