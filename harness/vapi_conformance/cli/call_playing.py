"""Playing a call scenario from the command line."""

from vapi_conformance.call import Line as PhoneLine
from vapi_conformance.call import RealClock, play_calls
from vapi_conformance.call_record import CallRecord
from vapi_conformance.call_scenario import CallScenario
from vapi_conformance.cli.call_stage import Stage
from vapi_conformance.endpoint import Opened
from vapi_conformance.platforms.vapi import Platform
from vapi_conformance.problems import UsageError
from vapi_conformance.report.text import Line

__all__ = ["played", "vapi_platform"]


def vapi_platform(live: Opened) -> Platform:
    """Calls are Vapi's."""
    if not isinstance(live.platform, Platform):
        raise UsageError("calls are played as Vapi makes them")
    return live.platform


def played(scenario: CallScenario, live: Opened, stage: Stage, *, is_real_time: bool) -> list[CallRecord]:
    """Every call of the scenario. Of calls that run at once no timeline is shown: nobody could follow it."""

    def clock() -> RealClock:
        made = RealClock()
        stage.now_ns = made.now_ns
        return made

    line = PhoneLine(
        platform=vapi_platform(live),
        client=live.client,
        conditions=live.conditions,
        watch=None if scenario.callers > 1 else stage.watch,
        clock=clock if is_real_time else None,
    )
    stage.characters_per_second = live.conditions.characters_per_second
    records: list[CallRecord] = []
    with stage.live():
        if scenario.callers > 1:
            stage.say(Line(f"{scenario.callers} callers at once", "faint"))
        for record in play_calls(scenario, line):
            stage.settle()
            records.append(record)
            missing = set(scenario.expects_tools) - {tool.name for tool in record.tools}
            if missing and len(records) < scenario.tries and scenario.callers == 1:
                stage.say(Line(f"{' and '.join(sorted(missing))} was not called: once more", "warning"))
    return records
