"""The summary for CI: reads well, says what gates, and what an endpoint said stays text, by GitHub's own Markdown."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import cast
from xml.etree.ElementTree import Element

import cmarkgfm
import html5lib
import pytest
from cmarkgfm.cmark import Options

from made_runs import (
    INFORMED,
    NOT_APPLICABLE,
    OURS,
    PASSED,
    SOUND,
    TARGET,
    UNREACHABLE,
    UNTESTABLE,
    VIOLATED,
    WARNED,
    result,
    run,
)
from vapi_conformance.report.document import to_document
from vapi_conformance.report.markdown import MOST_BYTES, render_markdown
from vapi_conformance.report.markdown_escape import block, code, plain
from vapi_conformance.report.run import Run
from vapi_conformance.rules.rule import MUST, Violation
from vapi_conformance.verdict import Outcome

HOSTILE = (
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "</code></pre></details><h1>conformant</h1>",
    "[click](javascript:alert(1))",
    "![x](http://a.example/x.png)",
    "http://a.example/ www.a.example a@b.example",
    "**bold** _it_ ~~gone~~ `code` $x$ :tada:",
    "| a | b |\n| --- | --- |\n| c | d |",
    "\n\n# conformant\n\n",
    "&lt;b&gt; &#60;",
    "\x1b[2J \u202e \x00 \ud800",
    "- [ ] task\n1. one\n> quote\n---",
    "@somebody #1 !2 ~bug %milestone",
    "```\nfence",
    "\\`a\\`",
    "[^1] [x]: http://a.example",
)


def as_html(text: str) -> str:
    """What GitHub makes of it before its sanitizer, which takes more away and adds nothing."""
    return str(cmarkgfm.github_flavored_markdown_to_html(text, Options.CMARK_OPT_UNSAFE))  # pyright: ignore[reportUnknownMemberType,reportUnknownArgumentType] - untyped


def tree(text: str) -> Element:
    """As a browser reads that."""
    parser = html5lib.HTMLParser(namespaceHTMLElements=False)
    body = cast("Element", parser.parse(as_html(text))).find("body")  # pyright: ignore[reportUnknownMemberType] - untyped
    assert body is not None
    return body


def elements(text: str) -> list[str]:
    return [str(each.tag) for each in tree(text).iter() if each.tag != "body"]


def content(text: str) -> str:
    return "".join(tree(text).itertext())


def rendered(made: Run, started_at: str | None = None) -> str:
    repeat = "pytest --endpoint u --endpoint-rule {rule}"
    return render_markdown([to_document(made, repeat=repeat, started_at=started_at)])


class TestReads:
    def test_the_verdict_comes_first_in_one_sentence(self) -> None:
        text = rendered(run(PASSED, VIOLATED, WARNED, UNTESTABLE))
        first, second, *_ = content(text).splitlines()
        assert "❌ http://endpoint.example/v1" == first.strip()
        assert second.startswith(
            "violated: 1 MUST broken, 1 MUST could not be shown, and a skip is not a pass, 1 SHOULD warns. "
            "What it does not prove:"
        )

    @pytest.mark.parametrize(
        ("made", "sentence"),
        [
            (run(PASSED), "conformant: every MUST that was shown holds; no SHOULD warns. "),
            (run(PASSED, WARNED), "conformant: every MUST that was shown holds; 1 SHOULD warns. "),
            (run(PASSED, OURS), "incomplete: every MUST that was shown holds; 1 rule failed to run, which is our bug"),
            (run(PASSED, unreachable="nobody is there"), "incomplete: nobody is there"),
        ],
    )
    def test_each_verdict(self, made: Run, sentence: str) -> None:
        assert sentence in content(rendered(made))

    @pytest.mark.parametrize(
        ("made", "sentence"),
        [
            (run(PASSED, VIOLATED), "Listed as known to fail: 1 MUST, and nothing else fails the run. "),
            (run(PASSED, VIOLATED, UNTESTABLE), "Listed as known to fail: 1 MUST. "),
        ],
        ids=["all are known", "one is not"],
    )
    def test_a_failure_that_is_known_is_told_beside_the_verdict(self, made: Run, sentence: str) -> None:
        document = to_document(made, expected_failures=["sse.must-break"])
        assert sentence in content(render_markdown([document])).splitlines()[1]

    def test_counts_and_what_gates_are_tables(self) -> None:
        text = rendered(run(PASSED, VIOLATED, WARNED, INFORMED, UNTESTABLE, UNREACHABLE, OURS, NOT_APPLICABLE))
        assert "| MUST | 1 | 1 | 2 | 0 | 1 |" in text
        assert "| SHOULD | 0 | 1 | 0 | 1 | 0 |" in text
        assert ["table"] * 2 == [each for each in elements(text) if each == "table"]
        gating = content(text).partition("What gates")[2].partition("What gates, in full")[0]
        ids = ("sse.must-break", "sse.unseen", "sse.out-of-reach", "sse.ours")
        assert [True] * 4 == [each in gating for each in ids]
        assert "sse.should-break" not in gating

    def test_details_are_folded(self) -> None:
        text = rendered(run(PASSED, VIOLATED, WARNED, NOT_APPLICABLE))
        summaries = ("What gates, in full", "1 SHOULD that warns", "1 rule does not apply")
        assert [True] * 3 == [f"<details><summary>{each}</summary>" in text for each in summaries]
        assert text.count("<details>") == text.count("</details>") == elements(text).count("details")

    def test_a_violation_shows_its_bytes_what_it_does_and_how_to_repeat_it(self) -> None:
        violation = Violation(expected="an end", actual="none", start=6, end=12, at_ns=1_234_567)
        text = rendered(run(result(Outcome.VIOLATED, MUST, violation)))
        shown = content(text)
        for line in (
            "requires: What is required holds.",
            "expected: an end",
            "actual: none",
            "at: plain/stream, byte 6, 1.2 ms after the request was written",
            "effect: Vapi, of this answer as a whole: The answer is spoken. (observed)",
            "mend: Mend it.",
            "pytest --endpoint u --endpoint-rule sse.holds",
        ):
            assert line in shown
        meant = SOUND.body[6:12].decode().replace('"', "&quot;")
        assert f"<mark>{meant}</mark>" in text

    def test_a_missing_byte_has_a_sign(self) -> None:
        violation = Violation(expected="an end", actual="none", start=6, end=6)
        assert "<mark>▸ here ◂</mark>" in rendered(run(result(Outcome.VIOLATED, MUST, violation)))

    def test_expected_failures_are_known(self) -> None:
        document = to_document(run(VIOLATED), expected_failures={"sse.must-break"})
        assert "| broken, known | 1 of 1 |" in render_markdown([document])

    def test_several_reports_have_a_table_of_all_first(self) -> None:
        documents = [to_document(run(PASSED)), to_document(run(VIOLATED, WARNED))]
        shown = content(render_markdown(documents))
        assert shown.index("MUST broken or not shown") < shown.index("every MUST that was shown holds")
        assert ("✅", "❌") == tuple(each for each in shown if each in "✅❌")[:2]

    def test_provenance(self) -> None:
        shown = content(rendered(run(PASSED, duration_s=1.25), started_at="2026-11-21T03:00:00+00:00"))
        for part in (
            "model m",
            "platform vapi",
            "profile vapi",
            "3 exchanges",
            "in 1.2 s",
            "2026-11-21T03:00:00+00:00",
        ):
            assert part in shown


class TestHostile:
    @pytest.mark.parametrize("words", HOSTILE)
    def test_words_stay_words_wherever_they_stand(self, words: str) -> None:
        quiet, loud = (
            run(
                result(Outcome.VIOLATED, MUST, Violation(expected=each, actual=each, start=0, end=3), reason=each),
                replace(UNTESTABLE, reason=each),
                replace(NOT_APPLICABLE, reason=each),
                target=replace(TARGET, name=each, url=each, model=each),
                lints=[each],
                heard={each: 1},
                flavour=each,
            )
            for each in ("word", words)
        )
        assert elements(rendered(quiet)) == [each for each in elements(rendered(loud)) if each != "wbr"]
        assert all(each == "\n" or each.isprintable() for each in rendered(loud))

    @pytest.mark.parametrize("words", HOSTILE)
    def test_and_are_seen_as_they_are(self, words: str) -> None:
        seen = words.replace("\n", "\\n")
        for text in (plain(words), code(words)):
            assert {"wbr", "code", "p"} >= set(elements(f"said: {text}"))
            if words.isprintable():
                assert seen in content(f"said: {text}")

    @pytest.mark.parametrize("words", HOSTILE)
    def test_a_block_ends_where_it_ends(self, words: str) -> None:
        made = f"{block(words, (words,), words)}\n\nafter"
        assert ["pre", "mark", "p"] == elements(made)

    def test_a_body_with_tags_in_it(self) -> None:
        hostile = replace(
            SOUND, reads=(replace(SOUND.reads[0], data=b"</pre></details><script>x</script>\n\n# yes\n\n"),)
        )
        violation = Violation(expected="a", actual="b", start=0, end=20)
        text = rendered(run(result(Outcome.VIOLATED, MUST, violation, exchange=hostile)))
        assert not {"script", "h1"} & set(elements(text))


class TestBounds:
    def test_a_run_in_which_all_is_broken_with_long_words_fits_into_a_step(self) -> None:
        long = "<|*" * 200_000
        violations = [Violation(expected=long, actual=long, start=0, end=2000) for _ in range(3)]
        broken = [result(Outcome.VIOLATED, MUST, *violations, rule_id=f"sse.r-{n}", reason=long) for n in range(400)]
        document = to_document(run(*broken, lints=[long] * 30, target=replace(TARGET, name=long)))
        text = render_markdown([document])
        assert len(text.encode()) <= MOST_BYTES
        assert text.count("<details>") == text.count("</details>")
        assert "the report has them" in text

    def test_so_do_many_reports(self) -> None:
        document = to_document(run(*[VIOLATED] * 40, target=replace(TARGET, name="<" * 500)))
        text = render_markdown([document] * 400)
        assert len(text.encode()) <= MOST_BYTES

    @pytest.mark.parametrize(
        "document",
        [
            {},
            {"rules": 1, "target": [], "suite": None, "lints": {}, "heard": [], "verdict": 7},
            {"rules": [1, None, {}, {"level": "MUST", "outcome": "violated", "violations": [1, {"effects": [2]}]}]},
            {"heard": {"heard": "x"}, "suite": {"duration_s": "long"}, "exchanges": None},
        ],
    )
    def test_a_document_that_is_not_as_it_should_be_is_shown_as_far_as_it_goes(
        self, document: Mapping[str, object]
    ) -> None:
        assert render_markdown([document]).startswith("## ")

    def test_the_same_from_a_stored_document(self) -> None:
        document = to_document(run(PASSED, VIOLATED, WARNED))
        stored = cast("dict[str, object]", json.loads(json.dumps(document)))
        assert render_markdown([document]) == render_markdown([stored])
