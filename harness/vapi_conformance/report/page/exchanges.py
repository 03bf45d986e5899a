"""The exchanges of a run as a page tells them: each one by itself, and those of one call together."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from vapi_conformance.narrow import array_or_nothing, object_or_nothing
from vapi_conformance.report.counting import grouped
from vapi_conformance.report.page.speech_line import SpeechLine, Tone, speech_line, tone_of
from vapi_conformance.report.page.values import (
    count,
    duration,
    number,
    objects,
    shortened,
    size,
    string,
    strings,
)
from vapi_conformance.report.page.waterfall import Waterfall, waterfall

__all__ = ["Consumer", "Event", "Excerpt", "Exchange", "Group", "exchanges_of", "groups_of"]

_MOST_SCENARIO_CHARACTERS: Final = 200
_GLIMPSE_CHARACTERS: Final = 90
_SUCCESS: Final = range(200, 300)


@dataclass(frozen=True, slots=True, kw_only=True)
class Excerpt:
    """The beginning of some bytes."""

    text: str
    says: str
    """How much there is, and how much of it is not shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One event of a stream, or one read of another body."""

    at: str
    name: str
    length: str
    brings: str
    """Words that it adds to the answer."""
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Consumer:
    """What one client makes of the bytes."""

    library: str
    what: str
    tone: Tone
    sentence: str
    known: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """One request, and what came of it."""

    anchor: str
    name: str
    title: str
    """Within its group."""
    group: str
    asked: str
    """What the caller said last; empty where that is not known."""
    why: str
    """Why it was sent, in a call."""
    status: str
    tone: Tone
    """Of the status and of how it ended."""
    end: str
    error: str
    line: str
    """Method and URL."""
    speech: SpeechLine | None
    waterfall: Waterfall | None
    events: tuple[Event, ...]
    events_left_out: int
    consumers: tuple[Consumer, ...]
    curl: str
    request_headers: tuple[tuple[str, str], ...]
    request_body: Excerpt | None
    response_headers: tuple[tuple[str, str], ...]
    body: Excerpt | None
    broken: tuple[str, ...]
    """Rules that it breaks."""
    is_linked: bool
    """A violation that the report lists names it."""
    call_id: str
    """Of the call that it is part of."""
    is_replaced: bool
    """Nobody hears it: the caller's words changed while it was under way."""
    is_ordinary: bool
    """It wants an answer, as requests in calls do; others probe what is refused."""

    @property
    def glimpse(self) -> str:
        """The first words that are heard."""
        if self.speech is None:
            return ""
        words = next((each.text for each in self.speech.segments if each.kind == "words"), "")
        return shortened(words, _GLIMPSE_CHARACTERS)

    @property
    def first_consumer(self) -> Consumer | None:
        """Whoever called."""
        return self.consumers[0] if self.consumers else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Exchanges that belong together."""

    name: str
    is_call: bool
    exchanges: tuple[Exchange, ...]
    broken: int
    """How many of them break a rule."""

    @property
    def dialogue(self) -> tuple[Exchange, ...]:
        """A call from beginning to end as it is heard; nothing where several go on at a time."""
        if not self.is_call or len({each.call_id for each in self.exchanges}) != 1:
            return ()
        return tuple(each for each in self.exchanges if each.speech is not None and not each.is_replaced)

    @property
    def says(self) -> str:
        """How many, and how many of them break something."""
        many = grouped(len(self.exchanges), "exchange")
        return f"{many}, {self.broken} with broken rules" if self.broken else many


def exchanges_of(
    played: Sequence[Mapping[str, object]], broken: Mapping[str, Sequence[str]], prefix: str, *, is_speech: bool = True
) -> tuple[Exchange, ...]:
    """broken: rules by the name of the exchange that their violations name. prefix: what anchors begin with.

    is_speech: whether anybody would hear the answers.
    """
    return tuple(
        _exchange(each, broken, f"{prefix}exchange-{at}", is_speech=is_speech) for at, each in enumerate(played, 1)
    )


def groups_of(exchanges: Sequence[Exchange]) -> tuple[Group, ...]:
    """In the order of play: by scenario; the exchanges of a call are one group."""
    found: dict[str, list[Exchange]] = {}
    for each in exchanges:
        found.setdefault(each.group, []).append(each)
    return tuple(
        Group(
            name=name,
            is_call=name.startswith("calls/"),
            exchanges=tuple(members),
            broken=sum(1 for each in members if each.broken),
        )
        for name, members in found.items()
    )


def _exchange(
    played: Mapping[str, object], broken: Mapping[str, Sequence[str]], anchor: str, *, is_speech: bool
) -> Exchange:
    name = string(played.get("id"), "an exchange")
    group, title = _titles(played, name)
    status = number(played.get("status"))
    end = string(played.get("end"))
    request, call = object_or_nothing(played.get("request")), object_or_nothing(played.get("call"))
    is_refusal = played.get("expects") == "refusal"
    is_bad = end not in ("clean", "closed by us", "") or status is None
    is_refused = status is not None and int(status) not in _SUCCESS
    return Exchange(
        anchor=anchor,
        name=name,
        title=title,
        group=group,
        asked=string(played.get("asked")),
        why=_WHY.get(string(call.get("why")), ""),
        status="no response" if status is None else f"{int(status)}",
        tone="bad" if is_bad else "warn" if is_refused and not is_refusal else "plain",
        end=_ENDS.get(end, end),
        error=string(played.get("error")),
        line=f"{string(played.get('method'))} {string(played.get('url'))}".strip(),
        speech=speech_line(played) if is_speech and not is_refusal else None,
        waterfall=waterfall(played),
        events=tuple(_events(played)),
        events_left_out=count(played.get("events_left_out")),
        consumers=tuple(_consumers(played)),
        curl=string(played.get("curl")),
        request_headers=tuple(_headers(request.get("headers"))),
        request_body=_excerpt(request.get("body")),
        response_headers=tuple(_headers(played.get("response_headers"))),
        body=_excerpt(played.get("body")),
        broken=tuple(strings(played.get("breaks"))) or tuple(broken.get(name, ())),
        is_linked=name in broken,
        call_id=string(call.get("id")),
        is_replaced=call.get("closed") == "superseded",
        is_ordinary=played.get("expects") in ("answer", None),
    )


_WHY: Final = {
    "greeting": "Vapi asks for a greeting",
    "heard": "the caller has spoken",
    "heard-again": "the caller’s words have changed",
    "tool-results": "tools have answered",
    "hand-off": "another assistant takes over",
}
_ENDS: Final = {
    "clean": "complete",
    "truncated": "cut off in the middle",
    "reset": "connection reset",
    "timed out": "nothing more came",
    "closed by us": "we hung up",
    "no response": "no response",
}


def _titles(played: Mapping[str, object], name: str) -> tuple[str, str]:
    """The group, and the name within it."""
    scenario = string(played.get("scenario"))[:_MOST_SCENARIO_CHARACTERS]
    if not scenario:
        return "recordings", name
    step, attempt = string(played.get("step")), count(played.get("attempt"))
    again = f", attempt {attempt}" if attempt > 1 else ""
    return scenario, f"{step}{again}" if step else name


def _events(played: Mapping[str, object]) -> Iterator[Event]:
    for each in objects(played.get("events")):
        at = number(each.get("at_ms"))
        yield Event(
            at="–" if at is None else duration(at),
            name=string(each.get("name")),
            length=f"{count(each.get('bytes')):,}",
            brings=string(each.get("brings")),
            text=string(each.get("text")),
        )


def _consumers(played: Mapping[str, object]) -> Iterator[Consumer]:
    for each in objects(played.get("consumers")):
        what = string(each.get("what"))
        yield Consumer(
            library=string(each.get("library"), string(each.get("name"))),
            what=what.replace("-", " "),
            tone=tone_of(what),
            sentence=string(each.get("sentence")),
            known=string(each.get("known")),
            text=string(each.get("text")),
        )


def _headers(value: object) -> Iterator[tuple[str, str]]:
    for pair in array_or_nothing(value):
        name, text, *_ = (*array_or_nothing(pair), "", "")
        yield string(name), string(text)


def _excerpt(value: object) -> Excerpt | None:
    fields = object_or_nothing(value)
    if not fields:
        return None
    length, left_out = count(fields.get("bytes")), count(fields.get("left_out"))
    says = size(length) + (f", the first {size(length - left_out)} shown" if left_out else "")
    return Excerpt(text=string(fields.get("text")), says=says)
