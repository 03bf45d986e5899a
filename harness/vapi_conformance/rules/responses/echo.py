"""What a response repeats of its request: a client reads there what it got, and a difference is a wish not honoured."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from vapi_conformance.dialects.asked import Asked
from vapi_conformance.evidence import Evidence
from vapi_conformance.narrow import array_or_nothing, object_or_none, object_or_nothing, string_or_none
from vapi_conformance.rules.quoting import describe, quote
from vapi_conformance.rules.responses.view import RESPONSES, Sent, final_response
from vapi_conformance.rules.rule import SHOULD, Need, Violation, rule

__all__ = [
    "format_is_echoed",
    "instructions_are_echoed",
    "limit_is_echoed",
    "metadata_is_echoed",
    "model_is_the_one_asked",
    "sampling_is_echoed",
    "store_is_echoed",
    "tool_choice_is_echoed",
    "tools_are_echoed",
]

_RESPONSE: Final = "openai-openapi 2.3.0, Response"


def _both(evidence: Evidence) -> tuple[Sent, Asked] | None:
    """The final response with the request that it answers."""
    sent, request = final_response(evidence), evidence.request
    return None if sent is None or request is None else (sent, request)


def _asks(evidence: Evidence, *keys: str) -> bool:
    """Whether one of these keys is in the request, and in the response: that it is there is another rule's."""
    both = _both(evidence)
    return both is not None and any(both[1].body.get(key) is not None and key in both[0].fields for key in keys)


def _differing(evidence: Evidence, *keys: str) -> Iterator[Violation]:
    if (both := _both(evidence)) is None:
        return
    sent, request = both
    for key in keys:
        wanted = request.body.get(key)
        if wanted is not None and key in sent.fields and sent.fields[key] != wanted:
            expected, actual = f"{key} {describe(wanted)}, as asked", describe(sent.fields[key])
            yield Violation.at(sent.chunk, expected=expected, actual=actual)
            return


@rule(
    "responses.model-is-the-one-asked",
    dialects=RESPONSES,
    standard=SHOULD,
    source=f"{_RESPONSE}.model; observed: the name asked for, or a dated version of it",
    catalogue=["RESP-13"],
    remedy="Name the model that was asked for, or its dated version.",
    needs=[Need.REQUEST],
    applies=lambda evidence: _asks(evidence, "model"),
)
def model_is_the_one_asked(evidence: Evidence) -> Iterator[Violation]:
    """The model that answers is the one asked for, or a version of it."""
    both = _both(evidence)
    if both is None:
        return
    answered, asked = string_or_none(both[0].fields.get("model")), both[1].model
    if answered and asked and asked.removesuffix("-latest") not in answered and answered not in asked:
        yield Violation.at(both[0].chunk, expected=f"model {quote(asked)}", actual=quote(answered))


@rule(
    "responses.sampling-is-echoed",
    dialects=RESPONSES,
    standard=SHOULD,
    source=f"{_RESPONSE}.temperature, .top_p",
    catalogue=["RESP-13"],
    remedy="Send back the temperature and top_p with which the answer was made.",
    needs=[Need.REQUEST],
    applies=lambda evidence: _asks(evidence, "temperature", "top_p"),
)
def sampling_is_echoed(evidence: Evidence) -> Iterator[Violation]:
    """`temperature` and `top_p` of the response are those of the request."""
    return _differing(evidence, "temperature", "top_p")


@rule(
    "responses.instructions-are-echoed",
    dialects=RESPONSES,
    standard=SHOULD,
    source=f"{_RESPONSE}.instructions",
    catalogue=["RESP-13"],
    remedy="Send the instructions back as they came.",
    needs=[Need.REQUEST],
    applies=lambda evidence: _asks(evidence, "instructions"),
)
def instructions_are_echoed(evidence: Evidence) -> Iterator[Violation]:
    """`instructions` of the response are those of the request."""
    return _differing(evidence, "instructions")


def _kinds(tools: object) -> Sequence[tuple[str, str]]:
    """Kind and name of each, in an order of ours: the first party sorts them anew."""
    records = [object_or_nothing(each) for each in array_or_nothing(tools)]
    return sorted((string_or_none(each.get("type")) or "", string_or_none(each.get("name")) or "") for each in records)


@rule(
    "responses.tools-are-echoed",
    dialects=RESPONSES,
    standard=SHOULD,
    source=f"{_RESPONSE}.tools",
    catalogue=["RESP-13"],
    remedy="Send back the tools that were offered; one that is missing was not seen.",
    needs=[Need.REQUEST],
    applies=lambda evidence: _asks(evidence, "tools"),
)
def tools_are_echoed(evidence: Evidence) -> Iterator[Violation]:
    """`tools` of the response are those of the request, by kind and name."""
    both = _both(evidence)
    if both is None:
        return
    wanted, got = _kinds(both[1].body.get("tools")), _kinds(both[0].fields.get("tools"))
    if wanted != got:
        lacking = [name or kind for kind, name in wanted if (kind, name) not in got]
        actual = f"without {', '.join(map(quote, lacking[:3]))}" if lacking else f"{len(got)} tools"
        yield Violation.at(both[0].chunk, expected=f"the {len(wanted)} tools of the request", actual=actual)


@rule(
    "responses.tool-choice-is-echoed",
    dialects=RESPONSES,
    standard=SHOULD,
    source=f"{_RESPONSE}.tool_choice, .parallel_tool_calls",
    catalogue=["RESP-13"],
    remedy="Send back tool_choice and parallel_tool_calls with which the answer was made.",
    needs=[Need.REQUEST],
    applies=lambda evidence: _asks(evidence, "tool_choice", "parallel_tool_calls"),
)
def tool_choice_is_echoed(evidence: Evidence) -> Iterator[Violation]:
    """`tool_choice` and `parallel_tool_calls` of the response are those of the request."""
    return _differing(evidence, "tool_choice", "parallel_tool_calls")


@rule(
    "responses.limit-is-echoed",
    dialects=RESPONSES,
    standard=SHOULD,
    source=f"{_RESPONSE}.max_output_tokens",
    catalogue=["RESP-13"],
    remedy="Send max_output_tokens back as it came; null says that there was no bound.",
    needs=[Need.REQUEST],
    applies=lambda evidence: _asks(evidence, "max_output_tokens"),
)
def limit_is_echoed(evidence: Evidence) -> Iterator[Violation]:
    """`max_output_tokens` of the response is that of the request."""
    return _differing(evidence, "max_output_tokens")


@rule(
    "responses.store-is-echoed",
    dialects=RESPONSES,
    standard=SHOULD,
    source="openai-openapi 2.3.0, CreateResponse.store; observed: the response says whether it is kept",
    catalogue=["RESP-14"],
    remedy="Honour store false, which Rapida sends by default, and say so.",
    needs=[Need.REQUEST],
    applies=lambda evidence: _asks(evidence, "store"),
)
def store_is_echoed(evidence: Evidence) -> Iterator[Violation]:
    """A response that was not to be stored says that it is not."""
    return _differing(evidence, "store")


@rule(
    "responses.metadata-is-echoed",
    dialects=RESPONSES,
    standard=SHOULD,
    source=f"{_RESPONSE}.metadata",
    catalogue=["RESP-13"],
    remedy="Send the metadata back as it came.",
    needs=[Need.REQUEST],
    applies=lambda evidence: _asks(evidence, "metadata"),
)
def metadata_is_echoed(evidence: Evidence) -> Iterator[Violation]:
    """`metadata` of the response holds what the request attached."""
    both = _both(evidence)
    if both is None:
        return
    wanted, got = (object_or_none(each.get("metadata")) for each in (both[1].body, both[0].fields))
    lost = [key for key, value in (wanted or {}).items() if got is not None and got.get(key) != value]
    if lost:
        yield Violation.at(both[0].chunk, expected="the metadata of the request", actual=f"not so {quote(lost[0])}")


def _wanted_format(body: Mapping[str, object]) -> object:
    return object_or_nothing(object_or_nothing(body.get("text")).get("format")).get("type")


@rule(
    "responses.format-is-echoed",
    dialects=RESPONSES,
    standard=SHOULD,
    source=f"{_RESPONSE}.text.format",
    catalogue=["RESP-13"],
    remedy="Send back the format with which the answer was made; one that was passed over is to be refused.",
    needs=[Need.REQUEST],
    applies=lambda evidence: (
        (both := _both(evidence)) is not None
        and _wanted_format(both[1].body) is not None
        and _wanted_format(both[0].fields) is not None
    ),
)
def format_is_echoed(evidence: Evidence) -> Iterator[Violation]:
    """The kind of `text.format` of the response is that of the request."""
    both = _both(evidence)
    if both is not None and (wanted := _wanted_format(both[1].body)) != (got := _wanted_format(both[0].fields)):
        yield Violation.at(both[0].chunk, expected=f"format {describe(wanted)}", actual=describe(got))
