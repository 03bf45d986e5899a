"""What is believed and what is refused: each check by what breaks it, and every byte of a certificate and bundle."""

import json
from collections.abc import Mapping
from datetime import timedelta
from os import pwrite
from pathlib import Path
from typing import cast

import pytest

from made_certificates import ISSUED_AT, KEY, OTHER_KEY, Certificate, Edit, made_certificate, small_plan
from vapi_conformance import __version__
from vapi_conformance.certificate.bundle import read_bundle
from vapi_conformance.certificate.bundle_files import BundleError, read_file, read_manifest
from vapi_conformance.certificate.canonical import canonical_json, digest_of
from vapi_conformance.certificate.envelope import EnvelopeError, encoded, envelope_in, opened, signed
from vapi_conformance.certificate.levels import current_levels
from vapi_conformance.certificate.requirements import current_set
from vapi_conformance.certificate.statement import EXTENSION
from vapi_conformance.certificate.verifying import Belief, Verification, verify

Record = dict[str, object]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return made_certificate(tmp_path_factory.mktemp("certificate"))


def verified(
    certificate: Certificate, *, has_key: bool = True, has_bundle: bool = True, after: timedelta = timedelta(days=1)
) -> Verification:
    return verify(
        certificate.file.read_bytes(),
        key=KEY.public_key() if has_key else None,
        bundle=certificate.bundle if has_bundle else None,
        now=ISSUED_AT + after,
    )


def refusal(verification: Verification) -> tuple[str, str]:
    """Which check refused, and how."""
    assert Belief.REFUSED is verification.belief
    (refused,) = [each for each in verification.checks if each.outcome.value == "refused"]
    assert refused.sentence == verification.sentence
    return refused.name, verification.sentence


def held(verification: Verification) -> list[str]:
    return [each.name for each in verification.checks if each.outcome.value == "held"]


def not_checked(verification: Verification) -> list[str]:
    return [each.name for each in verification.checks if each.outcome.value == "not checked"]


def predicate(statement: Record) -> Record:
    return cast("Record", statement["predicate"])


def extension(statement: Record) -> Record:
    return cast("Record", predicate(statement)[EXTENSION])


class TestBelief:
    def test_a_sound_one_with_key_and_bundle_is_verified(self, certificate: Certificate) -> None:
        verification = verified(certificate)
        assert (Belief.VERIFIED, [], 10) == (
            verification.belief,
            not_checked(verification),
            len(held(verification)),
        )
        assert "It is signed by this key, and the bytes in the bundle, judged again, come to what it says." == (
            verification.sentence
        )

    def test_without_a_key_nobody_is_believed(self, certificate: Certificate) -> None:
        verification = verified(certificate, has_key=False)
        assert (Belief.SIGNER_UNKNOWN, ["signature"]) == (verification.belief, not_checked(verification))
        assert verification.sentence.startswith("The signer is unknown: no key was given")

    def test_a_certificate_that_anybody_signed_is_no_better_known(self, tmp_path: Path) -> None:
        assert Belief.SIGNER_UNKNOWN is verified(made_certificate(tmp_path, key=OTHER_KEY), has_key=False).belief

    def test_without_the_bundle_it_says_what_was_not_checked(self, certificate: Certificate) -> None:
        verification = verified(certificate, has_bundle=False)
        assert (Belief.VERIFIED, ["bundle", "plan", "verdict"]) == (verification.belief, not_checked(verification))
        assert "It is signed by this key; what it says was not checked, because the bundle was not given." == (
            verification.sentence
        )

    def test_nothing_is_said_of_a_statement_whose_signature_does_not_hold(self, tmp_path: Path) -> None:
        verification = verified(made_certificate(tmp_path, key=OTHER_KEY))
        assert (None, "signature") == (verification.statement, refusal(verification)[0])

    def test_checks_after_a_refusal_are_not_made(self, tmp_path: Path) -> None:
        verification = verified(made_certificate(tmp_path, key=OTHER_KEY))
        assert (["envelope"], 8) == (held(verification), len(not_checked(verification)))


class TestDates:
    def test_an_expired_one_is_refused_with_the_day(self, certificate: Certificate) -> None:
        assert ("dates", "The certificate has expired on 2027-02-19 12:00 UTC.") == refusal(
            verified(certificate, after=timedelta(days=90))
        )
        assert Belief.VERIFIED is verified(certificate, after=timedelta(days=90, seconds=-1)).belief

    def test_one_of_tomorrow_is_refused(self, certificate: Certificate) -> None:
        said = refusal(verified(certificate, after=timedelta(minutes=-6)))
        assert (
            "dates",
            "The certificate is dated in the future: it says it was issued on 2026-11-21 12:00 UTC.",
        ) == said

    def test_a_clock_that_is_a_little_behind_is_forgiven(self, certificate: Certificate) -> None:
        assert Belief.VERIFIED is verified(certificate, after=timedelta(minutes=-4)).belief

    @pytest.mark.parametrize(
        ("name", "value", "says"),
        [
            ("expires_at", "2026-11-20T12:00:00Z", "The statement expires before it is issued."),
            ("expires_at", "2029-11-20T12:00:00Z", "The statement is dated for more than 730 days."),
            ("expires_at", "2026-02-30T12:00:00Z", "The statement has a date that is in no calendar."),
            ("expires_at", "9999-12-31T23:59:59Z", "The statement is none of a certificate: "),
            ("started_at", "2026-11-21T12:00:01+00:00", "The statement is issued before its test began."),
            ("started_at", "2026-11-19T11:59:59+00:00", "The statement is issued more than 2 days after its test"),
            ("started_at", "2026-02-30T12:00:00Z", "The statement has a date that is in no calendar."),
            ("started_at", "2026-11-21T12:00:00", "The statement is none of a certificate: "),
            ("issued_at", "2026-11-21", "The statement is none of a certificate: "),
            ("issued_at", "-2026-11-21T12:00:00Z", "The statement is none of a certificate: "),
            ("issued_at", 0, "The statement is none of a certificate: "),
        ],
    )
    def test_absurd_dates_are_refused(self, tmp_path: Path, name: str, value: object, says: str) -> None:
        def edit(statement: Record) -> None:
            extension(statement)[name] = value

        check, said = refusal(verified(made_certificate(tmp_path, edit=edit)))
        assert ("statement", says) == (check, said[: len(says)])


def _claims_to_pass(statement: Record) -> None:
    predicate(statement)["result"] = "WARNED"


def _hides_what_was_not_shown(statement: Record) -> None:
    cast("list[object]", extension(statement)["not_shown"]).pop()


def _passes_what_was_not_shown(statement: Record) -> None:
    shown = cast("list[Record]", extension(statement)["not_shown"]).pop()
    cast("list[object]", predicate(statement)["passedTests"]).append(shown["test"])


def _names_another_level(statement: Record) -> None:
    extension(statement)["level"] = "tools"


def _names_another_endpoint(statement: Record) -> None:
    cast("Record", extension(statement)["target"])["url"] = "https://other.example"


def _names_another_bundle(statement: Record) -> None:
    cast("list[Record]", statement["subject"])[0]["digest"] = {"sha256": "0" * 64}


def _configuration(number: int, **changes: object) -> Edit:
    def edit(statement: Record) -> None:
        cast("list[Record]", predicate(statement)["configuration"])[number].update(changes)

    return edit


NOUGHTS = {"sha256": "0" * 64}


class TestStatementsOfADishonestSigner:
    """Signed by the key that is trusted, and still not believed: the bundle speaks for itself."""

    @pytest.mark.parametrize(
        ("edit", "check", "says"),
        [
            (
                _claims_to_pass,
                "verdict",
                "The verdict differs: judged again, the bytes come to FAILED, and the statement says WARNED.",
            ),
            (
                _hides_what_was_not_shown,
                "verdict",
                "The verdict differs: judged again, vapi-conformance.not_shown has wrong-types, which",
            ),
            (
                _passes_what_was_not_shown,
                "verdict",
                "The verdict differs: judged again, passedTests has no wrong-types, which the statement has.",
            ),
            (_names_another_level, "plan", "The plan in the bundle differs from the statement in its level."),
            (
                _names_another_endpoint,
                "endpoint",
                "The endpoint that the statement describes is not the one whose digest it has.",
            ),
            (
                _names_another_bundle,
                "bundle",
                "The bundle is another one: its manifest.json is not what the statement is about.",
            ),
            (
                _configuration(0, digest=NOUGHTS),
                "plan",
                "The plan in the bundle is not the one whose digest the statement has.",
            ),
            (
                _configuration(1, digest=NOUGHTS),
                "requirements",
                f"The requirement set {current_set().name} has another digest here",
            ),
            (_configuration(1, name="requirements/1999-01"), "requirements", "The requirement set 1999-01 is none of"),
            (
                _configuration(2, digest=NOUGHTS),
                "levels",
                f"The levels {current_levels().name} have another digest here",
            ),
            (_configuration(2, name="levels/1999-01"), "levels", "The levels 1999-01 are none of this release's"),
        ],
        ids=lambda each: each if isinstance(each, str) and " " not in each else None,
    )
    def test_are_refused_by_the_check_that_sees_it(self, tmp_path: Path, edit: Edit, check: str, says: str) -> None:
        refused, said = refusal(verified(made_certificate(tmp_path, edit=edit)))
        assert (check, says) == (refused, said[: len(says)])

    def test_a_report_that_is_not_what_the_bytes_come_to_is_refused(self, tmp_path: Path) -> None:
        """The signed bundle may be shown to people as its report; so that has to be true, too."""

        def edit(report: Record) -> None:
            report["verdict"] = "conformant"

        certificate = made_certificate(tmp_path, report=edit)
        check, said = refusal(verified(certificate))
        assert ("verdict", True) == (
            check,
            said.startswith("The verdict differs: judged again, vapi-conformance.verdict"),
        )

    @pytest.mark.parametrize(("name", "value"), [("exchanges", 9999), ("lints", ["all is well"])])
    def test_a_report_of_another_run_is_refused(self, tmp_path: Path, name: str, value: object) -> None:
        check, said = refusal(verified(made_certificate(tmp_path, report=lambda report: report.update({name: value}))))
        assert ("verdict", f"The report in the bundle is not what its bytes come to: its {name} is another.") == (
            check,
            said,
        )

    def test_a_report_that_names_another_endpoint_is_refused(self, tmp_path: Path) -> None:
        """Whoever has seen `verified` opens the report next."""

        def edit(report: Record) -> None:
            cast("Record", report["target"])["name"] = "https://bank.example"

        check, said = refusal(verified(made_certificate(tmp_path, report=edit)))
        assert ("verdict", "The report in the bundle is not what its bytes come to: its target is another.") == (
            check,
            said,
        )

    def test_a_rule_of_the_report_that_was_made_up_is_refused(self, tmp_path: Path) -> None:
        def edit(report: Record) -> None:
            for rule in cast("list[Record]", report["rules"]):
                if rule["outcome"] == "passed":
                    rule["judged"] = 1000

        check, said = refusal(verified(made_certificate(tmp_path, report=edit)))
        assert ("verdict", True) == (check, said.startswith("The report in the bundle is not what its bytes come to: "))

    def test_a_verdict_that_another_suite_gave_is_told_as_that(self, tmp_path: Path) -> None:
        """The code of a rule may have been mended since."""
        certificate = made_certificate(tmp_path, plan=small_plan(suite="0.0.9"), edit=_claims_to_pass)
        assert (
            "The verdict differs: judged again, the bytes come to FAILED, and the statement says WARNED (it was issued "
            f"by suite 0.0.9, this is {__version__}: see the verdict changes in CHANGELOG.md)"
        ) == refusal(verified(certificate))[1]

    def test_without_the_bundle_the_lies_that_only_bytes_show_are_not_seen_and_it_says_so(self, tmp_path: Path) -> None:
        verification = verified(made_certificate(tmp_path, edit=_claims_to_pass), has_bundle=False)
        assert (Belief.VERIFIED, True) == (verification.belief, "verdict" in not_checked(verification))


class TestPlansOfADishonestSigner:
    @pytest.mark.parametrize(
        ("changes", "says"),
        [
            ({"rules": {}}, "The bundle cannot be judged again: plan.json: its rules are not those of the level"),
            ({"scenarios": ["plain-json"]}, "The bundle cannot be judged again: plan.json: its scenarios"),
            ({"requirements": {"name": "1999-01", "digest": "sha256:" + "0" * 64}}, "The requirement set 1999-01"),
        ],
        ids=["rules", "scenarios", "requirements"],
    )
    def test_are_refused(self, tmp_path: Path, changes: Mapping[str, object], says: str) -> None:
        certificate = _resigned_with_plan(made_certificate(tmp_path), changes)
        assert says == refusal(verified(certificate))[1][: len(says)]

    def test_one_of_an_unknown_profile_is_refused_and_breaks_nothing(self, tmp_path: Path) -> None:
        changes: Record = {"profile": "made-up", "rules": {}, "gates": []}
        certificate = _resigned_with_plan(made_certificate(tmp_path), changes, profile="made-up")
        assert (
            "bundle",
            "The bundle is not what was signed: plan.json: /profile: this release knows no profile 'made-up'.",
        ) == refusal(verified(certificate))


def _resigned_with_plan(
    certificate: Certificate, changes: Mapping[str, object], *, profile: str = "standard"
) -> Certificate:
    """The plan changed after the fact, and every digest on the way to the signature brought up to date."""
    plan = small_plan(**changes)
    (certificate.bundle / "plan.json").write_bytes(canonical_json(plan))
    manifest = cast("Record", json.loads((certificate.bundle / "manifest.json").read_bytes()))
    for each in cast("list[Record]", manifest["files"]):
        content = (certificate.bundle / str(each["path"])).read_bytes()
        each.update(sha256=_hex(content), bytes=len(content))
    (certificate.bundle / "manifest.json").write_bytes(canonical_json(manifest))
    payload = opened(envelope_in(certificate.file.read_bytes()), KEY.public_key())
    statement = cast("Record", json.loads(payload))
    cast("list[Record]", statement["subject"])[0]["digest"] = {"sha256": _hex(canonical_json(manifest))}
    configuration = cast("list[Record]", predicate(statement)["configuration"])
    requirements = cast("Mapping[str, str]", plan["requirements"])
    configuration[0]["digest"] = {"sha256": _hex(canonical_json(plan))}
    configuration[1].update(
        name=f"requirements/{requirements['name']}", digest={"sha256": requirements["digest"].removeprefix("sha256:")}
    )
    extension(statement)["profile"] = profile
    certificate.file.write_bytes(encoded(signed(canonical_json(statement), KEY)))
    return certificate


def _hex(content: bytes) -> str:
    from hashlib import sha256

    return sha256(content).hexdigest()


class TestBundlesThatWereTouched:
    def test_a_file_more_is_named(self, tmp_path: Path) -> None:
        certificate = made_certificate(tmp_path)
        (certificate.bundle / "plan2.json").write_text("{}")
        assert (
            "bundle",
            "The bundle is not what was signed: plan2.json lies in the bundle and is not in its manifest.",
        ) == refusal(verified(certificate))

    @pytest.mark.parametrize("name", ["plan.json", "conditions.json", "report.json", "manifest.json"])
    def test_a_file_less_is_named(self, tmp_path: Path, name: str) -> None:
        certificate = made_certificate(tmp_path)
        (certificate.bundle / name).unlink()
        assert ("bundle", f"The bundle is not what was signed: {name} is missing.") == refusal(verified(certificate))

    def test_the_bundle_of_another_certificate_is_refused(self, tmp_path: Path, certificate: Certificate) -> None:
        other = made_certificate(tmp_path, plan=small_plan(started_at="2026-11-21T11:59:00+00:00"))
        mixed = Certificate(file=certificate.file, bundle=other.bundle)
        assert (
            "bundle",
            "The bundle is another one: its manifest.json is not what the statement is about.",
        ) == refusal(verified(mixed))


class TestHostileCertificates:
    @pytest.mark.parametrize(
        "content",
        [
            b"",
            b"\0" * 1000,
            b"\xff\xfe",
            b"{}",
            b"null\n",
            b"[" * 5_000_000,
            b'{"a":' * 100_000,
            b'"' + b"x" * 5_000_000 + b'"\n',
            b"1" * 1_000_000 + b"\n",
        ],
        ids=["empty", "noughts", "utf-16", "nothing", "null", "deep", "deep objects", "long", "number"],
    )
    def test_are_refused_by_their_form(self, content: bytes) -> None:
        assert "envelope" == refusal(verify(content, key=None, bundle=None, now=ISSUED_AT))[0]

    @pytest.mark.parametrize(
        "payload",
        [
            b"",
            b"{}\n",
            b"[" * 1000,
            b'{"_type":1,"_type":2}\n',
            b"\x1b[31m",
            canonical_json({"\u202e": "\x1b]0;x\x07"}),
        ],
        ids=["empty", "nothing", "deep", "twice", "control", "names"],
    )
    def test_signed_nonsense_is_refused_by_its_form(self, payload: bytes) -> None:
        content = encoded(signed(payload, KEY))
        assert "statement" == refusal(verify(content, key=KEY.public_key(), bundle=None, now=ISSUED_AT))[0]

    @pytest.mark.parametrize("name", ["\x1b[31mrule", "a\nb", "\u202eelur", "", "x" * 1000])
    def test_names_that_could_paint_a_terminal_are_refused(self, tmp_path: Path, name: str) -> None:
        def edit(statement: Record) -> None:
            cast("list[object]", predicate(statement)["passedTests"]).append(name)

        assert "statement" == refusal(verified(made_certificate(tmp_path, edit=edit), has_bundle=False))[0]

    def test_one_test_with_two_outcomes_is_a_contradiction(self, tmp_path: Path) -> None:
        def edit(statement: Record) -> None:
            predicate(statement)["failedTests"] = cast("list[object]", predicate(statement)["passedTests"])[:1]

        said = refusal(verified(made_certificate(tmp_path, edit=edit)))[1]
        assert "The statement contradicts itself: anthropic.blocks-have-a-type has two outcomes." == said

    def test_passed_with_something_that_is_missing_is_a_contradiction(self, tmp_path: Path) -> None:
        def edit(statement: Record) -> None:
            predicate(statement)["result"] = "PASSED"

        said = refusal(verified(made_certificate(tmp_path, edit=edit), has_bundle=False))[1]
        assert "The statement contradicts itself: PASSED, and not everything that gates holds." == said


def flipped(content: bytes, at: int, *, bit: int | None = None) -> bytes:
    """One bit of one byte: that one, or another in each."""
    changed = bytearray(content)
    changed[at] ^= 1 << (at % 8 if bit is None else bit)
    return bytes(changed)


class TestEveryByteCounts:
    def test_of_the_certificate(self, certificate: Certificate) -> None:
        content = certificate.file.read_bytes()
        for at in range(len(content)):
            with pytest.raises(EnvelopeError, match=r"^the (envelope|signature)"):
                opened(envelope_in(flipped(content, at)), KEY.public_key())

    def test_of_the_bundle(self, certificate: Certificate, tmp_path: Path) -> None:
        """Each file, byte by byte, through the one gate that all bytes of a bundle pass."""
        _, listed = read_manifest(certificate.bundle)
        assert {each.name for each in certificate.bundle.rglob("*.json")} == {
            "manifest.json",
            *(Path(each.path).name for each in listed),
        }
        for each in listed:
            content = (certificate.bundle / each.path).read_bytes()
            copy = tmp_path / each.path
            copy.parent.mkdir(exist_ok=True)
            copy.write_bytes(content)
            with copy.open("r+b", buffering=0) as file:
                for at in range(len(content)):
                    pwrite(file.fileno(), flipped(content[at : at + 1], 0, bit=at % 8), at)
                    with pytest.raises(BundleError) as caught:
                        read_file(tmp_path, each.path, listed=each)
                    assert f"{each.path} is not the file of the manifest: its SHA-256 differs" == str(caught.value)
                    pwrite(file.fileno(), content[at : at + 1], at)
            assert content == read_file(tmp_path, each.path, listed=each)

    def test_of_the_manifest(self, certificate: Certificate, tmp_path: Path) -> None:
        """Its digest is what was signed; that is asked before anything in it is looked at."""
        content = (certificate.bundle / "manifest.json").read_bytes()
        for at in range(len(content)):
            (tmp_path / "manifest.json").write_bytes(flipped(content, at))
            touched = Certificate(file=certificate.file, bundle=tmp_path)
            assert ("bundle", "The bundle is another one: its manifest.json is not what the statement is about.") == (
                refusal(verified(touched))
            )

    @pytest.mark.parametrize("part", range(20))
    def test_as_verify_says_it(self, tmp_path: Path, part: int) -> None:
        """The whole way, at twenty places of each file: refused, and the file or the part is named."""
        certificate = made_certificate(tmp_path)
        for file in [certificate.file, *sorted(certificate.bundle.rglob("*.json"))]:
            content = file.read_bytes()
            file.write_bytes(flipped(content, len(content) * part // 20))
            check, said = refusal(verified(certificate))
            inside = file != certificate.file
            assert inside == (check == "bundle")
            assert (file.relative_to(certificate.bundle).as_posix() in said) if inside else True
            file.write_bytes(content)
        assert Belief.VERIFIED is verified(certificate).belief


def test_what_was_read_is_what_was_judged(certificate: Certificate) -> None:
    """The digest that other tools see is that of the manifest's bytes."""
    assert _hex((certificate.bundle / "manifest.json").read_bytes()) == read_bundle(certificate.bundle).digest
    assert digest_of(read_bundle(certificate.bundle).plan).removeprefix("sha256:") == _hex(
        (certificate.bundle / "plan.json").read_bytes()
    )
