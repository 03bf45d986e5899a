"""Specimens: for each rule a stored exchange that breaks exactly it, and a sound neighbour that does not.

A specimen is a base (a sound conversation, `fixtures/specimens/bases/NAME.json`) and two lists of edits
(`fixtures/specimens/RULE.json`): `sound` makes the neighbour out of the base, `broken` the specimen out of the
neighbour. So the file shows the difference and nothing else. The forms are described by the schemas
`harness/specimen` and `harness/specimen-base`. Where the base is a whole call, `specimen_calls` makes its record.
"""

import json
import zlib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Final, cast

from vapi_conformance.additions import Origin
from vapi_conformance.call_record import CallRecord
from vapi_conformance.content_coding import decode_content
from vapi_conformance.data import data_dir
from vapi_conformance.dialects.names import CHAT, Dialect
from vapi_conformance.evidence import Evidence
from vapi_conformance.exchange import End, Exchange, Header, Label, Read, Request, Response, Timing
from vapi_conformance.narrow import array_or_nothing, integer_or_none, object_or_nothing, string_or_none
from vapi_conformance.rules import all_rules
from vapi_conformance.specimen_calls import made_call

__all__ = ["OPERATIONS", "Specimen", "all_exchanges", "all_specimens", "base", "edited", "load_specimen", "specimen_in"]

_NS_PER_MS: Final = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Specimen:
    """A rule's proof: `broken` violates the rule (and `also`, with a reason), `sound` violates nothing."""

    rule: str
    about: str
    sound: tuple[Exchange, ...]
    broken: tuple[Exchange, ...]
    also: Mapping[str, str]
    """Other rules that the broken one cannot help breaking, each with the reason."""
    edits: Sequence[object]
    """The difference, as written in the file."""
    dialect: Dialect = Dialect.OPENAI_COMPATIBLE
    """How its exchanges are read."""
    sound_call: CallRecord | None = None
    """The whole call that the sound exchanges make, where they make one."""
    broken_call: CallRecord | None = None

    def sound_evidence(self) -> list[Evidence]:
        """The neighbour as a judge sees it."""
        return [Evidence(exchange=each, dialect=self.dialect, call=self.sound_call) for each in self.sound]

    def broken_evidence(self) -> list[Evidence]:
        """The specimen as a judge sees it."""
        return [Evidence(exchange=each, dialect=self.dialect, call=self.broken_call) for each in self.broken]


def all_specimens() -> Iterator[Specimen]:
    """Every stored specimen of ours, by rule id."""
    for path in sorted((data_dir("fixtures") / "specimens").glob("*.json")):
        yield _load(path, _folder(None))


def load_specimen(rule_id: str) -> Specimen:
    """Of any rule in the catalogue. Raises FileNotFoundError when it has none, ValueError for one that is damaged."""
    known = all_rules().get(rule_id)
    return _specimen(rule_id, _folder(None if known is None else known.origin))


def specimen_in(package: str, rule_id: str) -> Specimen:
    """The one in the folder `specimens` of a package; see `load_specimen`."""
    return _specimen(rule_id, files(package) / "specimens")


def _folder(origin: Origin | None) -> Traversable:
    """Where a distribution keeps its specimens; None: ours."""
    if origin is None:
        return data_dir("fixtures") / "specimens"
    if origin.package is None:
        raise FileNotFoundError(f"{origin} has no package that could hold specimens")
    return files(origin.package) / "specimens"


def _specimen(rule_id: str, folder: Traversable) -> Specimen:
    path = folder / f"{rule_id}.json"
    if not path.is_file():
        raise FileNotFoundError(f"{rule_id} has no specimen")
    return _load(path, folder)


def all_exchanges(dialects: Collection[Dialect] = CHAT) -> Iterator[tuple[str, Exchange]]:
    """Every exchange of every specimen of these dialects, with a name for people."""
    for specimen in all_specimens():
        if specimen.dialect not in dialects:
            continue
        for kind, exchanges in (("sound", specimen.sound), ("broken", specimen.broken)):
            for position, exchange in enumerate(exchanges):
                yield f"{specimen.rule}/{kind}/{position}", exchange


def base(name: str) -> tuple[Exchange, ...]:
    """The sound exchanges that specimens of ours start from."""
    return _exchanges(_base(name, _folder(None)), name)


def _exchanges(document: Mapping[str, object], name: str) -> tuple[Exchange, ...]:
    return tuple(_exchange(object_or_nothing(each), name) for each in array_or_nothing(document.get("exchanges")))


def _base(name: str, folder: Traversable) -> Mapping[str, object]:
    """Out of that folder; specimens of others may start from ours, too."""
    known = (each / "bases" / f"{name}.json" for each in (folder, _folder(None)))
    found = next((path for path in known if path.is_file()), None)
    if found is None:
        raise ValueError(f"there is no base {name!r}")
    return _document(found)


def _document(path: Traversable) -> Mapping[str, object]:
    return object_or_nothing(json.loads(path.read_text(encoding="utf-8")))


def _load(path: Traversable, folder: Traversable) -> Specimen:
    rule_id = path.name.removesuffix(".json")
    document = _document(path)
    edits = array_or_nothing(document.get("broken"))
    first_edits = array_or_nothing(document.get("sound"))
    try:
        name = str(document["base"])
        origin = _base(name, folder)
        sound = edited(_exchanges(origin, name), first_edits)
        broken = tuple(replace(each, source=f"specimen {rule_id}") for each in edited(sound, edits))
        sound_story = _retold(origin.get("call"), first_edits)
        broken_story = _retold(sound_story, edits)
        calls = [_call(sound_story, sound, name), _call(broken_story, broken, name)]
    except (KeyError, ValueError) as problem:
        raise ValueError(f"{path.name}: {problem}") from problem
    return Specimen(
        rule=rule_id,
        about=str(document["about"]),
        sound=sound,
        broken=broken,
        also={key: str(value) for key, value in object_or_nothing(document.get("also")).items()},
        edits=edits,
        dialect=Dialect(str(origin.get("dialect", Dialect.OPENAI_COMPATIBLE))),
        sound_call=calls[0],
        broken_call=calls[1],
    )


def _retold(story: object, edits: Sequence[object]) -> object:
    """What happened in the call, changed by the edits that are about it."""
    for edit in map(object_or_nothing, edits):
        if "call" in edit:
            if story is None:
                raise ValueError("the base is no call")
            story = _patched(story, edit["call"])
    return story


def _call(story: object, exchanges: tuple[Exchange, ...], name: str) -> CallRecord | None:
    if story is None:
        return None
    record = object_or_nothing(story)
    webhooks = [_exchange(object_or_nothing(each), name) for each in array_or_nothing(record.get("webhooks"))]
    return made_call(record, exchanges, tuple(webhooks))


def _ns(value: object) -> int | None:
    return round(value * _NS_PER_MS) if isinstance(value, int | float) else None


def _headers(value: object) -> tuple[Header, ...]:
    pairs = [array_or_nothing(each) for each in array_or_nothing(value)]
    return tuple((str(pair[0]).encode("latin-1"), str(pair[1]).encode("latin-1")) for pair in pairs)


def _body(value: object) -> bytes:
    return value.encode() if isinstance(value, str) else json.dumps(value, ensure_ascii=False).encode()


def _reads(value: object) -> tuple[Read, ...]:
    """`[[ms, text], ...]`, or `{"at_ms": ms, "json": document}`."""
    if isinstance(value, dict):
        record = object_or_nothing(cast("object", value))
        return (Read(at_ns=_ns(record.get("at_ms")), data=_body(record.get("json"))),)
    return tuple(
        Read(at_ns=_ns(pair[0]), data=str(pair[1]).encode()) for pair in map(array_or_nothing, array_or_nothing(value))
    )


def _exchange(record: Mapping[str, object], name: str) -> Exchange:
    request, response = object_or_nothing(record["request"]), object_or_nothing(record["response"])
    reads = _reads(response["body"])
    scenario = string_or_none(record.get("scenario"))
    expects = record.get("expects", "answer")
    last_ns = reads[-1].at_ns if reads else None
    return Exchange(
        request=Request(
            method=str(request.get("method", "POST")),
            url=str(request.get("url", "http://endpoint.example/v1" + str(request.get("path", "/chat/completions")))),
            headers=_headers(request.get("headers", [["Content-Type", "application/json"]])),
            body=_body(request.get("body", {})),
        ),
        response=Response(status=integer_or_none(response.get("status")) or 200, headers=_headers(response["headers"])),
        reads=reads,
        timing=Timing(end_ns=_ns(record.get("end_ms", None if last_ns is None else last_ns / _NS_PER_MS + 1))),
        label=None
        if scenario is None
        else Label(
            scenario=scenario,
            step=str(record.get("step", "only")),
            expects=expects if expects in ("refusal", "anything") else "answer",
        ),
        source=f"base {name}",
    )


def edited(exchanges: tuple[Exchange, ...], edits: Sequence[object]) -> tuple[Exchange, ...]:
    """Each edit names its `step` (the first exchange otherwise) and one operation with its arguments.

    Edits of the story of a call leave the exchanges as they are.
    """
    edited = list(exchanges)
    for edit in map(object_or_nothing, edits):
        if "call" in edit:
            continue
        step = edit.get("step")
        at = 0 if step is None else _position(edited, str(step))
        operation = next((name for name in OPERATIONS if name in edit), None)
        if operation is None:
            raise ValueError(f"no such edit: {json.dumps(edit)}")
        edited[at] = OPERATIONS[operation](edited[at], edit)
    return tuple(edited)


def _position(exchanges: Sequence[Exchange], step: str) -> int:
    for position, exchange in enumerate(exchanges):
        if exchange.label is not None and exchange.label.step == step:
            return position
    raise ValueError(f"no step {step!r}")


def _replace(exchange: Exchange, edit: Mapping[str, object]) -> Exchange:
    """`replace` with `with` or `with_hex`, written so many `times`, in the first read that has it, or in `all`."""
    old = str(edit["replace"]).encode()
    new = bytes.fromhex(str(edit["with_hex"])) if "with_hex" in edit else str(edit["with"]).encode()
    new *= integer_or_none(edit.get("times")) or 1
    reads = list(exchange.reads)
    hits = [at for at, read in enumerate(reads) if old in read.data]
    if not hits:
        raise ValueError(f"{edit['replace']!r} is in no read of the base")
    for at in hits if edit.get("all") else hits[:1]:
        reads[at] = replace(reads[at], data=reads[at].data.replace(old, new, -1 if edit.get("all") else 1))
    return replace(exchange, reads=tuple(reads))


def _set_header(headers: tuple[Header, ...], value: object) -> tuple[Header, ...]:
    name, text = (*array_or_nothing(value), None)[:2]
    kept = tuple(each for each in headers if each[0].lower() != str(name).lower().encode())
    return kept if text is None else (*kept, (str(name).encode("latin-1"), str(text).encode("latin-1")))


def _patched(document: object, patch: object) -> object:
    """JSON merge patch (RFC 7396)."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(object_or_nothing(document))
    for key, value in object_or_nothing(cast("object", patch)).items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = _patched(merged.get(key), value)
    return merged


def _head(exchange: Exchange) -> Response:
    if exchange.response is None:
        raise ValueError("the base has no response")
    return exchange.response


def _merge_json(exchange: Exchange, edit: Mapping[str, object]) -> Exchange:
    merged = _patched(json.loads(exchange.body), edit["json"])
    return replace(exchange, reads=(replace(exchange.reads[0], data=_body(merged)),))


def _merge_request(exchange: Exchange, edit: Mapping[str, object]) -> Exchange:
    merged = _patched(json.loads(exchange.request.body or b"{}"), edit["request"])
    return replace(exchange, request=replace(exchange.request, body=_body(merged)))


def _index_of(exchange: Exchange, text: object) -> int:
    for at, read in enumerate(exchange.reads):
        if str(text).encode() in read.data:
            return at
    raise ValueError(f"{text!r} is in no read of the base")


def _delay(exchange: Exchange, edit: Mapping[str, object]) -> Exchange:
    """`later_ms`: this read (`from`, else the first) and all after it, and the end, come so much later."""
    first = _index_of(exchange, edit["from"]) if "from" in edit else 0
    by = _ns(edit["later_ms"]) or 0

    def later(at_ns: int | None) -> int | None:
        return None if at_ns is None else at_ns + by

    reads = tuple(
        replace(read, at_ns=later(read.at_ns)) if at >= first else read for at, read in enumerate(exchange.reads)
    )
    return replace(exchange, reads=reads, timing=replace(exchange.timing, end_ns=later(exchange.timing.end_ns)))


def _end(exchange: Exchange, edit: Mapping[str, object]) -> Exchange:
    return replace(exchange, end=End(str(edit["end"])), error=string_or_none(edit.get("error")))


def _drop(exchange: Exchange, edit: Mapping[str, object]) -> Exchange:
    at = _index_of(exchange, edit["drop"])
    return replace(exchange, reads=exchange.reads[:at] + exchange.reads[at + 1 :])


def _insert(exchange: Exchange, edit: Mapping[str, object]) -> Exchange:
    at = _index_of(exchange, edit["insert_after"]) + 1
    return replace(exchange, reads=exchange.reads[:at] + _reads(edit["reads"]) + exchange.reads[at:])


def _join(exchange: Exchange, edit: Mapping[str, object]) -> Exchange:
    """`join`: the reads from this one up to `to` become one, which comes when the last of them did."""
    first, last = _index_of(exchange, edit["join"]), _index_of(exchange, edit["to"])
    joined = exchange.reads[first : last + 1]
    one = Read(at_ns=joined[-1].at_ns, data=b"".join(read.data for read in joined))
    return replace(exchange, reads=(*exchange.reads[:first], one, *exchange.reads[last + 1 :]))


def _whole_body(exchange: Exchange, edit: Mapping[str, object]) -> Exchange:
    reads = _reads(edit["body"])
    last_ns = reads[-1].at_ns if reads else None
    end_ns = exchange.timing.end_ns if last_ns is None else last_ns + _NS_PER_MS
    return replace(exchange, reads=reads, timing=replace(exchange.timing, end_ns=end_ns))


def _gzip(exchange: Exchange, edit: Mapping[str, object]) -> Exchange:
    """`gzip`: `flushed` after each read, or `unflushed`: one flush at the end. What is compressed already is redone."""
    deflater = zlib.compressobj(wbits=zlib.MAX_WBITS | 16)
    flush = zlib.Z_SYNC_FLUSH if edit["gzip"] == "flushed" else zlib.Z_NO_FLUSH
    reads = [
        replace(read, data=deflater.compress(read.data) + (deflater.flush(flush) if flush else b""))
        for read in decode_content(exchange).reads
    ]
    reads[-1] = replace(reads[-1], data=reads[-1].data + deflater.flush())
    head = _head(exchange)
    headers = _set_header(head.headers, ["Content-Encoding", "gzip"])
    return replace(exchange, reads=tuple(reads), response=replace(head, headers=headers))


OPERATIONS: Final[Mapping[str, Callable[[Exchange, Mapping[str, object]], Exchange]]] = {
    "replace": _replace,
    "insert_after": _insert,
    "drop": _drop,
    "join": _join,
    "body": _whole_body,
    "json": _merge_json,
    "gzip": _gzip,
    "status": lambda exchange, edit: replace(
        exchange, response=replace(_head(exchange), status=integer_or_none(edit["status"]) or 200)
    ),
    "header": lambda exchange, edit: replace(
        exchange,
        response=replace(_head(exchange), headers=_set_header(_head(exchange).headers, edit["header"])),
    ),
    "later_ms": _delay,
    "end": _end,
    "no_response": lambda exchange, edit: replace(
        exchange, response=None, reads=(), end=End.NO_RESPONSE, error=str(edit["no_response"])
    ),
    "end_ms": lambda exchange, edit: replace(exchange, timing=replace(exchange.timing, end_ns=_ns(edit["end_ms"]))),
    "reused": lambda exchange, edit: replace(exchange, connection_reused=edit["reused"] is True),
    "request_body": lambda exchange, edit: replace(
        exchange, request=replace(exchange.request, body=_body(edit["request_body"]))
    ),
    "request_header": lambda exchange, edit: replace(
        exchange,
        request=replace(exchange.request, headers=_set_header(exchange.request.headers, edit["request_header"])),
    ),
    "request": _merge_request,
}
