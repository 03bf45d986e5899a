"""Report documents to one HTML page that needs nothing else and stays small enough to open at once."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from vapi_conformance import __version__
from vapi_conformance.report.html import environment, policy
from vapi_conformance.report.page.exchanges import Exchange
from vapi_conformance.report.page.matrix import matrix_of
from vapi_conformance.report.page.rules import LEVELS, STATES, Rule
from vapi_conformance.report.page.run_view import View, view_of

if TYPE_CHECKING:
    from jinja2 import Environment

__all__ = ["render_page"]

_ROOM_CHARACTERS: Final = 3_000_000
"""Of the rules and the exchanges of all runs together. The rest of a page is small."""
_MOST_RUNS: Final = 60


def render_page(documents: Sequence[Mapping[str, object]]) -> str:
    """The whole page, for one or several documents after `harness/report`.

    What a document does not have is not shown: reports of older suites, and of `check`, have no exchanges.
    """
    documents = documents[:_MOST_RUNS]
    is_alone = len(documents) == 1
    views = [view_of(each, prefix="" if is_alone else f"run-{at}:") for at, each in enumerate(documents, 1)]
    matrix = None if is_alone else matrix_of(views)
    templates = environment()
    style = templates.get_template("report.css").render(
        states=[*STATES], levels=[each.lower() for each in LEVELS], compared=0 if matrix is None else matrix.compared
    )
    script = templates.get_template("report.js").render()
    return templates.get_template("report.html").render(
        policy=policy(style=style, script=script),
        css=style,
        script=script,
        version=__version__,
        states=STATES,
        levels=LEVELS,
        matrix=matrix,
        runs=[(view, _at_length(view, templates, _ROOM_CHARACTERS / max(1, len(views)))) for view in views],
    )


def _at_length(view: View, templates: "Environment", room: float) -> Mapping[str, str]:
    """The rules and the exchanges of a run as HTML, by anchor: everything in short, and at length what there is room
    for, beginning with what is broken. A sound exchange for which there is no room at all is left out.
    """
    told: dict[str, str] = {}
    left = room

    def put(anchor: str, html: str) -> bool:
        nonlocal left
        wanted = len(html) - len(told.get(anchor, ""))
        if wanted <= left:
            told[anchor] = html
            left -= wanted
        return anchor in told

    items = _by_gravity(view, templates)
    for must, anchor, render in items:
        if not put(anchor, html := render(0)) and must:
            told[anchor] = html
            left -= len(html)
    for at_length in (1, 2):
        for _, anchor, render in items:
            if anchor in told:
                put(anchor, render(at_length))
    return told


def _by_gravity(view: View, templates: "Environment") -> Sequence[tuple[bool, str, Callable[[int], str]]]:
    """Whether it must be there, its anchor, and how it is written more or less at length."""
    linked = {each.anchor for each in view.exchanges if each.is_linked} | {each.exchange.anchor for each in view.told}
    anchors = {rule.id: rule.anchor for layer in view.layers for rule in layer.rules}
    for_rule, for_exchange = templates.get_template("report_rule.html"), templates.get_template("report_exchange.html")

    def rule(each: Rule) -> tuple[bool, str, Callable[[int], str]]:
        return True, each.anchor, lambda length: for_rule.render(rule=each, anchors=anchors, length=length)

    def exchange(each: Exchange) -> tuple[bool, str, Callable[[int], str]]:
        return (
            each.anchor in linked,
            each.anchor,
            lambda length: for_exchange.render(exchange=each, anchors=anchors, length=length),
        )

    return [
        *(rule(each) for layer in view.layers for each in layer.open),
        *(exchange(each) for each in sorted((each for each in view.exchanges if each.broken), key=_gravity)),
        *(rule(each) for layer in view.layers for each in layer.closed),
        *(exchange(each) for each in view.exchanges if not each.broken),
    ]


def _gravity(exchange: Exchange) -> tuple[bool, bool, bool]:
    """First where a caller is let down, then what the report itself tells at length."""
    heard = exchange.first_consumer
    is_lost = exchange.is_ordinary and heard is not None and heard.tone == "bad"
    return not is_lost, not exchange.is_linked, not exchange.curl
