"""A badge says what the certificate states, leads there, and runs nothing."""

import xml.etree.ElementTree as ET
from dataclasses import replace
from datetime import timedelta

import pytest

from made_certificates import ISSUED_AT, KEY, made_certificate
from vapi_conformance.certificate.badge import Badge, badge_of, checked_link, svg_of
from vapi_conformance.certificate.envelope import envelope_in, opened
from vapi_conformance.certificate.statement import EXTENSION, Statement, statement_in
from vapi_conformance.schema import errors

SVG = "{http://www.w3.org/2000/svg}"
BADGE = Badge(label="conformance (vapi)", message="tools, 40 of 41", colour="#2a7a2a", title="All of it")


@pytest.fixture(scope="module")
def statement(tmp_path_factory: pytest.TempPathFactory) -> Statement:
    certificate = made_certificate(tmp_path_factory.mktemp("certificate"))
    return statement_in(opened(envelope_in(certificate.file.read_bytes()), KEY.public_key()))


def stating(statement: Statement, result: str, **lists: object) -> Statement:
    extension: dict[str, object] = {**statement.extension, "noted": [], "not_shown": [], "level": "voice-ready"}
    predicate: dict[str, object] = {**statement.predicate, "result": result, EXTENSION: extension, **lists}
    return replace(statement, document={**statement.document, "predicate": predicate})


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


class TestWords:
    @pytest.mark.parametrize(
        ("result", "message"),
        [
            ("PASSED", "voice-ready, 2 of 4"),
            ("WARNED", "voice-ready with warnings, 2 of 4"),
            ("FAILED", "voice-ready not reached, 2 of 4"),
        ],
    )
    def test_tell_level_result_and_counts(self, statement: Statement, result: str, message: str) -> None:
        stated = stating(statement, result, passedTests=["a", "b"], warnedTests=["c"], failedTests=["d"])
        badge = badge_of(stated, now=ISSUED_AT)
        assert ("conformance (standard)", message) == (badge.label, badge.message)
        assert (
            f"conformance (standard): {message}. {result}: 2 of 4 rules are kept. "
            "Certificate of 2026-11-21, expires 2027-02-19"
        ) == badge.title

    def test_what_was_not_shown_counts_as_asked_and_not_as_kept(self, statement: Statement) -> None:
        missing = len([*statement.tests("passed")])
        badge = badge_of(statement, now=ISSUED_AT)
        assert badge.message.startswith(f"json not reached, {missing} of ")
        assert int(badge.message.split()[-1]) > missing

    def test_an_expired_certificate_says_only_that(self, statement: Statement) -> None:
        badge = badge_of(stating(statement, "PASSED"), now=ISSUED_AT + timedelta(days=90))
        assert ("expired 2027-02-19", "#5f6368") == (badge.message, badge.colour)

    def test_results_have_colours_of_their_own_that_white_words_can_be_read_on(self, statement: Statement) -> None:
        badges = [badge_of(stating(statement, each), now=ISSUED_AT) for each in ("PASSED", "WARNED", "FAILED")]
        badges.append(badge_of(statement, now=ISSUED_AT + timedelta(days=900)))
        assert 4 == len({each.colour for each in badges})
        assert all(1.05 / (luminance(each.colour) + 0.05) >= 4.5 for each in badges)

    def test_the_document_is_that_of_shields(self, statement: Statement) -> None:
        document = badge_of(statement, now=ISSUED_AT).to_document()
        assert () == errors("harness/badge", document)
        assert 1 == document["schemaVersion"]


class TestPicture:
    def test_has_a_title_and_leads_to_the_certificate(self) -> None:
        root = ET.fromstring(svg_of(BADGE, link="https://my.host/c.json?a=1&b=2"))
        (title,) = root.findall(f"{SVG}title")
        (link,) = root.findall(f"{SVG}a")
        assert ("All of it", "https://my.host/c.json?a=1&b=2", "All of it") == (
            title.text,
            link.get("href"),
            link.get("aria-label"),
        )

    def test_shows_both_halves_side_by_side(self) -> None:
        root = ET.fromstring(svg_of(BADGE, link="certificate.json"))
        left, right = root.iter(f"{SVG}rect")
        assert left.get("width") == right.get("x")
        assert int(root.get("width", "")) == int(left.get("width", "")) + int(right.get("width", ""))
        assert ["conformance (vapi)", "tools, 40 of 41"] == [each.text for each in root.iter(f"{SVG}text")]

    def test_loads_and_runs_nothing(self) -> None:
        root = ET.fromstring(svg_of(BADGE, link="certificate.json"))
        assert {"svg", "title", "a", "rect", "g", "text"} == {each.tag.removeprefix(SVG) for each in root.iter()}
        assert not [name for each in root.iter() for name in each.attrib if name.startswith("on") or "src" in name]

    def test_words_that_are_markup_stay_words(self) -> None:
        badge = replace(BADGE, message='</text><script>alert("1")</script>', title='"><script>')
        root = ET.fromstring(svg_of(badge, link='"><script>x</script>'))
        assert not list(root.iter(f"{SVG}script"))
        assert '</text><script>alert("1")</script>' in [each.text for each in root.iter(f"{SVG}text")]


class TestLinks:
    @pytest.mark.parametrize(
        "link",
        ["certificate.json", "../c.json", "/c.json", "https://my.host/c.json", "HTTP://x/", "a/b:c", "//my.host/c"],
    )
    def test_addresses_and_paths_are_taken(self, link: str) -> None:
        assert link == checked_link(link)

    @pytest.mark.parametrize(
        "link",
        [
            "",
            "javascript:alert(1)",
            "JavaScript:x",
            "data:text/html,x",
            "java\nscript:x",
            " javascript:x",
            "\u202ex",
            "file:///x",
        ],
    )
    def test_what_would_run_is_refused(self, link: str) -> None:
        with pytest.raises(ValueError, match=r"^a link "):
            checked_link(link)
