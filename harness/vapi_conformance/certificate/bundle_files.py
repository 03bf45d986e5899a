"""The files of a bundle: listed with their digests, and read as if their author were an enemy.

A bundle comes from whoever wants a certificate to be believed. Nothing in it chooses a path: names follow a strict
form and lie on at most two floors. No link is followed, no pipe or device is opened, no file is read beyond the size
that the manifest states, and what is not in the manifest is not there by accident. Each refusal is one sentence that
names the file.
"""

import os
import re
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from vapi_conformance.certificate.canonical import canonical_json, sha256_hex
from vapi_conformance.json_file import JsonFileError, parsed_json
from vapi_conformance.narrow import array_or_nothing, integer_or_none, object_or_nothing
from vapi_conformance.problems import UsageError
from vapi_conformance.schema import errors

__all__ = [
    "CALLS",
    "EXCHANGES",
    "FORMAT",
    "MANIFEST",
    "MAX_BUNDLE_BYTES",
    "MAX_FILES",
    "MAX_FILE_BYTES",
    "VERSION",
    "BundleError",
    "Listed",
    "document_in",
    "manifest_of",
    "read_file",
    "read_manifest",
    "refuse_strangers",
]

FORMAT: Final = "vapi-conformance/bundle"
VERSION: Final = 1
MANIFEST: Final = "manifest.json"
EXCHANGES: Final = "exchanges"
CALLS: Final = "calls"
MAX_FILES: Final = 4000
"""A run for Vapi has some 130."""
MAX_FILE_BYTES: Final = 96 * 1024 * 1024
"""Of one file. An answer is taken up to 24 MiB (`client.Limits`), which base64 makes a third more."""
MAX_BUNDLE_BYTES: Final = 512 * 1024 * 1024
"""Of all files: what a client takes in a run (`client.Limits`) is 342 MiB in base64."""

_MAX_MANIFEST_BYTES: Final = 2 * 1024 * 1024
_PATH: Final = re.compile(
    r"(?:plan|conditions|report|bench)\.json"
    rf"|{EXCHANGES}/[A-Za-z0-9][A-Za-z0-9._-]{{0,180}}\.exchange\.json"
    rf"|{CALLS}/[A-Za-z0-9][A-Za-z0-9._-]{{0,180}}\.call\.json"
)
_BLOCK_BYTES: Final = 1024 * 1024
# Neither is on every system; where there is none, the check of the file's kind stands alone.
_OPEN_FLAGS: Final = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)


class BundleError(UsageError):
    """A bundle that must not be believed, or cannot be read. One sentence that names the file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A file as the manifest has it."""

    path: str
    """Below the bundle, with `/`."""
    sha256: str
    size: int


def manifest_of(files: Iterable[Listed]) -> bytes:
    """The manifest's bytes."""
    return canonical_json(
        {
            "format": FORMAT,
            "version": VERSION,
            "files": [
                {"path": each.path, "sha256": each.sha256, "bytes": each.size}
                for each in sorted(files, key=lambda each: each.path)
            ],
        }
    )


def read_manifest(folder: Path) -> tuple[bytes, tuple[Listed, ...]]:
    """Its bytes, and what it lists. Raises BundleError."""
    if not folder.is_dir():
        raise BundleError(f"{folder} is no folder, and so no bundle")
    content = read_file(folder, MANIFEST, at_most=_MAX_MANIFEST_BYTES)
    document = document_in(content, MANIFEST)
    fields = object_or_nothing(document)
    if fields.get("format") != FORMAT:
        raise BundleError(f'{MANIFEST} is no manifest of a bundle: no "format": "{FORMAT}"')
    version = integer_or_none(fields.get("version"))
    if version is None or not 1 <= version <= VERSION:
        raise BundleError(f"{MANIFEST} has version {fields.get('version')!r}; this release reads up to {VERSION}")
    for problem in errors("harness/bundle-manifest", document)[:1]:
        raise BundleError(f"{MANIFEST}: {problem.pointer or 'document'}: {problem.message}")
    listed = tuple(_listed(object_or_nothing(each)) for each in array_or_nothing(fields["files"]))
    _check_listed(listed)
    return content, listed


def _listed(record: Mapping[str, object]) -> Listed:
    path = str(record["path"])
    if not _PATH.fullmatch(path):
        raise BundleError(f"{MANIFEST} lists {path[:200]!r}, which is no name of a file in a bundle")
    return Listed(path=path, sha256=str(record["sha256"]), size=integer_or_none(record["bytes"]) or 0)


def _check_listed(listed: Sequence[Listed]) -> None:
    paths = [each.path for each in listed]
    if paths != sorted(set(paths)):
        raise BundleError(f"{MANIFEST} does not list each file once, in the order of their names")
    if len(paths) > MAX_FILES:
        raise BundleError(f"{MANIFEST} lists more than {MAX_FILES:,} files")
    for each in listed:
        if each.size > MAX_FILE_BYTES:
            raise BundleError(f"{each.path} is larger than {MAX_FILE_BYTES // 1024 // 1024} MiB")
    if sum(each.size for each in listed) > MAX_BUNDLE_BYTES:
        raise BundleError(f"{MANIFEST} lists more than {MAX_BUNDLE_BYTES // 1024 // 1024} MiB")


def refuse_strangers(folder: Path, listed: Sequence[Listed]) -> None:
    """Raises BundleError for whatever lies in the bundle and is not in its manifest, or is no plain file or folder."""
    known = {each.path for each in listed} | {MANIFEST}
    for path in _entries(folder):
        if path not in known:
            raise BundleError(f"{path[:200]} lies in the bundle and is not in its manifest")


def _entries(folder: Path) -> Iterator[str]:
    """Paths of all that is there, as they are found: the first stranger ends it, so a crowd costs nothing."""
    for prefix in ("", EXCHANGES, CALLS):
        place = folder / prefix
        if prefix and not _is_folder(place, prefix):
            continue
        try:
            with os.scandir(place) as entries:
                for entry in entries:
                    if not (prefix == "" and entry.name in (EXCHANGES, CALLS)):
                        yield f"{prefix}/{entry.name}" if prefix else entry.name
        except OSError as problem:
            raise BundleError(f"{prefix or folder} cannot be read: {problem.strerror or problem}") from None


def _is_folder(place: Path, name: str) -> bool:
    """False where nothing is there. Raises BundleError for a link or a file in its place."""
    try:
        mode = place.lstat().st_mode
    except FileNotFoundError:
        return False
    except OSError as problem:
        raise BundleError(f"{name} cannot be read: {problem.strerror or problem}") from None
    if stat.S_ISLNK(mode):
        raise BundleError(f"{name} is a symbolic link, which no bundle holds")
    if not stat.S_ISDIR(mode):
        raise BundleError(f"{name} is no folder")
    return True


def read_file(folder: Path, path: str, *, listed: Listed | None = None, at_most: int = MAX_FILE_BYTES) -> bytes:
    """The bytes of a plain file in the bundle; as the manifest has them, where it is asked. Raises BundleError."""
    parent, _, _ = path.rpartition("/")
    if parent:
        _is_folder(folder / parent, parent)
    content = _content(folder / path, path, at_most if listed is None else listed.size)
    if listed is None:
        return content
    if len(content) != listed.size:
        raise BundleError(f"{path} is not as long as the manifest says")
    if sha256_hex(content) != listed.sha256:
        raise BundleError(f"{path} is not the file of the manifest: its SHA-256 differs")
    return content


def _content(file: Path, path: str, at_most: int) -> bytes:
    try:
        # A link is refused by lstat where the system cannot refuse it by itself, and told apart from other mistakes.
        mode = file.lstat().st_mode
        if stat.S_ISLNK(mode):
            raise BundleError(f"{path} is a symbolic link, which no bundle holds")
        if not stat.S_ISREG(mode):
            raise BundleError(f"{path} is no plain file")
        descriptor = os.open(file, _OPEN_FLAGS)
        with os.fdopen(descriptor, "rb", buffering=0) as opened:
            status = os.fstat(opened.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise BundleError(f"{path} is no plain file")
            if status.st_size > at_most:
                raise BundleError(f"{path} is longer than it may be: {status.st_size:,} bytes, not {at_most:,}")
            content = bytearray()
            while block := opened.read(min(_BLOCK_BYTES, at_most + 1 - len(content))):
                content += block
    except FileNotFoundError:
        raise BundleError(f"{path} is missing") from None
    except OSError as problem:
        raise BundleError(f"{path} cannot be read: {problem.strerror or problem}") from None
    return bytes(content)


def document_in(content: bytes, path: str) -> object:
    """The JSON document of a file: bounded in depth and values, and no name twice. Raises BundleError."""
    try:
        return parsed_json(bytearray(content), Path(path), unique_names=True)
    except JsonFileError as problem:
        raise BundleError(str(problem)) from None
