"""`docs/recordings.md`: what `check` says of every recording, by dialect and vendor.

Written by `python tests/recordings_table.py > docs/recordings.md`; `test_recordings_table` compares.
"""

import json
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from click.testing import CliRunner

from shared_data import shared_dir
from vapi_conformance.cli import main
from vapi_conformance.narrow import array_or_nothing, object_or_nothing

__all__ = ["document"]

LEVELS = ("MUST", "SHOULD")
HEAD = """# What `check` says of recorded traffic

One run of `vapi-conformance check --profile standard` over {total} exchanges that third parties recorded between 2023
and 2026, each read as the dialect that `check` recognises. A test runs it again and compares; recordings are not part
of this repository. Counts are exchanges. Headers and framing are judged where the recorder kept them. Where a first
party breaks a rule of its own API, the reason stands in `tests/rules/`, by recording.
"""


@dataclass
class Vendor:
    """One vendor in one dialect."""

    exchanges: int = 0
    sound: int = 0
    """Exchanges that break no MUST."""
    broken: dict[str, Counter[str]] = field(default_factory=lambda: {level: Counter() for level in LEVELS})


def table(folder: Path) -> Mapping[str, Mapping[str, Vendor]]:
    """Dialect to vendor to what was found. Fails when a rule does."""
    result = CliRunner().invoke(main, ["check", str(folder), "--profile", "standard", "--json"])
    report = object_or_nothing(json.loads(result.stdout))
    assert array_or_nothing(report["unread"]) == []
    found: dict[str, dict[str, Vendor]] = defaultdict(lambda: defaultdict(Vendor))
    for each in map(object_or_nothing, array_or_nothing(report["results"])):
        name = Path(str(each["source"])).name.split("__")
        vendor = found[str(each["dialect"])][name[1]]
        vendor.exchanges += 1
        broken = {level: set[str]() for level in LEVELS}
        for rule in map(object_or_nothing, array_or_nothing(each["rules"])):
            assert rule["outcome"] != "harness error", rule["reason"]
            if rule["outcome"] == "violated" and rule["level"] in LEVELS:
                broken[str(rule["level"])].add(str(rule["id"]))
        vendor.sound += not broken["MUST"]
        for level, rules in broken.items():
            vendor.broken[level].update(rules)
    return found


def document(folder: Path) -> str:
    """The whole file."""
    found = table(folder)
    total = sum(vendor.exchanges for vendors in found.values() for vendor in vendors.values())
    return "\n".join([HEAD.format(total=total), *_dialects(found)])


def _dialects(found: Mapping[str, Mapping[str, Vendor]]) -> Iterator[str]:
    for dialect, vendors in sorted(found.items()):
        yield f"## {dialect}\n"
        yield "| vendor | exchanges | break no MUST | MUST broken | SHOULD broken |"
        yield "| --- | --- | --- | --- | --- |"
        for name, vendor in sorted(vendors.items()):
            cells = (_rules(vendor.broken[level]) for level in LEVELS)
            yield f"| {name} | {vendor.exchanges} | {vendor.sound} | {' | '.join(cells)} |"
        yield ""


def _rules(broken: Counter[str]) -> str:
    ranked = sorted(broken.items(), key=lambda item: (-item[1], item[0]))
    return "<br>".join(f"`{rule}` {count}" for rule, count in ranked) or "none"


if __name__ == "__main__":
    shared = shared_dir()
    assert shared is not None, "the recordings are not at hand; VAPI_CONFORMANCE_SHARED names their folder"
    sys.stdout.write(document(shared / "recordings" / "wire"))
