"""A trend as one HTML page that needs nothing else, as a bench's does: plots, and beside each its table."""

from collections.abc import Mapping

from vapi_conformance import __version__
from vapi_conformance.narrow import array_or_nothing, object_or_nothing
from vapi_conformance.report.bench_plots import drawn
from vapi_conformance.report.html import environment, policy
from vapi_conformance.report.trend_figures import trend_figures
from vapi_conformance.report.trend_text import series_title

__all__ = ["trend_page"]


def trend_page(document: Mapping[str, object]) -> str:
    """The whole page, for a document after `harness/history-trend`."""
    templates = environment()
    css = templates.get_template("bench.css").render()
    sections = [
        {
            "id": f"series-{number}",
            "title": series_title(series).replace("  ", ": ", 1),
            "runs": len(array_or_nothing(series.get("runs"))),
            "figures": [
                (each, drawn(each.plot))
                for each in trend_figures(
                    [object_or_nothing(run) for run in array_or_nothing(series.get("runs"))],
                    [str(name) for name in array_or_nothing(series.get("figures"))],
                    identity=f"series-{number}",
                )
            ],
        }
        for number, series in enumerate(map(object_or_nothing, array_or_nothing(document.get("series"))), 1)
    ]
    return templates.get_template("trend.html").render(
        policy=policy(style=css), css=css, version=__version__, sections=sections
    )
