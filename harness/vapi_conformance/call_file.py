"""The stored form of a call: one JSON document with every exchange of it. Published as the schema `harness/call`."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Final, cast

from vapi_conformance import exchange_file
from vapi_conformance.call_record import (
    CallEvent,
    CallRecord,
    CallRequest,
    Closed,
    Ended,
    EndedBy,
    EventKind,
    HowSure,
    ToolRun,
    Why,
)
from vapi_conformance.exchange import Exchange
from vapi_conformance.narrow import array_or_nothing, integer_or_none, object_or_none, object_or_nothing, string_or_none
from vapi_conformance.problems import UsageError
from vapi_conformance.schema import errors

__all__ = ["FORMAT", "VERSION", "from_document", "is_call", "save", "story", "story_document", "to_document"]

FORMAT: Final = "vapi-conformance/call"
VERSION: Final = 1


def is_call(document: object) -> bool:
    """Whether a JSON document says that it is a stored call."""
    return object_or_nothing(document).get("format") == FORMAT


def to_document(call: CallRecord) -> dict[str, object]:
    """JSON-ready; `from_document` gives an equal record back."""
    return {
        "format": FORMAT,
        "version": VERSION,
        **story_document(call),
        "exchanges": [exchange_file.to_document(each) for each in call.exchanges],
        "webhooks": [exchange_file.to_document(each) for each in call.webhooks],
    }


def story_document(call: CallRecord) -> dict[str, object]:
    """All but the exchanges."""
    return {
        "name": call.name,
        "call_id": call.call_id,
        "clock": call.clock,
        "scenario": call.scenario,
        "word": call.word,
        "words": list(call.words),
        "requests": [asdict(each) for each in call.requests],
        "tools": [asdict(each) for each in call.tools],
        "events": [asdict(each) for each in call.events],
        "ended": {**asdict(call.ended), "reasons": list(call.ended.reasons)},
        "expects_ended": list(call.expects_ended),
        "expects_tools": list(call.expects_tools),
        "caller_data": list(call.caller_data),
    }


def save(call: CallRecord, path: Path) -> None:
    """Written beside and then moved, so that a reader never sees half a file."""
    part = path.with_name(path.name + ".part")
    part.write_text(json.dumps(to_document(call), indent=1) + "\n", encoding="utf-8")
    part.replace(path)


def from_document(document: object, *, source: str = "") -> CallRecord:
    """Raises UsageError that names the place when the document is no call of a version we know."""
    record = object_or_none(document)
    if record is None or not is_call(record):
        raise UsageError(f'{source or "the document"} is no stored call: no "format": "{FORMAT}"')
    version = integer_or_none(record.get("version"))
    if version is None or version > VERSION:
        raise UsageError(f"{source}: call version {record.get('version')!r}; this release reads up to {VERSION}")
    for problem in errors("harness/call", document)[:1]:
        raise UsageError(f"{source}: {problem.pointer or 'document'}: {problem.message}")
    exchanges = _exchanges(record["exchanges"], source)
    if len(exchanges) != len(array_or_nothing(record["requests"])):
        raise UsageError(f"{source}: as many requests as exchanges are wanted")
    call = story(record, exchanges=exchanges, webhooks=_exchanges(record["webhooks"], source))
    for kind, positions in (("tools", [each.exchange for each in call.tools]), ("events", _positions(call))):
        for at, position in enumerate(positions):
            if position is not None and position >= len(exchanges):
                raise UsageError(f"{source}: /{kind}/{at}/exchange: there are {len(exchanges)} exchanges, from 0")
    return call


def _positions(call: CallRecord) -> list[int | None]:
    return [each.exchange for each in call.events]


def _exchanges(value: object, source: str) -> tuple[Exchange, ...]:
    return tuple(exchange_file.from_document(each, source=source) for each in array_or_nothing(value))


def story(
    record: Mapping[str, object], *, exchanges: tuple[Exchange, ...], webhooks: tuple[Exchange, ...] = ()
) -> CallRecord:
    """From a document with the shape of `story_document`; casts say what the schema guarantees."""
    return CallRecord(
        name=str(record["name"]),
        call_id=str(record["call_id"]),
        clock="virtual" if record["clock"] == "virtual" else "real",
        scenario=object_or_nothing(record["scenario"]),
        word=string_or_none(record["word"]),
        words=_texts(record["words"]),
        requests=tuple(_request(object_or_nothing(each)) for each in array_or_nothing(record["requests"])),
        exchanges=exchanges,
        webhooks=webhooks,
        tools=tuple(_tool(object_or_nothing(each)) for each in array_or_nothing(record["tools"])),
        events=tuple(_event(object_or_nothing(each)) for each in array_or_nothing(record["events"])),
        ended=_ended(object_or_nothing(record["ended"])),
        expects_ended=_texts(record["expects_ended"]),
        expects_tools=_texts(record["expects_tools"]),
        caller_data=_texts(record["caller_data"]),
    )


def _request(record: Mapping[str, object]) -> CallRequest:
    return CallRequest(
        at_ns=_integer(record, "at_ns"),
        turn=_integer(record, "turn"),
        number=_integer(record, "number"),
        why=cast("Why", record["why"]),
        closed=cast("Closed | None", record["closed"]),
    )


def _tool(record: Mapping[str, object]) -> ToolRun:
    return ToolRun(
        id=str(record["id"]),
        name=str(record["name"]),
        arguments=str(record["arguments"]),
        result=string_or_none(record["result"]),
        started_ns=_integer(record, "started_ns"),
        ended_ns=_integer_or_none(record, "ended_ns"),
        exchange=_integer(record, "exchange"),
        superseded=record["superseded"] is True,
    )


def _event(record: Mapping[str, object]) -> CallEvent:
    return CallEvent(
        at_ns=_integer(record, "at_ns"),
        kind=cast("EventKind", record["kind"]),
        text=str(record["text"]),
        until_ns=_integer_or_none(record, "until_ns"),
        exchange=_integer_or_none(record, "exchange"),
    )


def _ended(record: Mapping[str, object]) -> Ended:
    return Ended(
        at_ns=_integer(record, "at_ns"),
        by=cast("EndedBy", record["by"]),
        reasons=_texts(record["reasons"]),
        sureness=cast("HowSure", record["sureness"]),
        text=str(record["text"]),
    )


def _integer(record: Mapping[str, object], name: str) -> int:
    """JSON Schema counts 1.0 as an integer, too."""
    return int(cast("float", record[name]))


def _integer_or_none(record: Mapping[str, object], name: str) -> int | None:
    return None if record[name] is None else _integer(record, name)


def _texts(value: object) -> tuple[str, ...]:
    return tuple(str(each) for each in array_or_nothing(value))
