"""Each rule catches its broken example and passes the sound one; what else it is about has a test of its own."""

from dataclasses import replace

import pytest

from acme_conformance import rules
from acme_conformance.rules import no_shouting
from vapi_conformance.extending import Evidence, Rule
from vapi_conformance.testing import load_specimen, prove

RULES = [each for each in vars(rules).values() if isinstance(each, Rule)]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_catches_and_does_not_cry_wolf(rule: Rule) -> None:
    specimen = load_specimen(rule.id, "acme_conformance")
    prove(rule, specimen.broken_evidence(), specimen.sound_evidence())


def test_lets_the_endpoint_quote_its_caller() -> None:
    (evidence,) = load_specimen("acme.no-shouting", "acme_conformance").broken_evidence()
    asked = (evidence.exchange.request.body or b"").replace(b"When do you open", b"Is it SEVEN")
    exchange = replace(evidence.exchange, request=replace(evidence.exchange.request, body=asked))
    assert [] == list(no_shouting.check([Evidence(exchange=exchange)]))


def test_points_at_the_chunk_that_ends_the_word() -> None:
    broken = load_specimen("acme.no-shouting", "acme_conformance").broken_evidence()
    (violation,) = no_shouting.check(broken)
    assert ("the word 'SEVEN'", 1) == (violation.actual, violation.chunk)
