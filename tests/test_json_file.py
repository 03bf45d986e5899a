"""A user's JSON file: read in bounded memory, and refused in one sentence that names it and the place."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vapi_conformance import json_file
from vapi_conformance.json_file import MAX_DEPTH, JsonFileError, read_json
from vapi_conformance.problems import UsageError

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**300) + 1, 10**300 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=10,
)
needs_fifo = pytest.mark.skipif(os.name == "nt", reason="named pipes of POSIX")
Write = Callable[[bytes], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def written(content: bytes) -> Path:
        path = tmp_path / "a.json"
        path.write_bytes(content)
        return path

    return written


def refusal(path: Path, *, max_bytes: int = json_file.MAX_FILE_BYTES) -> str:
    with pytest.raises(JsonFileError) as caught:
        read_json(path, max_bytes=max_bytes)
    assert isinstance(caught.value, UsageError)
    assert str(caught.value) == f"{path} {caught.value.what}"
    return caught.value.what


class TestReadJson:
    @given(value=VALUES)
    def test_gives_back_what_was_written(self, tmp_path_factory: pytest.TempPathFactory, value: object) -> None:
        path = tmp_path_factory.getbasetemp() / "value.json"
        path.write_text(json.dumps(value), encoding="utf-8")
        assert value == read_json(path)

    def test_forgives_a_byte_order_mark(self, write: Write) -> None:
        assert {"a": "ü"} == read_json(write('\ufeff{"a": "ü"}'.encode()))

    @pytest.mark.parametrize(
        ("content", "what"),
        [
            (b"", "is empty"),
            (b" \r\n\t", "is empty"),
            (b"\xef\xbb\xbf", "is empty"),
            (b'{"a": [1, 2', "is cut off: the JSON document is not complete (line 1, column 12)"),
            (b'{"a": "b', "is cut off: the JSON document is not complete (line 1, column 7)"),
            (b'{"a":\n1,}', "is not JSON: Expecting property name enclosed in double quotes (line 2, column 3)"),
            (b"data: {}", "is not JSON: Expecting value (line 1, column 1)"),
            (
                b'{"a": 1}\n{"a": 2}\n',
                "is not one JSON document: another begins at line 2, column 1; put each into a file of its own",
            ),
            (b'{"a": NaN}', "is not JSON: NaN is no JSON number"),
            (b"[-Infinity]", "is not JSON: -Infinity is no JSON number"),
            (b"[1e999]", "is not JSON: 1e999 is a number too large for a computer"),
            (b"[" + b"9" * 301 + b"]", "is not JSON: it holds a number of 301 digits"),
            (b'["\xff"]', "is not UTF-8 text (byte 2)"),
            ('{"a": 1}'.encode("utf-16"), "is not UTF-8 text (byte 0) but UTF-16; save it as UTF-8"),
            (b"\x1f\x8b\x08\x00\x00", "is compressed (gzip); unpack it first"),
            (b"PK\x03\x04\x14\x00", "is a ZIP archive; unpack it first"),
            (b"[1]\0\0\0", "is not JSON: it holds NUL bytes"),
            (b"[" * 100_000, "is nested too deeply"),
            (b"[" * 100_000 + b"]" * 100_000, "is nested too deeply"),
            (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "is nested too deeply"),
            (b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1), "is nested too deeply: more than 100 levels"),
        ],
    )  # fmt: skip
    def test_says_in_one_sentence_what_is_wrong(self, write: Write, content: bytes, what: str) -> None:
        assert what == refusal(write(content))

    def test_takes_the_deepest_that_is_allowed(self, write: Write) -> None:
        read_json(write(b"[" * MAX_DEPTH + b"]" * MAX_DEPTH))

    def test_more_bytes_than_allowed_are_refused(self, write: Write) -> None:
        path = write(b'"' + b"a" * (1024 * 1024 - 2) + b'"')
        read_json(path, max_bytes=1024 * 1024)
        assert "is larger than 0 MiB" == refusal(path, max_bytes=1024 * 1024 - 1)

    def test_more_values_than_allowed_are_refused(self, write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(json_file, "MAX_VALUES", 4)
        read_json(write(b"[[],[]]"))
        assert "holds more than 4 values; leave out what is not needed" == refusal(write(b"[[],[],[]]"))

    def test_a_missing_file_and_a_folder_are_named(self, tmp_path: Path) -> None:
        assert "does not exist" == refusal(tmp_path / "none.json")
        assert "is a directory, not a JSON file" == refusal(tmp_path)
        assert refusal(Path("a\0b")).startswith("cannot be read: ")

    @needs_fifo
    def test_a_pipe_is_read_to_its_end_though_it_has_no_size(self, tmp_path: Path) -> None:
        path = tmp_path / "pipe"
        os.mkfifo(path)
        thread = threading.Thread(target=path.write_bytes, args=(b'{"a": ' + b"1" * 200 + b"}",))
        thread.start()
        assert {"a": int("1" * 200)} == read_json(path)
        thread.join()

    @needs_fifo
    def test_a_device_without_end_is_not_read_for_ever(self) -> None:
        assert "is not JSON: it holds NUL bytes" == refusal(Path("/dev/zero"))


MEASURE = """
import resource, sys
from pathlib import Path
from vapi_conformance.json_file import JsonFileError, read_json
try:
    read_json(Path(sys.argv[1]))
except JsonFileError as problem:
    print(problem.what)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


FEED = """
print("[\\"" + "a" * 2**20, end="")
for _ in range(1023): print("a" * 2**20, end="")
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss counts KiB on Linux only")
class TestMemory:
    """Measured in a process of its own, in MiB; the interpreter with its modules takes some 20 of them."""

    def peak(self, path: str, feed: str = "") -> tuple[str, int]:
        command = f"{feed}\"{sys.executable}\" -c '{MEASURE}' {path}"
        output = subprocess.run(command, shell=True, capture_output=True, text=True, check=True, timeout=60).stdout
        what, _, mebibytes = output.strip().rpartition("\n")
        return what, int(mebibytes)

    def test_a_gigabyte_in_one_line_is_not_read(self, tmp_path: Path) -> None:
        path = tmp_path / "sparse.json"
        with path.open("wb") as file:
            file.write(b'{"log": "')
            file.truncate(2**30)
        what, mebibytes = self.peak(str(path))
        assert "is larger than 128 MiB" == what
        assert mebibytes < 64

    def test_a_gigabyte_that_comes_through_a_pipe_is_cut_short(self) -> None:
        endless = f"\"{sys.executable}\" -c '{FEED}' 2>&- | "
        what, mebibytes = self.peak("/dev/stdin", endless)
        assert "is larger than 128 MiB" == what
        assert mebibytes < 320

    def test_small_values_that_take_many_times_their_bytes_are_refused_unparsed(self, tmp_path: Path) -> None:
        path = tmp_path / "lists.json"
        path.write_bytes(b"[" + b"[]," * 5_000_000 + b"[]]")
        what, mebibytes = self.peak(str(path))
        assert "holds more than 5,000,000 values; leave out what is not needed" == what
        assert mebibytes < 128
