"""Issuing: plays what a plan asks for, keeps everything that came, and judges what it kept by reading it back.

    plan.json is written, and with it everything is fixed
    scenarios and whole calls are played, each exchange is written as it ends
    latency is measured, where the level has gates on it
    the bundle is read back and judged (`rejudging`), the report joins it, the manifest is sealed

Nothing is judged that is not in the bundle, so whoever has the bundle can come to the same verdict.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from vapi_conformance.call_scenario import CALLS, all_call_scenarios
from vapi_conformance.certificate.bundle import Bundle, BundleWriter, read_bundle
from vapi_conformance.certificate.canonical import digest_of
from vapi_conformance.certificate.conditions import Circumstances
from vapi_conformance.certificate.levels import LevelResult, level_result
from vapi_conformance.certificate.planning import plan_for, planned_scenarios
from vapi_conformance.certificate.rejudging import rejudged
from vapi_conformance.endpoint import REFERENCE, Endpoint, Opened
from vapi_conformance.scenario import all_scenarios
from vapi_conformance.suite import MOST_TIRESOME, Progress, be_sure_of, play, play_every

__all__ = ["Issued", "Issuer", "Measure"]

Measure = Callable[[Mapping[str, object]], Mapping[str, object]]
"""Measures latency under the plan's load; gives a document after `harness/bench`."""

_PLAN: Final = "plan.json"


@dataclass(frozen=True, kw_only=True)
class Issued:
    """A bundle that was judged, and what that comes to."""

    bundle: Bundle
    result: LevelResult


@dataclass(kw_only=True)
class Issuer:
    """Makes one bundle in an empty folder. In this order: `fix`, `play`, `measure` where `plan["load"]` is, `judge`."""

    endpoint: Endpoint
    folder: Path
    plan: Mapping[str, object] = field(default_factory=dict[str, object], init=False)
    _writer: BundleWriter = field(init=False)

    def __post_init__(self) -> None:
        self._writer = BundleWriter(folder=self.folder)

    def fix(self, live: Opened, *, level: str) -> str:
        """Fixes everything, before anything is sent; gives the digest of the plan. Raises UsageError for a level."""
        self.plan = plan_for(self.endpoint, live, level=level, started_at=datetime.now(UTC))
        self._writer.put(_PLAN, self.plan)
        return digest_of(self.plan)

    def play(self, live: Opened, progress: Progress | None = None) -> None:
        """Raises TransportError or UsageError where the first answer shows that there is nothing to certify."""
        began = time.monotonic()
        names = planned_scenarios(self.plan)
        self._play_scenarios(live, [name for name in names if not name.startswith(CALLS)], progress)
        left = self._play_calls(live, [name for name in names if name.startswith(CALLS)], progress)
        lints = [] if self.endpoint.name == REFERENCE else [str(lint) for lint in live.platform.lints()]
        circumstances = Circumstances(
            conditions=live.conditions,
            lints=[*lints, *left],
            duration_s=round(time.monotonic() - began, 3),
        )
        self._writer.put("conditions.json", circumstances.to_document())

    def _play_scenarios(self, live: Opened, names: Sequence[str], progress: Progress | None) -> None:
        scenarios = [all_scenarios()[name] for name in names]
        for number, exchange in enumerate(
            play(scenarios, platform=live.platform, client=live.client, progress=progress)
        ):
            if number == 0:
                be_sure_of(
                    exchange,
                    has_key=live.has_key,
                    takes_credential=self.endpoint.takes_credential,
                    sends_token=live.platform.tokens is not None,
                )
            self._writer.put_exchange(exchange)

    def _play_calls(self, live: Opened, names: Sequence[str], progress: Progress | None) -> list[str]:
        """Remarks on what was not played."""
        wanted = [each for each in all_call_scenarios().values() if each.label in names]
        played: set[str] = set()
        for call in play_every(
            wanted, platform=live.platform, client=live.client, conditions=live.conditions, progress=progress
        ):
            played.add(call.name)
            self._writer.put_call(call)
        left = len(wanted) - len(played)
        return [f"{left} calls were not played: {MOST_TIRESOME} were waited for in vain"] if left else []

    def measure(self, measure: Measure) -> None:
        """Latency under the plan's load."""
        self._writer.put("bench.json", measure(self.plan))

    def judge(self) -> Issued:
        """Reads back what was written, judges that, and seals it with its report."""
        self._writer.finish()
        report = rejudged(read_bundle(self.folder, is_judged=False))
        self._writer.put("report.json", report)
        self._writer.finish()
        bundle = read_bundle(self.folder)
        return Issued(bundle=bundle, result=level_result(bundle.plan, bundle.report, bundle.bench))
