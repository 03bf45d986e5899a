"""A bench as text: the figures with what they mean, what went wrong, and how far the instrument can be trusted.

Made from the document, so that a stored result reads as it did when it was new.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from vapi_conformance.narrow import array_or_nothing, integer_or_none, object_or_none, object_or_nothing, string_or_none
from vapi_conformance.report.counting import grouped
from vapi_conformance.report.text import Line

__all__ = ["bench_lines", "calibration_lines", "level_lines"]

_FIGURES: Final = ("mean", "p50", "p90", "p95", "p99", "max")
_NAME_WIDTH: Final = 16
"""At least."""
_WIDTH: Final = 9
_INTERVALS: Final = ("p50", "p95")
_INTERVAL_WIDTH: Final = 18
_NUMBER: Final = re.compile(r"(\d+)")
_NEAR_MARK: Final = "~"
_NOT_TOLD: Final = "-"
_GROUPS_SHOWN: Final = 40
_LOST_SHOWN: Final = 4
"""By name."""


def bench_lines(document: Mapping[str, object], *, levels: Mapping[str, str] | None = None) -> Iterator[Line]:
    """document: after `harness/bench`. levels: of rules, for the order in which they are told; MUST, SHOULD or MAY."""
    yield from _head(document)
    yield Line("")
    yield from _table(document)
    yield from _groups(document)
    yield from _turn(document)
    yield Line("")
    yield from _errors(document)
    yield from _violations(document, levels or {})
    yield from _instrument(document)
    yield from _knee(document)
    yield from _gates(document)


def _head(document: Mapping[str, object]) -> Iterator[Line]:
    target, machine = object_or_nothing(document.get("target")), object_or_nothing(document.get("machine"))
    suite = object_or_nothing(document.get("suite"))
    model = string_or_none(target.get("model"))
    yield Line(f"{target.get('url') or target.get('name')}{f', model {model}' if model else ''}", "strong")
    requests = _integer(document, "requests")
    yield Line(
        f"{grouped(requests, 'request')} in {_plain(suite.get('duration_s'))} s, {_schedule(document)}, "
        f"{_integer(document, 'warm_up')} more to warm up"
    )
    yield Line(
        f"measured on {machine.get('cpu') or 'an unnamed processor'}, {machine.get('cores')} cores, "
        f"{machine.get('system')}, {machine.get('python')}",
        "faint",
    )
    if busy := _busy(machine):
        yield Line(busy, "warning")
    if stopped := string_or_none(document.get("stopped")):
        yield Line(f"ended early: {stopped}", "bad")
    if document.get("is_partial") is True:
        lost = grouped(_integer(document, "lost_requests"), "request")
        yield Line(f"partial: {_who_was_lost(document)} lost, with {lost}", "bad")


def _who_was_lost(document: Mapping[str, object]) -> str:
    """By name, each once though several loads missed it: a process of the client, or a node of the cluster with all."""
    workers = [object_or_nothing(each) for each in array_or_nothing(document.get("workers"))]
    lost = [str(worker.get("name")).partition(", load ")[0] for worker in workers if worker.get("is_lost") is True]
    names = list(dict.fromkeys(lost))
    if len(names) <= 1:
        return f"{names[0] if names else 'a worker'} was"
    more = len(names) - _LOST_SHOWN
    told = [*names[:_LOST_SHOWN], f"{more} more"] if more > 0 else names
    return f"{', '.join(told[:-1])} and {told[-1]} were"


def _busy(machine: Mapping[str, object]) -> str | None:
    """Where others had work for half of the cores already."""
    averages, cores = array_or_nothing(machine.get("load_average")), _integer(machine, "cores")
    if not averages or not isinstance(averages[0], int | float) or averages[0] <= cores / 2:
        return None
    return f"the machine was busy with something else when this began: load average {_plain(averages[0])}"


def _schedule(document: Mapping[str, object]) -> str:
    schedule = object_or_nothing(document.get("schedule"))
    match schedule.get("kind"):
        case "closed":
            streams = _integer(schedule, "streams")
            return f"closed loop, {grouped(streams, 'stream')} at once"
        case "trace":
            return "open loop, arrivals of a recorded trace"
        case _:
            phases = [object_or_nothing(each) for each in array_or_nothing(schedule.get("phases"))]
            rates = [_plain(phase.get(name)) for phase in phases for name in ("from_rate", "to_rate")]
            told = " then ".join(dict.fromkeys(rates)) if len(phases) > 1 else " to ".join(dict.fromkeys(rates))
            return f"open loop, {told} a second, {schedule.get('arrivals')} arrivals"


# The table


def _table(document: Mapping[str, object]) -> Iterator[Line]:
    reasons = [str(each) for each in array_or_nothing(document.get("bottleneck_reasons"))]
    metrics = [(key, record) for key, record in _metrics(document) if _integer(record, "n")]
    if not metrics:
        yield Line("no request gave a figure", "bad")
        return
    if reasons:
        yield Line("the client was the bottleneck: figures would be its own and not the endpoint's", "bad")
        for reason in reasons:
            yield Line(f"  {reason}", "bad")
    titles = "".join(f"{name:>{_WIDTH}}" for name in _FIGURES)
    intervals = "".join(f"{f'{name} (95 %)':>{_INTERVAL_WIDTH}}" for name in _INTERVALS)
    width = max(_NAME_WIDTH, *(len(_name(key, record)) + 1 for key, record in metrics))
    yield Line(f"{'':<{width}}{'n':>6}{titles}{intervals}", "strong")
    for key, record in metrics:
        yield Line(f"{_name(key, record):<{width}}{_row(record, is_told=not reasons)}")
    yield from _legend([(f"{_name(key, record):<{width}}", record) for key, record in metrics], is_told=not reasons)


def _metrics(document: Mapping[str, object]) -> Iterator[tuple[str, Mapping[str, object]]]:
    for key, value in document.items():
        record = object_or_nothing(value)
        if "definition" in record:
            yield key, record


def _name(key: str, record: Mapping[str, object]) -> str:
    unit = string_or_none(record.get("unit")) or ""
    name = key.removesuffix("_ms").removesuffix("_per_s")
    return name if unit == "count" else f"{name} {unit}"


def _row(record: Mapping[str, object], *, is_told: bool) -> str:
    near = array_or_nothing(record.get("near_instrument_error"))
    intervals = object_or_nothing(record.get("ci"))
    cells = [_cell(record.get(each), is_near=each in near) if is_told else "?" for each in _FIGURES]
    bounds = [_interval(intervals.get(each)) if is_told else "?" for each in _INTERVALS]
    return (
        f"{_integer(record, 'n'):>6}"
        + "".join(f" {cell:>{_WIDTH - 1}}" for cell in cells)
        + "".join(f" {bound:>{_INTERVAL_WIDTH - 1}}" for bound in bounds)
    )


def _cell(value: object, *, is_near: bool = False) -> str:
    return (_plain(value) if isinstance(value, int | float) else _NOT_TOLD) + (_NEAR_MARK if is_near else "")


def _interval(value: object) -> str:
    bounds = array_or_nothing(value)
    if not bounds:
        return _NOT_TOLD
    low, high = ("?" if each is None else _plain(each) for each in bounds)
    return f"{low} to {high}"


def _plain(value: object) -> str:
    """Four figures that mean something, no exponent."""
    if not isinstance(value, int | float):
        return _NOT_TOLD
    if isinstance(value, int) or not value:
        return str(round(value))
    digits = 3 if abs(value) < 10 else 2 if abs(value) < 100 else 1  # noqa: PLR2004 - powers of ten
    return f"{value:.{digits}f}"


def _legend(metrics: Sequence[tuple[str, Mapping[str, object]]], *, is_told: bool) -> Iterator[Line]:
    records = [record for _, record in metrics]
    if is_told and any(array_or_nothing(each.get("near_instrument_error")) for each in records):
        yield Line(f"{_NEAR_MARK} less than ten times the instrument's own error: do not rely on it", "warning")
    needs: dict[str, int] = {}
    for record in records:
        for name, needed in object_or_nothing(record.get("needs")).items():
            needs[name] = integer_or_none(needed) or 0
    if needs:
        told = ", ".join(f"{name} from {needed}" for name, needed in sorted(needs.items()))
        yield Line(f"{_NOT_TOLD} too few values: {told} on", "faint")
    yield Line("")
    for name, record in metrics:
        yield Line(f"{name}{record.get('definition')}", "faint")


# What is told apart


def _groups(document: Mapping[str, object]) -> Iterator[Line]:
    groups = [object_or_nothing(each) for each in array_or_nothing(document.get("groups"))]
    if document.get("client_was_bottleneck") is True:
        return
    for by in dict.fromkeys(string_or_none(group.get("by")) or "" for group in groups):
        those = sorted((group for group in groups if group.get("by") == by), key=_natural)
        if len(those) < 2:  # noqa: PLR2004 - one is all
            continue
        yield Line("")
        for name in ("ttft_ms", "ttfs_ms"):
            told = [(group, object_or_none(object_or_nothing(group.get("metrics")).get(name))) for group in those]
            rows = [(group, record) for group, record in told if record is not None]
            if rows:
                yield Line(f"{_name(name, {'unit': 'ms'})} by {_BY.get(by, by)}", "strong")
            for group, record in rows[:_GROUPS_SHOWN]:
                figures = "".join(f"{_cell(record.get(each)):>{_WIDTH}}" for each in _FIGURES)
                yield Line(f"  {group.get('value')!s:<{_NAME_WIDTH - 2}}{_integer(record, 'n'):>7}{figures}")


_BY: Final = {"connection": "connection", "messages": "messages in the history", "load": "load"}


def _natural(group: Mapping[str, object]) -> list[tuple[int, int, str]]:
    """9 before 10."""
    parts = _NUMBER.split(str(group.get("value")))
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts if part]


def _turn(document: Mapping[str, object]) -> Iterator[Line]:
    turn = object_or_nothing(document.get("turn"))
    stages = [object_or_nothing(each) for each in array_or_nothing(turn.get("stages"))]
    if document.get("client_was_bottleneck") is True or not any(_has_share(stage) for stage in stages):
        return
    within = turn.get("within_budget_share")
    told = f", {within:.1%} of the turns within it" if isinstance(within, int | float) else ""
    yield Line("")
    yield Line(f"turn, from the caller's last word to the first sound: budget {_plain(turn.get('budget_ms'))} ms{told}")
    for stage in stages:
        share = stage.get("share_of_turn")
        part = f"{share:>7.1%}" if isinstance(share, int | float) else f"{_NOT_TOLD:>7}"
        yield Line(
            f"  {stage.get('name')!s:<{_NAME_WIDTH - 2}}{_plain(stage.get('ms')):>9} ms{part}  {stage['source']}"
        )


def _has_share(stage: Mapping[str, object]) -> bool:
    return stage.get("is_measured") is True and stage.get("share_of_turn") is not None


# What went wrong


def _errors(document: Mapping[str, object]) -> Iterator[Line]:
    errors = object_or_nothing(document.get("errors"))
    count, requests = _integer(errors, "count"), _integer(document, "requests")
    if not count:
        yield Line(f"errors: none in {grouped(requests, 'request')}", "good" if requests else "plain")
        return
    share = errors.get("share")
    told = f" ({share:.1%})" if isinstance(share, int | float) else ""
    kinds = ", ".join(f"{number} {kind}" for kind, number in object_or_nothing(errors.get("by_kind")).items())
    yield Line(f"errors: {count} of {grouped(requests, 'request')}{told}: {kinds}", "bad")


def _violations(document: Mapping[str, object], levels: Mapping[str, str]) -> Iterator[Line]:
    judged, answers = integer_or_none(document.get("judged")), _integer(document, "requests")
    if judged is None:
        yield Line("rules: not judged", "faint")
        return
    broken = object_or_nothing(document.get("violations"))
    basis = f"on each of {grouped(judged, 'answer')}" if judged >= answers else f"on a sample of {judged} of {answers}"
    if calls := _integer(document, "judged_calls"):
        basis += f" and on {grouped(calls, 'whole call')}"
    if not judged:
        yield Line("rules: not judged, because no answer came", "faint")
    elif not broken:
        yield Line(f"rules: none was broken, judged {basis}", "good")
    else:
        yield Line(f"rules broken under load, judged {basis}:", "warning")
    order = {"MUST": 0, "SHOULD": 1, "MAY": 2}
    for rule, number in sorted(broken.items(), key=lambda each: (order.get(levels.get(each[0], ""), 3), each[0])):
        level = levels.get(rule, "")
        yield Line(f"  {number!s:>6}  {level:<7}{rule}", "bad" if level == "MUST" else "plain")
    heard = object_or_nothing(document.get("heard"))
    if heard:
        is_well = heard.keys() <= {"heard", "tool-call"}
        told = ", ".join(f"{number} {what}" for what, number in heard.items())
        yield Line(f"what the platform makes of them: {told}", "plain" if is_well else "warning")


# The instrument


def _instrument(document: Mapping[str, object]) -> Iterator[Line]:
    yield from calibration_lines(object_or_nothing(document.get("calibration")))
    for worker in (object_or_nothing(each) for each in array_or_nothing(document.get("workers"))):
        steal = worker.get("steal_share")
        stolen = f", {steal:.1%} of the machine taken by others" if isinstance(steal, int | float) and steal else ""
        cpu = worker.get("cpu_share")
        busy = f"{cpu:.0%} busy" if isinstance(cpu, int | float) else "lost"
        lag = worker.get("loop_lag_p99_ms")
        late = f", timers up to {_plain(lag)} ms late at p99" if isinstance(lag, int | float) else ""
        yield Line(
            f"client {worker.get('name')}: {busy}{late}{stolen}, reads stamped by the {worker.get('clock')}", "faint"
        )


def calibration_lines(level: Mapping[str, object]) -> Iterator[Line]:
    """The instrument's own error beside results; nothing where it was not measured."""
    if not level:
        return
    errors = [object_or_nothing(level.get(name)) for name in ("ttft_error_ms", "gap_error_ms")]
    first, gap = (f"{_cell(each.get('p50'))} at p50, {_worst(each)}" for each in errors)
    when = f", measured {level.get('measured_at')}" if level.get("is_from_cache") is True else ", measured just before"
    yield Line(
        f"the instrument's own error at {grouped(_integer(level, 'streams'), 'stream')}{when}, not subtracted:", "faint"
    )
    yield Line(f"  first token {first} ms; between chunks {gap} ms", "faint")
    for reason in array_or_nothing(level.get("bottleneck_reasons")):
        yield Line(f"  it was kept from its work: {reason}", "warning")


def _worst(errors: Mapping[str, object]) -> str:
    if errors.get("p99") is not None:
        return f"{_cell(errors.get('p99'))} at p99"
    return f"{_cell(errors.get('max'))} at most (of {_integer(errors, 'n')})"


def level_lines(levels: Sequence[Mapping[str, object]]) -> Iterator[Line]:
    """The table of `calibrate`. levels: after `harness/calibration`."""
    yield Line(f"{'':>9}{'chunks/s':>10}  {'first token, ms':^27}  {'between chunks, ms':^27}{'CPU':>12}", "strong")
    titles = "".join(f"{name:>9}" for name in ("p50", "p99", "max"))
    yield Line(f"{'streams':>9}{'in all':>10}  {titles}  {titles}{'us/chunk':>12}", "strong")
    for level in levels:
        cells = [
            "".join(f"{_cell(object_or_nothing(level.get(name)).get(each)):>9}" for each in ("p50", "p99", "max"))
            for name in ("ttft_error_ms", "gap_error_ms")
        ]
        cpu = _cell(level.get("cpu_us_per_chunk"))
        yield Line(
            f"{_integer(level, 'streams'):>9}{_plain(level.get('chunks_per_s')):>10}  {cells[0]}  {cells[1]}{cpu:>12}"
        )
        if _integer(level, "answered") < _integer(level, "asked"):
            yield Line(f"  {level.get('answered')} of {level.get('asked')} answers were whole", "bad")
        for reason in array_or_nothing(level.get("bottleneck_reasons")):
            yield Line(f"  the client was the bottleneck: {reason}", "bad")


# What was asked for


def _knee(document: Mapping[str, object]) -> Iterator[Line]:
    knee = object_or_nothing(document.get("knee"))
    if not knee:
        return
    yield Line("")
    for step in (object_or_nothing(each) for each in array_or_nothing(knee.get("steps"))):
        yield Line(f"  at {step.get('load')}: {step.get('outcome')}, {step.get('said')}")
    yield Line(f"knee of {knee.get('condition')!s}: {knee.get('sentence')}", "strong")


def _gates(document: Mapping[str, object]) -> Iterator[Line]:
    for gate in (object_or_nothing(each) for each in array_or_nothing(document.get("gates"))):
        is_passed = gate.get("outcome") == "passed"
        yield Line(f"--fail-if {gate.get('sentence')}", "good" if is_passed else "bad")


def _integer(record: Mapping[str, object], name: str) -> int:
    return integer_or_none(record.get(name)) or 0
