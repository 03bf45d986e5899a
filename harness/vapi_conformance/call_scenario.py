"""Calls as data: who calls, what they say and when, the tools, the expected ending. Schema: `harness/call-scenario`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Final, Literal, cast

from vapi_conformance.data import data_dir
from vapi_conformance.json_file import JsonFileError, read_json
from vapi_conformance.narrow import array_or_nothing, object_or_nothing, string_or_none
from vapi_conformance.schema import errors

__all__ = [
    "ANY_CALL",
    "CALLER_ENDED",
    "CALLS",
    "CallScenario",
    "CallTool",
    "Edit",
    "HeardAs",
    "Idle",
    "Member",
    "RunBy",
    "ToolLists",
    "Turn",
    "all_call_scenarios",
    "call_scenario",
    "load_call_scenario",
]

CALLS: Final = "calls/"
"""What the labels of a call's exchanges begin with: `calls/NAME`."""
ANY_CALL: Final = "calls/*"
"""What rules over any call name in place of a scenario."""
CALLER_ENDED: Final = "customer-ended-call"
"""The ended reason of a call that the caller hung up on."""

RunBy = Literal["vapi", "webhook", "endpoint"]
ToolLists = Literal["recorded", "schema", "events-page", "custom-tools-page"]
FirstMessageMode = Literal[
    "assistant-speaks-first",
    "assistant-speaks-first-with-model-generated-message",
    "assistant-waits-for-user",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class HeardAs:
    """What the transcriber has at a believable end of speech."""

    at_s: float
    """Since the first one of the turn."""
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """An earlier turn's text, changed."""

    turn: int
    """From 1."""
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """What the caller does next; the schema describes each field."""

    heard: tuple[HeardAs, ...] = ()
    """Empty: silence, or the keypad."""
    keypad: str | None = None
    silence_s: float = 0.0
    after_s: float = 1.0
    at_s: float | None = None
    interrupts_after_s: float | None = None
    edits: tuple[Edit, ...] = ()
    confidence: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CallTool:
    """A tool of the assistant, and what comes of calling it."""

    name: str
    description: str = ""
    parameters: Mapping[str, object] = field(default_factory=lambda: {"type": "object", "properties": {}})
    run_by: RunBy = "vapi"
    returns: str = ""
    fails: bool = False
    is_async: bool = False
    after_s: float = 1.0
    filler: str | None = None
    path: str = "/chat/completions/custom-tool"
    """Below the endpoint's URL; a whole URL where an assistant's tool has a server of its own."""
    lists: ToolLists = "recorded"
    destinations: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """Another assistant of the squad."""

    name: str
    system: str
    first_message: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Idle:
    """What is said into a long silence."""

    message: str
    after_s: float = 10.0
    most: int = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class CallScenario:
    """A whole call; the schema describes each field."""

    name: str
    about: str
    document: Mapping[str, object] = field(repr=False)
    """As written, so that a record of the call stands alone."""
    turns: tuple[Turn, ...]
    locale: str | None = None
    channel: Literal["phone", "web"] = "phone"
    system: str | None = None
    first_message: str | None = None
    first_message_mode: FirstMessageMode = "assistant-waits-for-user"
    end_call_phrases: tuple[str, ...] = ()
    idle: Idle | None = None
    silence_timeout_s: float = 30.0
    squad: tuple[Member, ...] = ()
    tools: tuple[CallTool, ...] = ()
    merges_answers: bool = False
    callers: int = 1
    tries: int = 1
    expects_ended: tuple[str, ...] = (CALLER_ENDED,)
    expects_tools: tuple[str, ...] = ()
    expects_words: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """What its exchanges are labelled with."""
        return CALLS + self.name


@cache
def all_call_scenarios() -> Mapping[str, CallScenario]:
    """Every stored call by name. Raises JsonFileError when a file does not follow the schema: damaged installation."""
    paths = sorted((data_dir("fixtures") / "scenarios" / "calls").glob("*.json"))
    return {path.stem: load_call_scenario(path) for path in paths}


def load_call_scenario(path: Path) -> CallScenario:
    """A call in a file of the user's or of ours. Raises JsonFileError that names the place."""
    document = read_json(path)
    for problem in errors("harness/call-scenario", document):
        raise JsonFileError(path, f"is no call scenario: {problem.pointer or 'document'}: {problem.message}")
    return call_scenario(object_or_nothing(document))


def call_scenario(document: Mapping[str, object]) -> CallScenario:
    """From a document that matched the schema; casts say what it guarantees."""
    expects = object_or_nothing(document.get("expects"))
    first_message = string_or_none(document.get("first_message"))
    speaks = "assistant-waits-for-user" if first_message is None else "assistant-speaks-first"
    return CallScenario(
        name=str(document["call"]),
        about=str(document["about"]),
        document=document,
        turns=tuple(_turn(object_or_nothing(each)) for each in array_or_nothing(document["turns"])),
        locale=string_or_none(document.get("locale")),
        channel="web" if document.get("channel") == "web" else "phone",
        system=string_or_none(document.get("system")),
        first_message=first_message,
        first_message_mode=cast("FirstMessageMode", document.get("first_message_mode", speaks)),
        end_call_phrases=_texts(document.get("end_call_phrases")),
        idle=_idle(object_or_nothing(document.get("idle"))),
        silence_timeout_s=_number(document, "silence_timeout_s", 30.0),
        squad=tuple(_member(object_or_nothing(each)) for each in array_or_nothing(document.get("squad"))),
        tools=tuple(_tool(object_or_nothing(each)) for each in array_or_nothing(document.get("tools"))),
        merges_answers=document.get("merges_answers") is True,
        callers=_integer(document, "callers", 1),
        tries=_integer(document, "tries", 1),
        expects_ended=_texts(expects.get("ended")) or (CALLER_ENDED,),
        expects_tools=_texts(expects.get("tools")),
        expects_words=_texts(expects.get("words")),
    )


def _turn(record: Mapping[str, object]) -> Turn:
    says = string_or_none(record.get("says"))
    heard = [object_or_nothing(each) for each in array_or_nothing(record.get("heard"))]
    edits = [object_or_nothing(each) for each in array_or_nothing(record.get("edits"))]
    return Turn(
        heard=tuple(HeardAs(at_s=_number(each, "at_s", 0.0), text=str(each["text"])) for each in heard)
        if says is None
        else (HeardAs(at_s=0.0, text=says),),
        keypad=string_or_none(record.get("keypad")),
        silence_s=_number(record, "silence_s", 0.0),
        after_s=_number(record, "after_s", 1.0),
        at_s=_number_or_none(record, "at_s"),
        interrupts_after_s=_number_or_none(record, "interrupts_after_s"),
        edits=tuple(Edit(turn=_integer(each, "turn", 1), text=str(each["text"])) for each in edits),
        confidence=record.get("confidence") is True,
    )


def _tool(record: Mapping[str, object]) -> CallTool:
    default = CallTool(name=str(record["name"]))
    return CallTool(
        name=default.name,
        description=str(record.get("description", "")),
        parameters=object_or_nothing(record.get("parameters")) or default.parameters,
        run_by=cast("RunBy", record.get("run_by", "vapi")),
        returns=str(record.get("returns", "")),
        fails=record.get("fails") is True,
        is_async=record.get("async") is True,
        after_s=_number(record, "after_s", default.after_s),
        filler=string_or_none(record.get("filler")),
        path=str(record.get("path", default.path)),
        lists=cast("ToolLists", record.get("lists", default.lists)),
        destinations=_texts(record.get("destinations")),
    )


def _member(record: Mapping[str, object]) -> Member:
    return Member(
        name=str(record["name"]),
        system=str(record["system"]),
        first_message=string_or_none(record.get("first_message")),
    )


def _idle(record: Mapping[str, object]) -> Idle | None:
    if not record:
        return None
    return Idle(
        message=str(record["message"]),
        after_s=_number(record, "after_s", 10.0),
        most=_integer(record, "most", 3),
    )


def _number(record: Mapping[str, object], name: str, default: float) -> float:
    return float(cast("float", record.get(name, default)))


def _integer(record: Mapping[str, object], name: str, default: int) -> int:
    """JSON Schema counts 1.0 as an integer, too."""
    return int(_number(record, name, default))


def _number_or_none(record: Mapping[str, object], name: str) -> float | None:
    return _number(record, name, 0.0) if name in record else None


def _texts(value: object) -> tuple[str, ...]:
    return tuple(str(each) for each in array_or_nothing(value))
