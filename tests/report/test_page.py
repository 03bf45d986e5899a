"""The report as a page: valid, small, self-contained, harmless whatever it is given; every link leads somewhere."""

import re
from base64 import b64encode
from collections.abc import Iterator, Mapping
from functools import cache
from hashlib import sha256
from typing import cast
from xml.etree import ElementTree as ET

import html5lib
import pytest

from made_reports import ECHOED, dead_air, hostile, played, report, rule, violation
from vapi_conformance.report.page import render_page
from vapi_conformance.schema import errors

Document = Mapping[str, object]

LOADING = {"src", "srcset", "xlink:href", "action", "formaction", "data", "poster", "background", "ping"}
PIECE = ("text", "at_ms", "from_ms", "until_ms")
TEN_MB = 10_000_000
BROKEN = report(
    [
        rule("sse.last-event-is-terminated", "violated"),
        rule("chat-stream.ends-with-done", "violated", level="SHOULD", expected_failure=True),
        rule("tools.ids-differ", "untestable", reason="No tool was called in 3 tries.", judged=0),
        rule("http.coding-is-flushed-per-event", "not applicable", judged=0),
        rule("sse.payload-is-json"),
    ],
    [played(), dead_air()],
    heard={"heard": 1, "silence": 2},
    expected_failures=["chat-stream.ends-with-done"],
)
OLD = {key: value for key, value in report().items() if key not in ("played", "machine", "expected_failures")}


@cache
def broken_page() -> str:
    return render_page([BROKEN])


def parsed(html: str) -> ET.Element:
    """By the standard's own algorithm, which forgives nothing here."""
    parser = html5lib.HTMLParser(strict=True, namespaceHTMLElements=False)
    return cast("ET.Element", parser.parse(html))  # pyright: ignore[reportUnknownMemberType] - untyped


def text(element: ET.Element) -> str:
    return " ".join("".join(element.itertext()).split())


def by_class(root: ET.Element, name: str) -> Iterator[ET.Element]:
    return (each for each in root.iter() if name in each.attrib.get("class", "").split())


def by_id(root: ET.Element, identity: str) -> ET.Element:
    [found] = [each for each in root.iter() if each.attrib.get("id") == identity]
    return found


DOCUMENTS = pytest.mark.parametrize(
    "documents",
    [[report()], [BROKEN], [OLD], [hostile()], [report(), BROKEN, OLD], [hostile(), hostile()]],
    ids=["sound", "broken", "old", "hostile", "several", "several hostile"],
)


@pytest.mark.parametrize("document", [report(), BROKEN, hostile()], ids=["sound", "broken", "hostile"])
def test_the_documents_of_these_tests_follow_the_schema(document: Document) -> None:
    assert [] == list(errors("harness/report", document))


class TestPage:
    @DOCUMENTS
    def test_is_valid_and_its_ids_are_there_once(self, documents: list[Document]) -> None:
        root = parsed(render_page(documents))
        identities = [each.attrib["id"] for each in root.iter() if "id" in each.attrib]
        assert len(set(identities)) == len(identities)

    @DOCUMENTS
    def test_every_link_leads_to_a_place_in_the_page(self, documents: list[Document]) -> None:
        root = parsed(render_page(documents))
        identities = {each.attrib["id"] for each in root.iter() if "id" in each.attrib}
        targets = {each.attrib["href"] for each in root.iter("a")}
        assert set() == {each for each in targets if each[:1] != "#" or each[1:] not in identities}

    @DOCUMENTS
    def test_what_is_labelled_has_its_label(self, documents: list[Document]) -> None:
        root = parsed(render_page(documents))
        identities = {each.attrib["id"] for each in root.iter() if "id" in each.attrib}
        labels = {each.attrib["aria-labelledby"] for each in root.iter() if "aria-labelledby" in each.attrib}
        assert set() == labels - identities

    @DOCUMENTS
    def test_loads_nothing_and_has_one_script(self, documents: list[Document]) -> None:
        root = parsed(render_page(documents))
        names = {name for each in root.iter() for name in each.attrib}
        tags = [each.tag for each in root.iter()]
        assert [] == [each for each in ("link", "img", "iframe", "object", "embed", "base", "form") if each in tags]
        assert (1, 1) == (tags.count("script"), tags.count("style"))
        assert set() == (names & LOADING) | {name for name in names if name.startswith("on")} | (names & {"style"})
        assert not re.search(r"url\((?!#)|@import|https?:", "".join(text(each) for each in root.iter("style")))

    @DOCUMENTS
    def test_its_policy_knows_its_own_style_and_script_only(self, documents: list[Document]) -> None:
        html = render_page(documents)
        [policy] = [each.attrib["content"] for each in parsed(html).iter("meta") if "http-equiv" in each.attrib]
        [style] = re.findall(r"<style>(.*?)</style>", html, flags=re.DOTALL)
        [script] = re.findall(r"<script>(.*?)</script>", html, flags=re.DOTALL)
        hashes = [b64encode(sha256(each.encode()).digest()).decode() for each in (style, script)]
        assert (
            "default-src 'none'; style-src 'sha256-{}'; script-src 'sha256-{}'; base-uri 'none'; form-action 'none'"
        ).format(*hashes) == policy


class TestHostileWords:
    @pytest.mark.parametrize("many", [1, 2])
    def test_are_shown_and_not_obeyed(self, many: int) -> None:
        html = render_page([hostile()] * many)
        shown = text(parsed(html))
        assert (1, False, False) == (html.count("<script"), "\u202e" in html, "\x00" in html)
        assert shown.count(f"{ECHOED}\\u202etxt.exe {{{{ 7*7 }}}}\\x00") > 20
        assert "49" not in re.findall(r"txt\.exe (\S+)", shown)

    def test_do_not_change_what_the_page_is_made_of(self) -> None:
        ours, theirs = parsed(broken_page()), parsed(render_page([hostile()]))
        for tag in ("title", "style", "script", "main", "h1", "footer"):
            assert [1, 1] == [len([*root.iter(tag)]) for root in (ours, theirs)], tag

    def test_ten_megabytes_in_every_place_are_bounded(self) -> None:
        html = render_page([hostile("<" * TEN_MB)])
        assert len(html) < 4_000_000
        assert "more characters)" in html

    @pytest.mark.parametrize(
        "strange",
        [None, 7, "text", [], [None, 3], {}, {"id": 4}, float("nan"), float("inf"), 10**400, True],
        ids=["null", "number", "text", "array", "array of others", "object", "object of others", *"nihb"],
    )
    def test_values_of_other_kinds_are_no_failure(self, strange: object) -> None:
        """A document may come from a file that somebody else wrote."""
        everything = [
            *({**report(), name: strange} for name in report()),
            *(report([{**rule(outcome="violated"), name: strange}]) for name in rule()),
            *(report([rule(outcome="violated", violations=[violation(**{name: strange})])]) for name in violation()),
            *(report(exchanges=[{**dead_air(), name: strange}]) for name in played()),
            *(report(exchanges=[{**dead_air(), "pieces": [{"text": "a", name: strange}]}]) for name in PIECE),
        ]
        for document in everything:
            assert render_page([document]).startswith("<!DOCTYPE html>")


class TestSize:
    def test_a_big_run_stays_small_and_folded(self) -> None:
        rules = [rule(f"http.rule-{at}", "violated", violations=[violation()] * 50) for at in range(120)]
        rules += [rule(f"sse.rule-{at}") for at in range(480)]
        body = {"text": '"quoted"' * 700, "bytes": 5600, "left_out": 0}
        exchanges = [played(f"plain/step-{at}", body=body, curl="curl " + '"x"' * 1500) for at in range(330)]
        html = render_page([report(rules, exchanges)])
        root = parsed(html)
        assert len(html.encode()) < 4_000_000
        assert (600, 330) == (len([*by_class(root, "rule")]), len([*by_class(root, "exchange")]))
        assert [] == [each for each in root.iter("details") if "open" in each.attrib]

    def test_many_runs_stay_small_and_links_lead_somewhere_all_the_same(self) -> None:
        rules = [rule(f"sse.rule-{at}", "violated" if at < 20 else "passed") for at in range(300)]
        exchanges = [played(), *(played(f"plain/step-{at}") for at in range(200))]
        html = render_page([report(rules, exchanges)] * 12)
        root = parsed(html)
        identities = {each.attrib["id"] for each in root.iter() if "id" in each.attrib}
        assert len(html.encode()) < 8_000_000
        assert set() == {each.attrib["href"][1:] for each in root.iter("a")} - identities
        assert "Exchanges that no finding names are left out" in html


class TestVerdict:
    @pytest.mark.parametrize(
        ("rules", "sentence"),
        [
            ([rule()], "Conformant: every rule that was shown holds."),
            (
                [rule(), rule("a.b", "violated", level="SHOULD")],
                "Conformant: every MUST rule that was shown holds. 1 SHOULD rule broken.",
            ),
            ([rule(), rule("a.b", "violated", level="MAY")], "Conformant: every rule that gates or warns holds."),
            (
                [rule("a.b", "violated"), rule("a.c", "violated"), rule("a.d", "untestable")],
                "Not conformant: 2 MUST rules broken, 1 MUST rule could not be shown.",
            ),
            ([rule("a.b", "untestable")], "Incomplete: 1 MUST rule could not be shown, and a skip is not a pass."),
        ],
        ids=["all hold", "one warns", "one informs", "broken", "not shown"],
    )
    def test_is_one_sentence(self, rules: list[Document], sentence: str) -> None:
        [shown] = [text(each) for each in by_class(parsed(render_page([report(rules)])), "verdict") if each.tag == "p"]
        assert sentence == shown

    def test_says_why_nothing_could_be_judged(self) -> None:
        document = report(verdict="incomplete", unreachable="nobody listens at port 1", rules=[], played=[])
        [shown] = [text(each) for each in by_class(parsed(render_page([document])), "verdict")]
        assert "Nothing could be judged: nobody listens at port 1" == shown

    def test_what_it_does_not_prove_counts_what_was_not_seen(self) -> None:
        root = parsed(broken_page())
        [limits] = [each for each in root.iter("section") if each.attrib.get("aria-labelledby") == "limits"]
        assert "1 rule could not be shown at all: neither passed nor broken." in text(limits)
        assert "No account at Vapi was involved." in text(limits)

    def test_a_bug_of_ours_and_a_failure_that_is_over_are_told(self) -> None:
        root = parsed(render_page([report([rule("a.b", "harness error"), rule("a.c", expected_failure=True)])]))
        assert [
            "1 rule failed to run, which is our bug and says nothing of the endpoint.",
            "Listed as known to fail, and holding now: a.c.",
        ] == [text(each) for each in root.iter("p") if each.attrib.get("class") == "bad"]

    @pytest.mark.parametrize(
        ("other", "sentence"),
        [
            (
                rule("a.c"),
                "Listed as known to fail: 1 of 1 rule that would fail the run; nothing else fails the run.",
            ),
            (rule("a.c", "untestable"), "Listed as known to fail: 1 of 2 rules that would fail the run."),
        ],
        ids=["all are known", "one is not"],
    )
    def test_a_failure_that_is_known_is_told_beside_the_verdict(self, other: Document, sentence: str) -> None:
        root = parsed(render_page([report([rule("a.b", "violated", expected_failure=True), other])]))
        assert [sentence] == [text(each) for each in root.iter("p") if each.attrib.get("class") == "bad"]

    def test_where_it_comes_from(self) -> None:
        root = parsed(broken_page())
        [place] = [each for each in root.iter("section") if each.attrib.get("aria-labelledby") == "provenance"]
        assert {
            "Endpoint": "http://endpoint.example/v1/chat/completions",
            "Model": "m",
            "Called by": "vapi, openai_compatible",
            "Profile": "vapi",
            "Judged": "2026-11-21T18:41:45+00:00, in 15.5 s",
            "Suite": "vapi-conformance 0.1.0",
            "Machine": "Linux x86_64, Python 3.11.7",
            "Shown": "3 of 5 rules, over 2 exchanges",
            "Expected failures": "1: chat-stream.ends-with-done",
        } == dict(zip(map(text, place.iter("dt")), map(text, place.iter("dd")), strict=True))


class TestRules:
    def test_stand_by_layer_what_is_broken_first_and_the_rest_folded(self) -> None:
        root = parsed(broken_page())
        told = [(text(next(each.iter("h3"))), [*by_class(each, "id")]) for each in by_class(root, "layer")]
        assert [
            ("Server-sent events", ["sse.last-event-is-terminated", "sse.payload-is-json"]),
            ("The answer as a stream", ["chat-stream.ends-with-done"]),
            ("Tools", ["tools.ids-differ"]),
            ("HTTP", ["http.coding-is-flushed-per-event"]),
        ] == [(title, [text(each) for each in identities]) for title, identities in told]
        folded = [text(each) for fold in by_class(root, "rest") for each in by_class(fold, "id")]
        assert ["sse.payload-is-json", "http.coding-is-flushed-per-event"] == folded

    def test_have_their_id_as_their_place(self) -> None:
        place = by_id(parsed(broken_page()), "sse.last-event-is-terminated")
        assert "HTML Living Standard, 9.2.6" in text(place)
        assert "Violated: broken in 1 of 3 that show it." in text(place)
        assert "Mend End every event with an empty line." in text(place)

    def test_show_expected_and_actual_and_the_bytes_that_are_meant(self) -> None:
        place = by_id(parsed(broken_page()), "sse.last-event-is-terminated")
        assert ["an empty line after the last event", "the body ends inside an event"] == [
            text(each) for each in place.iter("dd")
        ]
        [marked] = [text(each) for each in place.iter("mark")]
        assert "⟦data: [DONE]⟧" == marked
        assert "plain/stream, bytes 213 to 224, 0.20 s after the request was written" == text(
            next(by_class(place, "subhead"))
        )

    def test_where_something_is_missing_a_place_is_marked(self) -> None:
        missing = violation(bytes={"before": "data: [DONE]", "marked": "", "after": "", "left_out": 0})
        root = parsed(render_page([report([rule("a.b", "violated", violations=[missing])])]))
        assert ["here something is missing"] == [text(each) for each in root.iter("mark")]

    def test_can_be_repeated_and_told_to_others(self) -> None:
        place = by_id(parsed(broken_page()), "sse.last-event-is-terminated")
        request, check, issue = [text(each) for shown in by_class(place, "copied") for each in shown.iter("pre")]
        assert request.startswith("curl -sSN http://endpoint.example/v1/chat/completions")
        assert check.endswith("--endpoint-rule sse.last-event-is-terminated")
        assert issue.startswith("### `sse.last-event-is-terminated` is broken (MUST)")

    def test_say_why_they_were_not_shown(self) -> None:
        place = by_id(parsed(broken_page()), "tools.ids-differ")
        assert "Untestable. No tool was called in 3 tries." in text(place)

    def test_of_others_whose_ids_are_no_anchors_have_a_place_of_their_own(self) -> None:
        root = parsed(render_page([report([rule("Their Rule!"), rule("content")])]))
        places = [each.attrib["id"] for each in by_class(root, "inside")][:2]
        assert [True, True] == [each.startswith("rule-") for each in places]


class TestExchanges:
    def test_those_of_a_call_stand_together(self) -> None:
        exchanges = [played(), dead_air("calls/slow/turn-1.1"), dead_air("calls/slow/turn-2.1")]
        root = parsed(render_page([report(exchanges=exchanges)]))
        groups = [[text(each) for each in by_class(group, "title")] for group in by_class(root, "group")]
        assert [["stream"], ["turn-1.1", "turn-2.1"]] == groups

    def test_tell_what_every_client_makes_of_the_bytes(self) -> None:
        place = by_id(parsed(broken_page()), "exchange-1")
        [clients] = by_class(place, "consumers")
        assert [
            "Vapi, of this answer as a whole heard The answer is spoken. (observed)",
            "openai 4.91 for Node heard 29 characters, then the end (measured against the package)",
        ] == [text(each) for each in clients]

    def test_name_the_rules_they_break(self) -> None:
        place = by_id(parsed(broken_page()), "exchange-1")
        [said] = [text(each) for each in place.iter("p") if text(each).startswith("Breaks")]
        assert "Breaks sse.last-event-is-terminated, chat-stream.ends-with-done." == said

    def test_a_silence_is_heard_by_who_cannot_see_it(self) -> None:
        [told] = by_class(parsed(broken_page()), "wrong")
        [line] = by_class(told, "heard")
        unseen = [text(each) for each in by_class(line, "unseen")]
        assert ["(after 0.40 s)", "(silence of 3.20 s)"] == unseen


class TestHearing:
    HEADINGS = ("What the caller hears", "What a caller would hear")

    def headings(self, document: Document) -> list[str]:
        return [told for each in parsed(render_page([document])).iter("h2") if (told := text(each)) in self.HEADINGS]

    def test_is_vapis_or_a_thought(self) -> None:
        direct = {"name": "e", "url": None, "platform": "direct", "model": None}
        assert [[self.HEADINGS[0]], [self.HEADINGS[1]]] == [
            self.headings(report()),
            self.headings(report(target=direct, dialect="anthropic_messages")),
        ]

    def test_of_answers_to_server_messages_there_is_none(self) -> None:
        document = report(dialect="vapi_server_messages", exchanges=[played(pieces=[])])
        assert [] == self.headings(document)
        assert [] == [*by_class(parsed(render_page([document])), "speech")]


class TestSeveral:
    def test_stand_side_by_side_with_two_signs_a_cell(self) -> None:
        root = parsed(render_page([report([rule("sse.a"), rule("sse.b")]), report([rule("sse.a", "violated")])]))
        table = next(root.iter("table"))
        rows = [[text(cell) for cell in row] for row in table.iter("tr")]
        assert [
            ["sse.a MUST", "✓·passed", "✕●broken (broken in 1 of 3); it is heard or acted on all the same"],
            ["sse.b MUST", "✓·passed", "not among the rules of this run"],
        ] == rows[1:]

    def test_two_runs_of_one_endpoint_are_told_apart(self) -> None:
        root = parsed(render_page([report(), report()]))
        assert ["all", "http://endpoint.example/v1 (1)", "http://endpoint.example/v1 (2)"] * 2 == [
            text(each) for each in root.iter("option")
        ]

    def test_the_difference_of_any_two_is_told(self) -> None:
        first, second = report([rule("sse.a"), rule("sse.b")]), report([rule("sse.a", "violated"), rule("sse.b")])
        root = parsed(render_page([{**first, "target": {"name": "A"}}, {**second, "target": {"name": "B"}}]))
        [told] = by_class(root, "differences")
        assert ["1 rule worse, from A to B.", "1 rule better, from B to A."] == [text(each) for each in told][:2]

    def test_a_deep_link_leads_to_the_rule_in_the_table(self) -> None:
        assert "tr" == by_id(parsed(render_page([report(), BROKEN])), "sse.payload-is-json").tag
