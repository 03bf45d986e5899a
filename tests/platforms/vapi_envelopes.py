"""Makes the files in fixtures/vapi: requests in the shapes Vapi was recorded to send, every value made up.

`PYTHONPATH=tests python -m platforms.vapi_envelopes` writes them again. The shapes of 2024-12 and 2026 are the
platform's own; the objects of older ones, which no endpoint meets any more, are in `early_2024`.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path

from platforms import early_2024
from platforms.early_2024 import HELLO, PROMPT
from vapi_conformance.data import data_dir
from vapi_conformance.platforms.vapi import (
    NO_RESULT,
    NO_RESULT_2024,
    Assistant,
    Conversation,
    Era,
    Platform,
    ToolCall,
    TurnCounters,
)
from vapi_conformance.platforms.vapi.assistant import Model

START = Conversation().system(PROMPT).assistant(HELLO)
ORDERED = START.user("My back brake squeaks.").assistant("That sounds like worn pads. Which bike is it?")


def function(name: str, description: str, **properties: str) -> dict[str, object]:
    """A tool with text arguments, in OpenAI's shape."""
    parameters: dict[str, object] = {
        "type": "object",
        "required": list(properties),
        "properties": {key: {"type": "string", "description": text} for key, text in properties.items()},
    }
    return {"type": "function", "function": {"name": name, "description": description, "parameters": parameters}}


NOTE_TOOL = function("note_fact", "Keeps one fact about the customer.", key="What it is about.", value="The fact.")
SLOT_TOOL = function("find_slot", "Looks for a free slot in the workshop.", bike="Which bike.", until="Latest day.")
PRICE_TOOL = function("quote_price", "Tells the price of a repair.", repair="What is to be done.")


@dataclass(frozen=True, kw_only=True)
class Envelope:
    """One file."""

    name: str
    shape: str
    recording: str | None
    body: Mapping[str, object]
    headers: tuple[tuple[str, str], ...] | None = None

    def document(self) -> dict[str, object]:
        provenance: dict[str, object] = {"shape": self.shape}
        if self.recording is not None:
            provenance["recording"] = self.recording
        provenance["values"] = f"made up; seed {SEED}, faker {version('faker')}"
        made: dict[str, object] = {"provenance": provenance}
        if self.headers is not None:
            made["headers"] = dict(self.headers)
        return made | {"body": dict(self.body)}


SEED = 2024


def platform(
    *, metadata: Mapping[str, object] | None = None, temperature: float = 0.7, max_tokens: int = 250
) -> Platform:
    assistant = Assistant(
        model=Model(model="workshop-1", temperature=temperature, max_tokens=max_tokens), metadata=metadata or {}
    )
    return Platform(assistant=assistant, base_url="https://llm.example/v1", api_key="made-up-key", seed=SEED)


def envelopes() -> Iterator[Envelope]:
    yield from _early_2024()
    yield from _december_2024()
    yield from _year_2026()
    sdk = replace(platform(), model_headers={"x-workshop": "from model.headers"})
    yield Envelope(
        name="35-headers-of-the-client-library",
        shape="header fields and their order as openai-node 4.91.1 sends them; body with metadataSendMode off",
        recording="35",
        body=sdk.body(START.user("Hi."), mode="off"),
        headers=sdk.headers(),
    )


def _december_2024() -> Iterator[Envelope]:
    two, three = (NOTE_TOOL, SLOT_TOOL), (NOTE_TOOL, PRICE_TOOL, SLOT_TOOL)
    plain, known = platform(), platform(metadata={"email": "sam@customer.example", "user_id": "sam"})

    def made(name: str, shape: str, history: Conversation, *, of: Platform = plain, more: bool = False) -> Envelope:
        body = of.body(history, tools=three if more else two, era=Era.WEB_2024_12)
        return Envelope(name=name, shape=f"web call of December 2024: {shape}", recording=name[:2], body=body)

    first = START.user("Hi.")
    yield made("05-first-turn", "first turn, tools, assistant metadata, credentials", first, of=known, more=True)
    asked = _long()
    grown = (
        "It is the blue one.",
        "It is the blue one. With the basket.",
        "It is the blue one. With the basket. Is today ok?",
    )
    for index, text in enumerate(grown, 1):
        yield made(f"0{index + 5}-turn-grows-{index}-of-3", f"one turn, request {index} of 3", asked.user(text))
    noted = _two_tool_rounds()
    yield made("09-transcript-replaced-1-of-2", "before the transcript changes", noted.user("A touring bite."))
    yield made("10-transcript-replaced-2-of-2", "the transcript changed, not grown", noted.user("A touring bike."))
    pair = (
        ToolCall(id="call_k2aa", name="note_fact", arguments='{"key": "bike", "value": "blue touring bike"}'),
        ToolCall(id="call_k2ab", name="note_fact", arguments='{"key": "fault", "value": "back brake squeaks"}'),
    )
    parallel = _three_turns().user("The blue one.").tools(*pair)
    yield made("11-parallel-tool-results", "two calls made together, each result in order", parallel)
    edited = parallel.with_user_text("The blue one. Touring bike, it squeaks.")
    yield made("12-history-edited-before-tool", "the user text before executed tools rewritten", edited)
    slot = ToolCall(
        id="call_s4ac",
        name="find_slot",
        arguments='{\n  "bike": "blue",\n  "until": "Friday"\n}',
        result=NO_RESULT_2024,
    )
    failed = _five_turns().user("until Friday, please.").tools(slot, filler="One moment please.")
    yield made(
        "13-filler-beside-the-call", "platform's filler beside the call; the tool failed", failed, of=known, more=True
    )
    spoken = _six_turns().user("No, that is all. Did you note the bike?").tools(*pair)
    merged = spoken.assistant("I have noted the blue bike and its brake. Shall I look for a slot?")
    yield made(
        "14-answer-merged-into-the-call",
        "first sentence of the answer moved in front of the tool results",
        merged.with_first_sentence_merged().user("Yes. That would be good."),
    )
    early = _three_turns().user("Before the tour on Sunday.").assistant("Just a second.").user("So")
    early = early.tools(replace(slot, arguments='{\n  "bike": "blue"\n}')).user("right.")
    yield made("15-user-right-after-tool", "the caller speaks before the tool's answer is spoken", early, more=True)


def _two_turns() -> Conversation:
    return START.user("Hi.").assistant("What is wrong with your bike?")


def _three_turns() -> Conversation:
    said = _two_turns().user("Good morning. How are you?").assistant("Fine, thanks. How can I help?")
    return said.user("My back brake squeaks, I think.").assistant("Which bike is it?")


def _five_turns() -> Conversation:
    return _three_turns().user("The blue").assistant("And until when do you need it?")


def _long() -> Conversation:
    return _three_turns().user("I have two bikes here.").assistant("Which of the two squeaks?")


def _six_turns() -> Conversation:
    return _long().user("The blue one, with the basket.").assistant("Got it. Anything else about the bike?")


def _two_tool_rounds() -> Conversation:
    first = (
        ToolCall(id="call_n1aa", name="note_fact", arguments='{"key": "bike", "value": "blue"}'),
        ToolCall(id="call_n1ab", name="note_fact", arguments='{"key": "fault", "value": "brake"}'),
    )
    said = _three_turns().user("The blue one.").tools(*first).assistant("I have noted that.")
    said = said.user("No. Wait. Did you note the kind of bike?").assistant("Not yet. What kind is it?")
    kind = ToolCall(id="call_n2aa", name="note_fact", arguments='{"key": "kind", "value": "touring bite"}')
    return said.user("Um, a touring bike.").tools(kind).assistant("I have noted a touring bite.")


def _year_2026() -> Iterator[Envelope]:
    workshop = platform(metadata={"branch": "harbour"})
    told = "put together from webhooks, API answers and reports of that year; no complete request of it is public"
    turn = ORDERED.user("The blue one.")
    counters = TurnCounters.of(turn.messages())
    yield Envelope(
        name="2026-phone-turn",
        shape=f"phone call of 2026: {told}",
        recording=None,
        body=workshop.body(turn, tools=[SLOT_TOOL]),
    )
    yield Envelope(
        name="2026-phone-turn-requested-again",
        shape=f"phone call of 2026, the turn requested again because the transcript grew: {told}",
        recording=None,
        body=workshop.body(
            turn.with_user_text("The blue one. With the basket."),
            tools=[SLOT_TOOL],
            counters=counters.requested_again(),
        ),
    )
    yield Envelope(
        name="2026-web-greeting",
        shape=f"web call of 2026 whose first message the model makes, no user message, counters 0: {told}",
        recording=None,
        body=workshop.body(Conversation().system(PROMPT), era=Era.WEB_2026),
    )
    call = ToolCall(id="call_b7aa", name="find_slot", arguments='{"bike": "blue", "until": "Friday"}', result=NO_RESULT)
    yield Envelope(
        name="2026-phone-tool-failed",
        shape=f"phone call of 2026 after a tool without result: {told}",
        recording=None,
        body=workshop.body(turn.tools(call, filler="One moment."), tools=[SLOT_TOOL]),
    )


def _early_2024() -> Iterator[Envelope]:
    turn = START.user("Hi, my brake squeaks.")
    made = platform(temperature=0, max_tokens=500)
    body = _openai_keys(made, turn)
    tail = {"call": early_2024.call_2024_03(made), "org": early_2024.org(made), "metadata": {}}
    hang_up: dict[str, object] = {
        "name": "endCall",
        "parameters": {"type": "object", "properties": {}},
        "description": "Ends the call politely.",
    }
    yield Envelope(
        name="01-web-2024-03-functions-and-org",
        shape="web call of March 2024: functions in place of tools, the assistant's settings in call, the org",
        recording="01",
        body=_with_functions(body, [hang_up]) | tail,
    )
    made = platform()
    yield Envelope(
        name="02-web-2024-04-full-call",
        shape="web call of April 2024: every resolved setting in call",
        recording="02",
        body=_openai_keys(made, turn) | {"call": early_2024.call_2024_04(made), "metadata": {}},
    )
    made = platform(temperature=1)
    yield Envelope(
        name="03-phone-2024-05-inbound",
        shape="inbound phone call of May 2024: flat call record, phoneNumber with the carrier's account",
        recording="03",
        body=_openai_keys(made, _thirteen_messages())
        | {"call": early_2024.call_2024_05(made), "phoneNumber": early_2024.phone_number_2024_05(made), "metadata": {}},
    )
    made = platform()
    yield Envelope(
        name="04-web-2024-07-short-call",
        shape="web call of July 2024: the smallest body",
        recording="04",
        body=_openai_keys(made, turn) | {"call": early_2024.call_2024_07(made), "metadata": {}},
    )


def _thirteen_messages() -> Conversation:
    return (
        _three_turns()
        .user("The blue one.")
        .assistant("And what is it, a touring bike?")
        .user("Yes.")
        .assistant("Until when do you need it?")
        .user("Friday.")
    )


def _openai_keys(made: Platform, history: Conversation) -> dict[str, object]:
    return made.body(history, mode="off")


def _with_functions(body: Mapping[str, object], functions: list[object]) -> dict[str, object]:
    """`functions` stands where `tools` came to stand."""
    before = ("model", "messages", "temperature")
    return {key: body[key] for key in before} | {"functions": functions} | dict(body)


def write(folder: Path) -> None:
    for envelope in envelopes():
        text = json.dumps(envelope.document(), indent=2, ensure_ascii=False) + "\n"
        (folder / f"{envelope.name}.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write(data_dir("fixtures") / "vapi")
