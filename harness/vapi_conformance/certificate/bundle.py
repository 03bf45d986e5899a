"""A capture bundle: everything that was sent and came, what was fixed before, and what it was judged by.

    manifest.json                   every file with its digest; the bundle's own digest is that of its bytes
    plan.json                       what was fixed before the first request (`planning`)
    exchanges/*.exchange.json       the exchanges of scenarios, in the order of their names
    calls/*.call.json               whole calls with their exchanges
    conditions.json                 what judging depends on besides
    bench.json                      latency under load, where the level has gates on it
    report.json                     the report as judged

Each file is canonical JSON. `BundleWriter` makes a bundle; `read_bundle` reads one from anybody, see `bundle_files`.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from vapi_conformance import call_file, exchange_file
from vapi_conformance.call_record import CallRecord
from vapi_conformance.certificate.bundle_files import (
    CALLS,
    EXCHANGES,
    MANIFEST,
    MAX_BUNDLE_BYTES,
    MAX_FILE_BYTES,
    MAX_FILES,
    BundleError,
    Listed,
    document_in,
    manifest_of,
    read_file,
    read_manifest,
    refuse_strangers,
)
from vapi_conformance.certificate.canonical import canonical_json, sha256_hex
from vapi_conformance.certificate.conditions import Circumstances
from vapi_conformance.content_coding import decode_content
from vapi_conformance.dialects.names import EVERY, Dialect
from vapi_conformance.evidence import Evidence
from vapi_conformance.exchange import Exchange
from vapi_conformance.narrow import object_or_nothing
from vapi_conformance.platforms.calling import PlatformName, platform_name
from vapi_conformance.problems import UsageError
from vapi_conformance.rules.rule import Profile
from vapi_conformance.schema import errors

__all__ = ["Bundle", "BundleError", "BundleWriter", "read_bundle"]

_MAX_READS: Final = 1_000_000
"""Of all exchanges. A run has some 30,000; each takes memory of its own, however few bytes it brought."""
_MAX_DECODED_BYTES: Final = 256 * 1024 * 1024
"""Of all bodies, with their content coding undone: a thousandth of it may be sent, and judging takes many times
as much memory. A run has less than one million."""
_ALWAYS: Final = ("conditions.json", "plan.json")
_NO_NAME: Final = re.compile(r"[^A-Za-z0-9._-]+")
_NOTHING: Final[Mapping[str, object]] = {}


@dataclass(frozen=True, kw_only=True)
class Bundle:
    """What was read, and is as its manifest says."""

    digest: str
    """SHA-256 of the manifest's bytes, sixty-four digits."""
    plan: Mapping[str, object]
    """After the schema `harness/certificate-plan`."""
    circumstances: Circumstances
    report: Mapping[str, object]
    """After `harness/report`; empty in a bundle that was not judged yet."""
    bench: Mapping[str, object] | None
    """After `harness/bench`."""
    exchanges: tuple[Exchange, ...] = field(repr=False)
    calls: tuple[CallRecord, ...] = field(repr=False)

    @property
    def dialect(self) -> Dialect:
        """How its exchanges are read."""
        return Dialect(str(self.plan["dialect"]))

    def evidence(self) -> list[Evidence]:
        """All exchanges as a judge sees them: those of scenarios in the order of play, then those of calls."""
        conditions, dialect = self.circumstances.conditions, self.dialect
        placed: list[tuple[Exchange, CallRecord | None]] = [(each, None) for each in self.exchanges]
        placed += [(each, call) for call in self.calls for each in call.exchanges]
        return [Evidence(exchange=each, conditions=conditions, dialect=dialect, call=call) for each, call in placed]


@dataclass(kw_only=True)
class BundleWriter:
    """Writes the files of one bundle into an empty folder; the manifest comes last, so half a bundle is none."""

    folder: Path
    _files: dict[str, Listed] = field(default_factory=dict[str, Listed])
    _exchanges: int = 0
    _calls: int = 0
    _reads: int = 0
    _decoded: int = 0

    def put(self, path: str, document: object) -> None:
        """One file. Raises UsageError where a bundle may not be so large."""
        content = canonical_json(document)
        size = len(content) + sum(each.size for each in self._files.values())
        if len(content) > MAX_FILE_BYTES or size > MAX_BUNDLE_BYTES or len(self._files) >= MAX_FILES:
            raise _too_large()
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        self._files[path] = Listed(path=path, sha256=sha256_hex(content), size=len(content))

    def put_exchange(self, exchange: Exchange) -> None:
        """The next exchange of a scenario. Each is written as it comes, so none has to be remembered."""
        self._exchanges += 1
        self._count([exchange])
        label = exchange.label
        name = "exchange" if label is None else f"{label.scenario}.{label.step}.{label.attempt}"
        path = f"{EXCHANGES}/{self._exchanges:04}-{_plain(name)}.exchange.json"
        self.put(path, exchange_file.to_document(exchange))

    def put_call(self, call: CallRecord) -> None:
        """The next whole call."""
        self._calls += 1
        self._count([*call.exchanges, *call.webhooks])
        self.put(f"{CALLS}/{self._calls:04}-{_plain(call.name)}.call.json", call_file.to_document(call))

    def _count(self, exchanges: Sequence[Exchange]) -> None:
        self._reads += sum(len(each.reads) for each in exchanges)
        self._decoded += sum(map(_decoded_bytes, exchanges))
        if self._reads > _MAX_READS or self._decoded > _MAX_DECODED_BYTES:
            raise _too_large()

    def finish(self) -> str:
        """Writes the manifest; gives the digest of the bundle. May be called again after a further `put`."""
        content = manifest_of(self._files.values())
        (self.folder / MANIFEST).write_bytes(content)
        return sha256_hex(content)


def _too_large() -> UsageError:
    return UsageError("what the endpoint answered is too large to be kept in a certificate's bundle")


def _plain(name: str) -> str:
    return _NO_NAME.sub("-", name)[:160]


def read_bundle(folder: Path, *, is_judged: bool = True) -> Bundle:
    """The bundle in a folder, every file of it. Raises BundleError, one sentence that names the file at fault.

    is_judged: it has to hold its report, as every finished one does.
    """
    content, listed = read_manifest(folder)
    by_path = {each.path: each for each in listed}
    for name in (*_ALWAYS, *(["report.json"] if is_judged else [])):
        if name not in by_path:
            raise BundleError(f"{MANIFEST} does not list {name}, which every bundle holds")
    refuse_strangers(folder, listed)
    plan = _document(folder, by_path["plan.json"], "harness/certificate-plan")
    conditions = _document(folder, by_path["conditions.json"], "harness/certificate-conditions")
    _check_plan(plan)
    counted = _Counted()
    exchanges, calls = tuple(_exchanges(folder, listed, counted)), tuple(_calls(folder, listed, counted))
    return Bundle(
        digest=sha256_hex(content),
        plan=plan,
        circumstances=Circumstances.of_document(conditions, platform=_platform(plan)),
        report=_optional(folder, by_path, "report.json", "harness/report") or _NOTHING,
        bench=_optional(folder, by_path, "bench.json", "harness/bench"),
        exchanges=exchanges,
        calls=calls,
    )


def _document(folder: Path, listed: Listed, schema: str) -> Mapping[str, object]:
    document = document_in(read_file(folder, listed.path, listed=listed), listed.path)
    for problem in errors(schema, document)[:1]:
        raise BundleError(f"{listed.path}: {problem.pointer or 'document'}: {problem.message}")
    return object_or_nothing(document)


def _optional(folder: Path, by_path: Mapping[str, Listed], name: str, schema: str) -> Mapping[str, object] | None:
    return _document(folder, by_path[name], schema) if name in by_path else None


def _check_plan(plan: Mapping[str, object]) -> None:
    """The schema knows the shape; names of this release are checked here."""
    if plan["dialect"] not in EVERY:
        raise BundleError(f"plan.json: /dialect: {plan['dialect']!r} is no dialect in which a model is asked")
    if plan["profile"] not in [each.value for each in Profile]:
        raise BundleError(f"plan.json: /profile: this release knows no profile {plan['profile']!r}")


def _platform(plan: Mapping[str, object]) -> PlatformName:
    return platform_name(str(object_or_nothing(plan["target"])["platform"]))


def _exchanges(folder: Path, listed: Iterable[Listed], counted: "_Counted") -> Iterator[Exchange]:
    for each, document in _stored(folder, listed, EXCHANGES):
        try:
            exchange = exchange_file.from_document(document, source=each.path)
        except UsageError as problem:
            raise _named(each, problem) from None
        counted.add([exchange], each)
        yield exchange


def _calls(folder: Path, listed: Iterable[Listed], counted: "_Counted") -> Iterator[CallRecord]:
    for each, document in _stored(folder, listed, CALLS):
        try:
            call = call_file.from_document(document, source=each.path)
        except UsageError as problem:
            raise _named(each, problem) from None
        counted.add([*call.exchanges, *call.webhooks], each)
        yield call


@dataclass(kw_only=True)
class _Counted:
    """What the files of a bundle brought so far."""

    reads: int = 0
    decoded: int = 0

    def add(self, exchanges: Sequence[Exchange], listed: Listed) -> None:
        """Raises BundleError where it becomes more than is judged."""
        self.reads += sum(len(each.reads) for each in exchanges)
        if self.reads > _MAX_READS:
            raise BundleError(f"{listed.path} brings the reads of the bundle above {_MAX_READS:,}")
        self.decoded += sum(map(_decoded_bytes, exchanges))
        if self.decoded > _MAX_DECODED_BYTES:
            raise BundleError(f"{listed.path} brings the decoded bytes of the bundle above {_MAX_DECODED_BYTES:,}")


def _decoded_bytes(exchange: Exchange) -> int:
    return sum(len(read.data) for read in decode_content(exchange).reads)


def _named(listed: Listed, problem: UsageError) -> BundleError:
    words = str(problem)
    return BundleError(words if words.startswith(listed.path) else f"{listed.path}: {words}")


def _stored(folder: Path, listed: Iterable[Listed], kind: str) -> Iterator[tuple[Listed, object]]:
    for each in listed:
        if each.path.startswith(f"{kind}/"):
            yield each, document_in(read_file(folder, each.path, listed=each), each.path)
