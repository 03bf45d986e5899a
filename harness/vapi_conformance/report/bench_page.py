"""A bench as one HTML page that needs nothing else: no script, no network, no font, and a policy that forbids them.

Everything that came from an endpoint or a file passes the template's escaping, and what could turn the direction of
text or is not visible is written out first. Whoever cannot see the plots has a table beside each.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from vapi_conformance import __version__
from vapi_conformance.latency.result import PERCENTILES, StoredResult, from_document
from vapi_conformance.narrow import array_or_nothing, integer_or_none, object_or_nothing, string_or_none
from vapi_conformance.report.bench_figures import Table, figures
from vapi_conformance.report.bench_plots import drawn
from vapi_conformance.report.html import environment, policy

__all__ = ["page"]

_FIGURES: Final = ("mean", *(name for name, _ in PERCENTILES), "max")
_NOT_TOLD: Final = "–"
_NOT_OURS: Final = "?"
"""A figure that would be the client's own."""


def page(document: Mapping[str, object]) -> str:
    """The whole page, for a document after `harness/bench`. Raises UsageError for what is none."""
    result = from_document(document)
    templates = environment()
    css = templates.get_template("bench.css").render()
    fields = result.document
    is_told = fields["client_was_bottleneck"] is not True
    return templates.get_template("bench.html").render(
        policy=policy(style=css),
        css=css,
        version=__version__,
        target=object_or_nothing(fields["target"]),
        warnings=tuple(_warnings(fields)),
        provenance=tuple(_provenance(fields)),
        gates=[object_or_nothing(each) for each in array_or_nothing(fields["gates"])],
        knee=_knee(fields),
        knee_says=_knee_says(fields),
        figures=[(each, drawn(each.plot)) for each in figures(result)] if is_told else [],
        metrics=_metrics(result, is_told=is_told),
        turn=_turn(fields) if is_told else Table(head=(), rows=()),
        turn_says=_turn_says(fields),
        counted=_counted(fields),
    )


def _warnings(document: Mapping[str, object]) -> Iterator[str]:
    """What a reader has to know before any figure."""
    if document["client_was_bottleneck"] is True:
        reasons = "; ".join(str(each) for each in array_or_nothing(document["bottleneck_reasons"]))
        yield f"The client was the bottleneck: {reasons}. Figures would be its own: none is shown."
    if document["is_partial"] is True:
        yield f"Partial: a worker was lost, and {document['lost_requests']} requests with it."
    if stopped := string_or_none(document.get("stopped")):
        yield f"Ended early: {stopped}."


def _provenance(document: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    suite, target = object_or_nothing(document["suite"]), object_or_nothing(document["target"])
    machine, errors = object_or_nothing(document["machine"]), object_or_nothing(document["errors"])
    schedule = object_or_nothing(document["schedule"])
    yield "Endpoint", f"{target['url'] or target['name']}"
    if target["model"] is not None:
        yield "Model", f"{target['model']}"
    yield "As", f"{target['platform']}, {target['dialect']}"
    yield "Measured", f"{suite['started_at']}, for {suite['duration_s']} s"
    share = errors["share"]
    told = f", {share:.1%}" if isinstance(share, int | float) else ""
    yield "Requests", f"{document['requests']}, {errors['count']} of them went wrong{told}"
    yield "Warm-up", f"{document['warm_up']} requests, which are in no figure"
    yield "Load", {"closed": "closed loop", "open": "open loop", "trace": "recorded arrivals"}[f"{schedule['kind']}"]
    cpu = machine["cpu"] or "unnamed processor"
    yield "Machine", f"{cpu}, {machine['cores']} cores, {machine['system']}, {machine['python']}"
    yield "Clock", f"{machine['clock']}, resolution {machine['clock_resolution_ns']:g} ns"
    yield "Instrument's own error", _calibration(document["calibration"])


def _calibration(value: object) -> str:
    calibration = object_or_nothing(value)
    error = object_or_nothing(calibration.get("ttft_error_ms"))
    if not error:
        return "not measured"
    return (
        f"of a first token p50 {_figure(error.get('p50'))} ms, p99 {_figure(error.get('p99'))} ms "
        f"(n = {_figure(error.get('n'))}, {_figure(calibration.get('streams'))} streams); nothing of it is subtracted"
    )


def _figure(value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return _NOT_TOLD
    return f"{value:,}" if isinstance(value, int) else f"{value:,.2f}"


def _knee(document: Mapping[str, object]) -> Table:
    """Each load that the search tried; without rows where none was looked for."""
    steps = map(object_or_nothing, array_or_nothing(object_or_nothing(document.get("knee")).get("steps")))
    rows = (tuple(f"{each.get(name)}" for name in ("load", "outcome", "said")) for each in steps)
    return Table(head=("load", "outcome", "what was seen"), rows=tuple(rows))


def _knee_says(document: Mapping[str, object]) -> str:
    knee = object_or_nothing(document.get("knee"))
    return f"{knee.get('condition')}: {knee.get('sentence')}" if knee else ""


def _metrics(result: StoredResult, *, is_told: bool) -> Table:
    rows: list[tuple[str, ...]] = []
    for metric in result.metrics:
        stored = object_or_nothing(result.document[metric.key])
        bounds, near = object_or_nothing(stored["ci"]), array_or_nothing(stored["near_instrument_error"])
        cells = (
            f"{_figure(stored[name])}{_bounds(bounds.get(name))}{' ~' * (name in near)}" if is_told else _NOT_OURS
            for name in _FIGURES
        )
        rows.append((metric.name, f"{stored['unit']}", _figure(stored["n"]), *cells, f"{stored['definition']}"))
    return Table(head=("metric", "unit", "n", *_FIGURES, "what it is"), rows=tuple(rows))


def _bounds(value: object) -> str:
    bounds = array_or_nothing(value)
    if all(each is None for each in bounds):
        return ""
    return f" ({' to '.join(map(_figure, bounds))})"


def _turn(document: Mapping[str, object]) -> Table:
    stages = map(object_or_nothing, array_or_nothing(object_or_nothing(document["turn"])["stages"]))
    rows = tuple(
        (f"{each['name']}", _figure(each["ms"]), _share(each["share_of_turn"]), f"{each['source']}") for each in stages
    )
    return Table(head=("stage", "ms", "of the turn", "how it is known"), rows=rows)


def _turn_says(document: Mapping[str, object]) -> str:
    turn = object_or_nothing(document["turn"])
    return (
        "From the caller's last word to the first sound of the answer, at the median turn. "
        f"Within {_figure(turn['budget_ms'])} ms: {_share(turn['within_budget_share'])} of all turns."
    )


def _share(value: object) -> str:
    return f"{value:.1%}" if isinstance(value, int | float) and not isinstance(value, bool) else _NOT_TOLD


def _counted(document: Mapping[str, object]) -> Table:
    """Errors by kind, and broken rules; the most frequent first."""
    errors = object_or_nothing(object_or_nothing(document["errors"])["by_kind"])
    rows = [*_frequent("error", errors), *_frequent("rule", object_or_nothing(document["violations"]))]
    return Table(head=("what", "kind", "requests"), rows=tuple(rows))


def _frequent(kind: str, counts: Mapping[str, object]) -> Sequence[tuple[str, str, str]]:
    found = sorted(((integer_or_none(count) or 0, name) for name, count in counts.items()), reverse=True)
    return [(name, kind, f"{count:,}") for count, name in found]
