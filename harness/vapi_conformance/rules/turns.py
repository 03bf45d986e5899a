"""Turns: several requests of one call, or of calls at the same time, judged together.

Vapi asks again whenever the caller's words grow or change, edits earlier messages, and sends histories that no chat
window would. What an answer has to hold is read from the request it answers.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence

from vapi_conformance.dialects.names import Dialect
from vapi_conformance.evidence import Evidence
from vapi_conformance.narrow import object_or_nothing, string_or_none
from vapi_conformance.rules.heeding import heeds, is_answered
from vapi_conformance.rules.prompt_words import code_word, folded, house_word, says, told_to_say
from vapi_conformance.rules.quoting import quote
from vapi_conformance.rules.rule import MAY, MUST, SHOULD, Need, Violation, scenario_rule
from vapi_conformance.rules.steps import by_step

__all__ = [
    "concurrent_calls_do_not_mix",
    "concurrent_streams_have_own_ids",
    "edited_history_is_read",
    "grown_turnis_answered_afresh",
    "history_is_read",
    "repeated_turnis_answered_in_full",
    "replaced_turnis_answered_afresh",
    "stream_and_json_agree",
    "system_prompt_is_read",
]

Group = Sequence[Evidence]


def _text(evidence: Evidence) -> str:
    return evidence.transcript.text


def _answered(group: Group, step: str) -> bool:
    found = by_step(group).get(step)
    return found is not None and is_answered(found[1])


def _spoken(step: str) -> Callable[[Group], bool]:
    """Applies when this step was answered with words; whether silence is allowed is not the question there."""
    return lambda group: _answered(group, step) and bool(_text(by_step(group)[step][1]).strip())


def _word_is_said(group: Group, step: str, word: Callable[[Evidence], str | None], what: str) -> Iterator[Violation]:
    at, evidence = by_step(group)[step]
    wanted, text = word(evidence), _text(evidence)
    if wanted is not None and not says(text, wanted):
        yield Violation(expected=f"{what}, {quote(wanted)}", actual=f"the answer is {quote(text)}", step=at)


@scenario_rule(
    "turns.system-prompt-is-read",
    scenarios=["system-prompt"],
    standard=SHOULD,
    vapi=SHOULD,
    source="openai-openapi 2.3.0, ChatCompletionRequestSystemMessage; Responses, instructions; Anthropic, system; "
    "Gemini, systemInstruction",
    catalogue=["SEM-02"],
    remedy="Hand the messages of role `system` and `developer` to the model.",
    needs=[Need.REQUEST],
    applies=_spoken("stream"),
)
def system_prompt_is_read(group: Group) -> Iterator[Violation]:
    """The model knows what the system prompt says."""
    yield from _word_is_said(
        group, "stream", lambda evidence: house_word(evidence.request), "the house word of the system prompt"
    )


@scenario_rule(
    "turns.history-is-read",
    scenarios=["history"],
    standard=SHOULD,
    vapi=SHOULD,
    source="openai-openapi 2.3.0, CreateChatCompletionRequest.messages; the history in the other APIs",
    catalogue=["SEM-03"],
    remedy="Hand all messages to the model, in their order.",
    needs=[Need.REQUEST],
    applies=_spoken("stream"),
)
def history_is_read(group: Group) -> Iterator[Violation]:
    """The model knows what was said earlier in the call."""
    yield from _word_is_said(
        group, "stream", lambda evidence: code_word(evidence.request), "the code word that an earlier message states"
    )


def _sent_again(step: str) -> Callable[[Group], bool]:
    """Applies when this step was answered, if only with silence, by an endpoint that heeds what it is told."""
    return lambda group: _answered(group, step) and heeds(group)


def _told_is_said(group: Group, step: str) -> Iterator[Violation]:
    """The answer to this step says what the step tells it to, and nothing that only an earlier step told."""
    at, evidence = by_step(group)[step]
    text, told = _text(evidence), told_to_say(evidence.request)
    if told is None:
        return
    earlier = [said for each in group[:at] if (said := told_to_say(each.request)) is not None]
    stale = [said for said in earlier if says(text, said) and not says(told, said)]
    if stale or not says(text, told):
        yield Violation(
            expected=f"an answer to the words of this request, {quote(told)}",
            actual=f"the answer is {quote(text)}" + (f", which answers the earlier {quote(stale[0])}" if stale else ""),
            step=at,
        )


@scenario_rule(
    "turns.grown-turn-is-answered-afresh",
    scenarios=["grown-turn"],
    standard=SHOULD,
    vapi=MUST,
    source="observed: Vapi asks again when the transcript of a turn grows; a replayed answer was heard as silence",
    catalogue=["VAPI-5", "VAPI-6"],
    remedy="Do not key answers by call and turn; if they must be kept, the key needs a hash of all messages.",
    needs=[Need.REQUEST],
    applies=_sent_again("grown"),
)
def grown_turnis_answered_afresh(group: Group) -> Iterator[Violation]:
    """A turn that is sent again with more words gets an answer to all of them.

    Silence is judged, too: a replayed empty answer is how this fault was first seen.
    """
    yield from _told_is_said(group, "grown")


@scenario_rule(
    "turns.replaced-turn-is-answered-afresh",
    scenarios=["replaced-turn"],
    standard=SHOULD,
    vapi=MUST,
    source="observed: of 39 repeated turns, 9 replaced the words instead of adding to them",
    catalogue=["VAPI-5"],
    remedy="Compare whole messages, not beginnings: the new words need not begin with the old ones.",
    needs=[Need.REQUEST],
    applies=_sent_again("replaced"),
)
def replaced_turnis_answered_afresh(group: Group) -> Iterator[Violation]:
    """A turn that is sent again with other words gets an answer to those, and not to the old ones."""
    yield from _told_is_said(group, "replaced")


def _knows_a_code_word(group: Group) -> bool:
    """An answer says a code word, right or stale. Where none does, `turns.history-is-read` is what is broken."""
    stated = [word for each in group if (word := code_word(each.request)) is not None]
    return _spoken("edited")(group) and any(says(_text(each), word) for each in group for word in stated)


@scenario_rule(
    "turns.edited-history-is-read",
    scenarios=["edited-history"],
    standard=SHOULD,
    vapi=MUST,
    source="observed: 58 of 235 consecutive requests of a call changed a message that had been sent before",
    catalogue=["VAPI-5"],
    remedy="Take the history from each request; do not append to one of your own.",
    needs=[Need.REQUEST],
    applies=_knows_a_code_word,
)
def edited_history_is_read(group: Group) -> Iterator[Violation]:
    """An earlier message counts as it stands in this request, not as it stood in the one before."""
    yield from _word_is_said(
        group, "edited", lambda evidence: code_word(evidence.request), "the code word as this request states it"
    )


def _answers_twice(group: Group) -> bool:
    tells = any(told_to_say(each.request) is not None for each in group)
    return len(group) > 1 and all(map(is_answered, group)) and (heeds(group) or not tells)


@scenario_rule(
    "turns.repeated-turn-is-answered-in-full",
    scenarios=["repeated-turn"],
    standard=SHOULD,
    vapi=MUST,
    source="observed: an idempotency key of call and turn gave an empty answer the second time",
    catalogue=["VAPI-5"],
    remedy="Answer each request in full: the platform has dropped the earlier answer, the caller never heard it.",
    needs=[Need.REQUEST],
    applies=_answers_twice,
)
def repeated_turnis_answered_in_full(group: Group) -> Iterator[Violation]:
    """The same request, sent again, gets a whole answer each time."""
    for position, evidence in enumerate(group):
        text, told = _text(evidence), told_to_say(evidence.request)
        if not text.strip() or (told is not None and not says(text, told)):
            yield Violation(
                expected="the whole answer" + (f", {quote(told)}" if told else ""),
                actual=f"the answer is {quote(text)}",
                step=position,
            )


def _several_spoke(group: Group) -> bool:
    """Several answers, and one of them at least with a canary: an agent that repeats nothing shows no mixing."""
    spoken = [each for each in group if is_answered(each) and _text(each).strip()]
    return len(spoken) > 1 and heeds(spoken)


@scenario_rule(
    "turns.concurrent-calls-do-not-mix",
    scenarios=["concurrent"],
    standard=MUST,
    vapi=MUST,
    both=True,
    source="openai-openapi 2.3.0, CreateChatCompletionResponse: an answer belongs to its request",
    catalogue=["HTTP-19"],
    remedy="Keep nothing of a call in module globals or in shared buffers; give each request its own state.",
    needs=[Need.REQUEST],
    applies=_several_spoke,
)
def concurrent_calls_do_not_mix(group: Group) -> Iterator[Violation]:
    """Of calls at the same time, each hears its own answer and nothing of another's."""
    canaries = [_words(told_to_say(each.request)) for each in group]
    for position, evidence in enumerate(group):
        text = _text(evidence)
        if not is_answered(evidence) or not text.strip():
            continue
        heard, own = _words(text), canaries[position]
        strange = {word for at, words in enumerate(canaries) if at != position for word in words - own} & heard
        if strange or not own <= heard:
            found = f"with words of other calls ({quote(', '.join(sorted(strange)))})" if strange else "without its own"
            yield Violation(
                expected=f"{quote(told_to_say(evidence.request) or '')} and no other call's words",
                actual=f"the answer is {quote(text)}, {found}",
                step=position,
            )


def _words(text: str | None) -> set[str]:
    return set(folded(text or "").split())


def _stream_id(evidence: Evidence) -> str | None:
    """The id of the first chunk that has one; an empty id is broken in its own way."""
    if not is_answered(evidence):
        return None
    records = (chunk.record for chunk in evidence.transcript.chunks)
    ids = (_answer_id(record, evidence.dialect) for record in records if record is not None)
    return next((each for each in ids if each), None)


def _answer_id(record: Mapping[str, object], dialect: Dialect) -> str | None:
    """In chat only where there are choices: what streams of other protocols call `id` is no concern of ours."""
    match dialect:
        case Dialect.OPENAI_RESPONSES:
            return string_or_none(object_or_nothing(record.get("response")).get("id"))
        case Dialect.ANTHROPIC_MESSAGES:
            return string_or_none(object_or_nothing(record.get("message")).get("id"))
        case Dialect.GEMINI_GENERATE_CONTENT:
            return string_or_none(record.get("responseId"))
        case _:
            return string_or_none(record.get("id")) if "choices" in record else None


@scenario_rule(
    "turns.concurrent-streams-have-own-ids",
    scenarios=["concurrent"],
    standard=MUST,
    vapi=SHOULD,
    source="openai-openapi 2.3.0, CreateChatCompletionStreamResponse.id: a unique identifier; so in the other APIs",
    catalogue=["HTTP-19"],
    remedy="Make a new id for each answer, for example `chatcmpl-` and a UUID.",
    optional=True,  # whether there has to be an id is for each API's own rules: Gemini's is a SHOULD
    applies=lambda group: sum(_stream_id(each) is not None for each in group) > 1,
)
def concurrent_streams_have_own_ids(group: Group) -> Iterator[Violation]:
    """Answers to different requests have different ids."""
    owners: dict[str, int] = {}
    for position, evidence in enumerate(group):
        answer_id = _stream_id(evidence)
        if answer_id is not None and owners.setdefault(answer_id, position) != position:
            yield Violation(
                expected="an id of its own",
                actual=f"{quote(answer_id)} is also the id of answer {owners[answer_id] + 1} of {len(group)}",
                step=position,
            )


def _kind(evidence: Evidence) -> str:
    choice = evidence.transcript.choices[0]
    if choice.tool_calls or choice.has_function_call:
        return "tool calls"
    return "text" if choice.text.strip() else "nothing"


def _finish(evidence: Evidence) -> object:
    """`length` says how far sampling happened to go, not what kind of answer it was."""
    choice = evidence.transcript.choices[0]
    return None if choice.finish_meaning == "length" else choice.finish_reason


def _both_forms(group: Group) -> bool:
    found = by_step(group)
    return all(
        step in found and is_answered(found[step][1]) and bool(found[step][1].transcript.choices)
        for step in ("stream", "json")
    )


@scenario_rule(
    "turns.stream-and-json-agree",
    scenarios=["stream-and-json"],
    standard=SHOULD,
    vapi=MAY,
    source="observed: vLLM issue 53269, the two forms of one answer ended differently",
    catalogue=["SEM-01"],
    remedy="Make both forms of an answer by the same code, and differ in the last step only.",
    applies=_both_forms,
)
def stream_and_json_agree(group: Group) -> Iterator[Violation]:
    """One question gets the same kind of answer streamed and whole: text or calls, and the same finish reason."""
    found = by_step(group)
    (streamed, stream), (_, document) = found["stream"], found["json"]
    kinds = _kind(stream), _kind(document)
    finishes = _finish(stream), _finish(document)
    if kinds[0] != kinds[1]:
        yield Violation(
            expected=f"{kinds[1]}, as in the JSON answer", actual=f"{kinds[0]} in the stream", step=streamed
        )
    elif None not in finishes and finishes[0] != finishes[1]:
        yield Violation(
            expected=f"finish reason {quote(str(finishes[1]))}, as in the JSON answer",
            actual=f"{quote(str(finishes[0]))} in the stream",
            step=streamed,
        )
