"""Whatever somebody puts into a bundle and signs: it is judged or refused in a sentence, and nothing breaks.

Digests and signature are made to fit, as anybody can do who has a key of their own; so every check is reached.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from made_certificates import ISSUED_AT, KEY, Certificate, made_certificate
from vapi_conformance.certificate.canonical import canonical_json, sha256_hex
from vapi_conformance.certificate.envelope import encoded, envelope_in, signed, taken_apart
from vapi_conformance.certificate.statement import EXTENSION
from vapi_conformance.certificate.verifying import verify

Record = dict[str, object]
Place = tuple[str | int, ...]

JSON = cast(
    "list[object]",
    json.loads(r'[null, true, 0, -1, 1e308, "", "x", "\u001b[31m", "\ud800", "\u202e", [], {}, [[]], [null], {"": 1}]'),
)
ODD = [*JSON, 10**299, "x" * 5000]


def places(value: object, above: Place = ()) -> Iterator[Place]:
    """Of every value inside."""
    if above:
        yield above
    if isinstance(value, dict):
        for key, below in cast("Record", value).items():
            yield from places(below, (*above, key))
    elif isinstance(value, list):
        for number, below in enumerate(cast("list[object]", value)):
            yield from places(below, (*above, number))


def put(document: object, place: Place, value: object) -> None:
    """As a subscript would, step by step."""
    holder = cast("dict[str | int, object]", document)  # or a list, where the step is a number
    for step in place[:-1]:
        holder = cast("dict[str | int, object]", holder[step])
    holder[place[-1]] = value


def resealed(certificate: Certificate, path: str, document: object, folder: Path) -> Certificate:
    """A copy with another document in that file, listed, stated and signed as if it had always been so."""
    manifest = cast("Record", json.loads((certificate.bundle / "manifest.json").read_bytes()))
    bundle = folder / "bundle"
    for each in cast("list[Record]", manifest["files"]):
        content = (certificate.bundle / str(each["path"])).read_bytes()
        if each["path"] == path:
            content = canonical_json(document)
            each.update(sha256=sha256_hex(content), bytes=len(content))
        (bundle / str(each["path"])).parent.mkdir(parents=True, exist_ok=True)
        (bundle / str(each["path"])).write_bytes(content)
    (bundle / "manifest.json").write_bytes(canonical_json(manifest))
    statement = cast("Record", json.loads(taken_apart(envelope_in(certificate.file.read_bytes())).payload))
    _state(statement, cast("Record", document) if path == "plan.json" else {}, sha256_hex(canonical_json(manifest)))
    (folder / "certificate.json").write_bytes(encoded(signed(canonical_json(statement), KEY)))
    return Certificate(file=folder / "certificate.json", bundle=bundle)


def _state(statement: Record, plan: Record, bundle: str) -> None:
    """The bundle, and what a plan that was changed says, go into the statement."""
    subject, predicate = cast("list[Record]", statement["subject"]), cast("Record", statement["predicate"])
    subject[0]["digest"] = {"sha256": bundle}
    if not plan:
        return
    extension = cast("Record", predicate[EXTENSION])
    extension |= {name: plan[name] for name in ("level", "profile", "suite", "started_at", "target") if name in plan}
    subject[1]["digest"] = {"sha256": sha256_hex(canonical_json(plan.get("target")))}
    cast("list[Record]", predicate["configuration"])[0]["digest"] = {"sha256": sha256_hex(canonical_json(plan))}


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return made_certificate(tmp_path_factory.mktemp("certificate"))


@pytest.mark.parametrize(
    "path", ["plan.json", "conditions.json", "report.json", "exchanges/0001-plain-json.json.1.exchange.json"]
)
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_any_value_at_any_place_is_judged_or_refused(
    certificate: Certificate, tmp_path_factory: pytest.TempPathFactory, path: str, data: st.DataObject
) -> None:
    document: object = json.loads((certificate.bundle / path).read_bytes())
    put(document, data.draw(st.sampled_from(list(places(document)))), data.draw(st.sampled_from(ODD)))
    changed = resealed(certificate, path, document, tmp_path_factory.mktemp("changed"))
    verification = verify(changed.file.read_bytes(), key=KEY.public_key(), bundle=changed.bundle, now=ISSUED_AT)
    assert verification.sentence
    assert "signature" in [each.name for each in verification.checks if each.outcome.value == "held"]


def test_what_is_resealed_unchanged_is_verified(certificate: Certificate, tmp_path: Path) -> None:
    """So that the test above reaches every check."""
    plan: object = json.loads((certificate.bundle / "plan.json").read_bytes())
    again = resealed(certificate, "plan.json", plan, tmp_path)
    verification = verify(again.file.read_bytes(), key=KEY.public_key(), bundle=again.bundle, now=ISSUED_AT)
    assert {"held"} == {each.outcome.value for each in verification.checks}
