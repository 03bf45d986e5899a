"""What other distributions add is no part of a certificate: it rests on the frozen requirements and nothing else."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from made_certificates import exchange, small_plan
from made_distributions import RULES, installed, with_distribution
from vapi_conformance.certificate.bundle import Bundle, BundleWriter, read_bundle
from vapi_conformance.certificate.conditions import Circumstances
from vapi_conformance.certificate.rejudging import differences, newer, rejudged
from vapi_conformance.certificate.requirements import current_set, drift
from vapi_conformance.evidence import Conditions
from vapi_conformance.narrow import array_or_nothing, object_or_nothing
from vapi_conformance.rules import all_rules, own_rules


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    writer = BundleWriter(folder=tmp_path)
    writer.put("plan.json", small_plan())
    writer.put_exchange(exchange())
    writer.put("conditions.json", Circumstances(conditions=Conditions(), lints=[]).to_document())
    writer.finish()
    return read_bundle(tmp_path, is_judged=False)


def acme(folder: Path) -> Path:
    """A rule that everything breaks, and a consumer that fails."""
    broken = RULES.replace('if b"ello" not in evidence.body', "if True")
    points = {"rules": {"acme": "acme_strict"}, "consumers": {"acme": "nowhere"}}
    return installed(folder, points=points, modules={"acme_strict.py": broken})


def rules_in(report: Mapping[str, object]) -> Sequence[Mapping[str, object]]:
    return [object_or_nothing(each) for each in array_or_nothing(report["rules"])]


def test_a_bundle_is_judged_alike_with_and_without_them(bundle: Bundle, tmp_path: Path) -> None:
    plain, said = rejudged(bundle), newer(bundle)
    with with_distribution(acme(tmp_path / "acme")):
        assert "acme.greets" in all_rules()
        again = rejudged(bundle)
        assert said == newer(bundle)
    assert [] == differences(plain, again)
    assert json.dumps(plain) == json.dumps(again)
    assert {None} == {each["origin"] for each in rules_in(again)}


def test_the_frozen_requirements_are_ours(tmp_path: Path) -> None:
    before = list(drift(current_set(), own_rules()))
    with with_distribution(acme(tmp_path)):
        assert "acme.greets" not in {rule.id for rule in current_set().rules}
        assert before == list(drift(current_set(), own_rules()))
