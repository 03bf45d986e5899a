"""A bundle is read as if its author were an enemy; what was written is what is read."""

import gzip
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest

from made_certificates import exchange, made_certificate, small_plan
from vapi_conformance import exchange_file
from vapi_conformance.certificate import bundle_files
from vapi_conformance.certificate.bundle import BundleError, BundleWriter, read_bundle
from vapi_conformance.certificate.bundle_files import Listed, manifest_of
from vapi_conformance.certificate.canonical import canonical_json, sha256_hex
from vapi_conformance.certificate.conditions import Circumstances
from vapi_conformance.evidence import Conditions
from vapi_conformance.exchange import Exchange, Read
from vapi_conformance.narrow import array_or_nothing, object_or_nothing
from vapi_conformance.problems import UsageError
from vapi_conformance.specimens import load_specimen
from vapi_conformance.speech import ChunkPlan

EXCHANGE = "exchanges/0001-plain-json.json.1.exchange.json"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return made_certificate(tmp_path).bundle


def refusal(folder: Path) -> str:
    with pytest.raises(BundleError) as caught:
        read_bundle(folder)
    sentence = str(caught.value)
    assert "\n" not in sentence
    return sentence


def listed(folder: Path) -> list[Listed]:
    manifest = object_or_nothing(json.loads((folder / "manifest.json").read_bytes()))
    return [
        Listed(path=str(each["path"]), sha256=str(each["sha256"]), size=cast("int", each["bytes"]))
        for each in map(object_or_nothing, array_or_nothing(manifest["files"]))
    ]


def reseal(folder: Path, path: str, content: bytes | None) -> None:
    """As an author would who wants the file believed: the manifest has it. None: the file is listed, and not there."""
    files = {each.path: each for each in listed(folder)}
    files[path] = Listed(path=path, sha256=sha256_hex(content or b""), size=len(content or b""))
    if content is not None:
        (folder / path).parent.mkdir(exist_ok=True)
        (folder / path).write_bytes(content)
    (folder / "manifest.json").write_bytes(manifest_of(files.values()))


def packed(size: int) -> Exchange:
    """An answer that is small on the wire."""
    sound = exchange()
    assert sound.response is not None
    head = replace(sound.response, headers=((b"Content-Encoding", b"gzip"),))
    return replace(sound, response=head, reads=(Read(at_ns=1, data=gzip.compress(b" " * size)),))


def with_manifest(folder: Path, **changes: object) -> None:
    manifest = json.loads((folder / "manifest.json").read_bytes())
    (folder / "manifest.json").write_bytes(canonical_json({**manifest, **changes}))


class TestReading:
    def test_what_was_written_is_what_is_read(self, folder: Path) -> None:
        bundle = read_bundle(folder)
        assert (small_plan(), (exchange(),)) == (dict(bundle.plan), bundle.exchanges)
        assert sha256_hex((folder / "manifest.json").read_bytes()) == bundle.digest

    def test_each_file_is_canonical_json(self, folder: Path) -> None:
        for path in folder.rglob("*.json"):
            assert canonical_json(json.loads(path.read_bytes())) == path.read_bytes()

    def test_calls_are_kept_whole_and_each_of_their_exchanges_knows_its_call(self, tmp_path: Path) -> None:
        specimen = load_specimen("call.every-turn-is-answered")
        assert specimen.sound_call is not None
        writer = BundleWriter(folder=tmp_path)
        writer.put("plan.json", small_plan())
        writer.put("conditions.json", Circumstances(conditions=Conditions()).to_document())
        writer.put_call(specimen.sound_call)
        writer.finish()
        bundle = read_bundle(tmp_path, is_judged=False)
        assert (specimen.sound_call,) == bundle.calls
        assert [specimen.sound_call] * len(specimen.sound) == [each.call for each in bundle.evidence()]

    def test_exchanges_keep_the_order_of_play(self, tmp_path: Path) -> None:
        writer = BundleWriter(folder=tmp_path)
        for _ in range(12):
            writer.put_exchange(exchange())
        names = sorted(path.name for path in (tmp_path / "exchanges").iterdir())
        assert [f"{number:04}" for number in range(1, 13)] == [name[:4] for name in names]

    def test_conditions_are_those_of_the_run_and_no_defaults_of_today(self, tmp_path: Path) -> None:
        odd = Conditions(
            timeout_s=7.5,
            hang_s=1.5,
            prompt_speech_s=0.5,
            dead_air_s=9.0,
            characters_per_second=11.0,
            platform="direct",
            token_lifetime_s=3.0,
            chunk_plan=ChunkPlan(enabled=False, min_characters=3, punctuation_boundaries=("!",)),
        )
        writer = BundleWriter(folder=tmp_path)
        writer.put("plan.json", small_plan())
        writer.put("conditions.json", Circumstances(conditions=odd, lints=["a remark"]).to_document())
        writer.finish()
        circumstances = read_bundle(tmp_path, is_judged=False).circumstances
        assert (odd, ["a remark"]) == (circumstances.conditions, circumstances.lints)

    def test_a_bundle_that_was_not_judged_yet_is_no_finished_one(self, tmp_path: Path) -> None:
        writer = BundleWriter(folder=tmp_path)
        writer.put("plan.json", small_plan())
        writer.put("conditions.json", Circumstances(conditions=Conditions()).to_document())
        writer.finish()
        assert "manifest.json does not list report.json, which every bundle holds" == refusal(tmp_path)

    def test_a_folder_without_a_manifest_is_none(self, tmp_path: Path) -> None:
        assert "manifest.json is missing" == refusal(tmp_path)
        assert refusal(tmp_path / "nowhere").endswith("is no folder, and so no bundle")


class TestFilesThatWereTouched:
    def test_a_changed_one_is_named(self, folder: Path) -> None:
        content = bytearray((folder / EXCHANGE).read_bytes())
        content[100] ^= 1
        (folder / EXCHANGE).write_bytes(content)
        assert f"{EXCHANGE} is not the file of the manifest: its SHA-256 differs" == refusal(folder)

    def test_a_longer_one_is_not_read_to_its_end(self, folder: Path) -> None:
        with (folder / "plan.json").open("r+b") as file:
            file.truncate(10 * 1024**3)  # a hole: it takes no room
        assert refusal(folder).startswith("plan.json is longer than it may be: 10,737,418,240 bytes")

    def test_a_shorter_one_is_named(self, folder: Path) -> None:
        (folder / "report.json").write_bytes(b"{}")
        assert "report.json is not as long as the manifest says" == refusal(folder)

    def test_a_missing_one_is_named(self, folder: Path) -> None:
        (folder / EXCHANGE).unlink()
        assert f"{EXCHANGE} is missing" == refusal(folder)

    @pytest.mark.parametrize("name", ["notes.txt", ".hidden", "exchanges/more.exchange.json", "bench.json"])
    def test_one_more_is_named(self, folder: Path, name: str) -> None:
        (folder / name).write_text("{}")
        assert f"{name} lies in the bundle and is not in its manifest" == refusal(folder)

    def test_a_folder_more_is_named(self, folder: Path) -> None:
        (folder / "more").mkdir()
        assert "more lies in the bundle and is not in its manifest" == refusal(folder)


def _link_to_itself(place: Path) -> None:
    place.unlink()
    place.symlink_to(place.name)


def _link_to_the_same_bytes(place: Path) -> None:
    elsewhere = place.parents[2] / "elsewhere.json"
    place.rename(elsewhere)
    place.symlink_to(elsewhere)


def _pipe(place: Path) -> None:
    place.unlink()
    os.mkfifo(place)


def _folder(place: Path) -> None:
    place.unlink()
    place.mkdir()


class TestWhatIsNoPlainFile:
    @pytest.mark.parametrize("name", ["manifest.json", "plan.json", EXCHANGE])
    @pytest.mark.parametrize(
        ("make", "says"),
        [
            (_link_to_itself, "is a symbolic link, which no bundle holds"),
            (_link_to_the_same_bytes, "is a symbolic link, which no bundle holds"),
            (_pipe, "is no plain file"),
            (_folder, "is no plain file"),
        ],
    )
    def test_is_never_opened(self, folder: Path, name: str, make: Callable[[Path], None], says: str) -> None:
        make(folder / name)
        assert f"{name} {says}" == refusal(folder)

    def test_a_link_in_place_of_a_folder_is_not_followed(self, folder: Path) -> None:
        (folder / "exchanges").rename(folder.parent / "elsewhere")
        (folder / "exchanges").symlink_to(folder.parent / "elsewhere")
        assert "exchanges is a symbolic link, which no bundle holds" == refusal(folder)

    def test_a_file_in_place_of_a_folder_is_none(self, folder: Path) -> None:
        (folder / EXCHANGE).unlink()
        (folder / "exchanges").rmdir()
        (folder / "exchanges").write_text("")
        assert "exchanges is no folder" == refusal(folder)


class TestManifestsThatLie:
    @pytest.mark.parametrize(
        "path",
        [
            "../certificate.json",
            "/etc/passwd",
            "exchanges/../plan.json",
            "exchanges//0001.exchange.json",
            "exchanges/a/b.exchange.json",
            "exchanges/.exchange.json",
            "exchanges/..exchange.json",
            "exchanges\\0001.exchange.json",
            "exchanges/a\n.exchange.json",
            "exchanges/a\0.exchange.json",
            "exchanges/\u202egnp.exchange.json",
            "C:plan.json",
            "PLAN.json",
            "plan.json ",
            "manifest.json",
            "",
        ],
    )
    def test_names_choose_no_path(self, folder: Path, path: str) -> None:
        reseal(folder, path, None)
        assert f"manifest.json lists {path!r}, which is no name of a file in a bundle" == refusal(folder)

    def test_a_file_is_listed_once_and_in_order(self, folder: Path) -> None:
        manifest = object_or_nothing(json.loads((folder / "manifest.json").read_bytes()))
        files = array_or_nothing(manifest["files"])
        for wrong in ([*files, files[-1]], [*files[1:], files[0]]):
            with_manifest(folder, files=wrong)
            assert "manifest.json does not list each file once, in the order of their names" == refusal(folder)

    @pytest.mark.parametrize(
        ("changes", "says"),
        [
            ({"format": "something else"}, 'manifest.json is no manifest of a bundle: no "format"'),
            ({"version": 2}, "manifest.json has version 2; this release reads up to 1"),
            ({"version": True}, "manifest.json has version True"),
            ({"surprise": 1}, "manifest.json: document: Additional properties are not allowed"),
            ({"files": {}}, "manifest.json: /files: "),
            ({"files": [{"path": "plan.json", "sha256": "00", "bytes": 1}]}, "manifest.json: /files/0/sha256: "),
            ({"files": [{"path": "plan.json", "sha256": "0" * 64, "bytes": -1}]}, "manifest.json: /files/0/bytes: "),
            ({"files": []}, "manifest.json does not list conditions.json, which every bundle holds"),
        ],
    )
    def test_other_forms_are_refused(self, folder: Path, changes: Mapping[str, object], says: str) -> None:
        with_manifest(folder, **changes)
        assert says == refusal(folder)[: len(says)]

    def test_sizes_that_nobody_could_hold_are_refused_before_anything_is_read(self, folder: Path) -> None:
        huge = [
            {"path": f"calls/{number}.call.json", "sha256": "0" * 64, "bytes": bundle_files.MAX_FILE_BYTES}
            for number in range(9)
        ]
        with_manifest(folder, files=huge)
        assert "manifest.json lists more than 512 MiB" == refusal(folder)
        with_manifest(folder, files=[{**huge[0], "bytes": 10**15}])
        assert "calls/0.call.json is larger than 96 MiB" == refusal(folder)

    def test_more_files_than_any_run_has_are_refused(self, folder: Path) -> None:
        crowd = [
            {"path": f"calls/{number:05}.call.json", "sha256": "0" * 64, "bytes": 1}
            for number in range(bundle_files.MAX_FILES + 1)
        ]
        with_manifest(folder, files=crowd)
        assert "manifest.json lists more than 4,000 files" == refusal(folder)

    def test_an_endless_manifest_is_refused_by_its_size(self, folder: Path) -> None:
        with (folder / "manifest.json").open("r+b") as file:
            file.truncate(10**12)
        assert refusal(folder).startswith("manifest.json is longer than it may be")


class TestContentsThatLie:
    @pytest.mark.parametrize(
        ("content", "says"),
        [
            (b"", "is empty"),
            (b"{", "is cut off"),
            (b"\xff\xfe{}", "is not UTF-8 text"),
            (b"[" * 100_000, "is nested too deeply"),
            (b"[" * 200 + b"]" * 200, "is nested too deeply"),
            (b'{"a":1,"a":2}', "is not JSON: an object in it has the name 'a' twice"),
            (b'[{"a":{"b":1,"b":1}}]', "is not JSON: an object in it has the name 'b' twice"),
            (b'{"a":NaN}', "is not JSON: NaN is no JSON number"),
            (b'{"a":1' + b"0" * 400 + b"}", "is not JSON: it holds a number of 401 digits"),
            (b"[" + b"0," * 6_000_000 + b"0]", "holds more than 5,000,000 values"),
        ],
        ids=["empty", "cut off", "binary", "deep", "a little deep", "twice", "twice inside", "nan", "digits", "values"],
    )
    @pytest.mark.parametrize("path", ["plan.json", EXCHANGE])
    def test_what_is_no_sound_json_is_refused_though_the_digest_fits(
        self, folder: Path, path: str, content: bytes, says: str
    ) -> None:
        reseal(folder, path, content)
        assert f"{path} {says}" == refusal(folder)[: len(path) + 1 + len(says)]

    @pytest.mark.parametrize(
        ("path", "says"),
        [
            ("plan.json", "plan.json: document: "),
            ("conditions.json", "conditions.json: document: "),
            ("report.json", "report.json: document: "),
            ("bench.json", "bench.json: document: "),
            (EXCHANGE, f"{EXCHANGE} is no stored exchange"),
            ("calls/0001-a.call.json", "calls/0001-a.call.json is no stored call"),
        ],
    )
    def test_what_follows_another_form_is_refused(self, folder: Path, path: str, says: str) -> None:
        reseal(folder, path, b"{}\n")
        assert says == refusal(folder)[: len(says)]

    def test_half_an_exchange_is_refused_with_the_place(self, folder: Path) -> None:
        document = {**exchange_file.to_document(exchange()), "reads": [[0, "not base64!"]]}
        reseal(folder, EXCHANGE, canonical_json(document))
        assert refusal(folder).startswith(f"{EXCHANGE}: ")

    def test_more_reads_than_fit_into_memory_are_refused(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("vapi_conformance.certificate.bundle._MAX_READS", 0)
        assert f"{EXCHANGE} brings the reads of the bundle above 0" == refusal(folder)

    def test_a_small_file_that_unpacks_to_too_much_is_refused(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Each answer for itself may unpack to much; a bundle full of them would take all memory there is."""
        monkeypatch.setattr("vapi_conformance.certificate.bundle._MAX_DECODED_BYTES", 100_000)
        reseal(folder, EXCHANGE, canonical_json(exchange_file.to_document(packed(99_000))))
        assert 1 == len(read_bundle(folder).exchanges)
        reseal(folder, EXCHANGE, canonical_json(exchange_file.to_document(packed(101_000))))
        assert f"{EXCHANGE} brings the decoded bytes of the bundle above 100,000" == refusal(folder)

    @pytest.mark.parametrize(
        ("changes", "says"),
        [
            ({"dialect": "vapi_server_messages"}, "plan.json: /dialect: 'vapi_server_messages' is no dialect in which"),
            ({"dialect": "klingon"}, "plan.json: /dialect: 'klingon' is no dialect in which"),
            ({"level": "../json"}, "plan.json: /level: "),
            ({"scenarios": []}, "plan.json: /scenarios: "),
            ({"started_at": "yesterday"}, "plan.json: /started_at: "),
        ],
    )
    def test_plans_with_names_of_no_meaning_are_refused(
        self, folder: Path, changes: Mapping[str, object], says: str
    ) -> None:
        reseal(folder, "plan.json", canonical_json(small_plan(**changes)))
        assert says == refusal(folder)[: len(says)]


class TestWriting:
    def test_a_bundle_that_nobody_could_read_is_not_written(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("vapi_conformance.certificate.bundle.MAX_BUNDLE_BYTES", 500)
        writer = BundleWriter(folder=tmp_path)
        with pytest.raises(UsageError, match="too large to be kept in a certificate's bundle"):
            writer.put_exchange(exchange())

    def test_nor_one_of_more_reads_than_fit_into_memory(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("vapi_conformance.certificate.bundle._MAX_READS", 1)
        writer = BundleWriter(folder=tmp_path)
        writer.put_exchange(exchange())
        with pytest.raises(UsageError, match="too large to be kept in a certificate's bundle"):
            writer.put_exchange(exchange())

    def test_nor_one_that_unpacks_to_more(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("vapi_conformance.certificate.bundle._MAX_DECODED_BYTES", 100_000)
        writer = BundleWriter(folder=tmp_path)
        writer.put_exchange(packed(60_000))
        with pytest.raises(UsageError, match="too large to be kept in a certificate's bundle"):
            writer.put_exchange(packed(60_000))

    def test_a_file_may_be_put_anew_before_the_manifest_is_written(self, tmp_path: Path) -> None:
        writer = BundleWriter(folder=tmp_path)
        writer.put("bench.json", {"a": 1})
        writer.put("bench.json", {"a": 2})
        writer.finish()
        assert [sha256_hex(b'{"a":2}\n')] == [each.sha256 for each in listed(tmp_path)]
