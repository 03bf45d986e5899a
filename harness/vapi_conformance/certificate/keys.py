"""Keys that sign certificates: Ed25519, in the files that other tools read, too (PKCS#8 and SubjectPublicKeyInfo, PEM).

The cryptography is that of the package of this name. Ours is what stands around it: a private key is written where
nobody else can read it, never over a file, and not taken from where others could have read it.
"""

import os
import stat
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from shlex import quote
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from vapi_conformance.problems import UsageError

__all__ = [
    "MAX_PASSPHRASE_BYTES",
    "MIN_PASSPHRASE_CHARACTERS",
    "KeyFileError",
    "KeyFiles",
    "checked_passphrase",
    "key_files",
    "load_private_key",
    "load_public_key",
    "new_key",
    "read_secret_file",
    "write_key_files",
]

MIN_PASSPHRASE_CHARACTERS: Final = 12
"""What protects a stolen file: PKCS#8, as the library writes it, slows a guess down by 2,048 rounds of PBKDF2 only."""
MAX_PASSPHRASE_BYTES: Final = 1023
"""The library takes no more."""

_MAX_KEY_BYTES: Final = 64 * 1024
_MAX_SECRET_BYTES: Final = 4096
_FOR_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO
# On Windows, files are text unless this is said; elsewhere there is no such flag.
_NEW_FILE: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
_PRIVATE: Final = b"-----BEGIN PRIVATE KEY-----"
_ENCRYPTED: Final = b"-----BEGIN ENCRYPTED PRIVATE KEY-----"
_PUBLIC: Final = b"-----BEGIN PUBLIC KEY-----"


class KeyFileError(UsageError):
    """A key cannot be read, written or trusted as it lies there. The text names the file and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyFiles:
    """Where a pair of keys lies."""

    private: Path
    public: Path


def new_key() -> Ed25519PrivateKey:
    """From the system's source of randomness."""
    return Ed25519PrivateKey.generate()


def checked_passphrase(passphrase: str) -> bytes:
    """As bytes, or UsageError that never repeats it."""
    if len(passphrase) < MIN_PASSPHRASE_CHARACTERS:
        raise UsageError(
            f"a passphrase has at least {MIN_PASSPHRASE_CHARACTERS} characters: whoever gets the file can try "
            "thousands a second"
        )
    return _passphrase_bytes(passphrase)


def _passphrase_bytes(passphrase: str) -> bytes:
    try:
        encoded = passphrase.encode()
    except UnicodeEncodeError:
        raise UsageError("the passphrase is not UTF-8 text") from None
    if not 0 < len(encoded) <= MAX_PASSPHRASE_BYTES:
        raise UsageError(f"a passphrase has 1 to {MAX_PASSPHRASE_BYTES} bytes, this one has {len(encoded)}")
    return encoded


def key_files(name: Path) -> KeyFiles:
    """NAME.key and NAME.pub. Raises KeyFileError where either is there already, or the folder is not."""
    files = KeyFiles(private=name.with_name(name.name + ".key"), public=name.with_name(name.name + ".pub"))
    if not name.name:
        raise KeyFileError(f"{name} names no file")
    if not name.parent.is_dir():
        raise KeyFileError(f"the folder {name.parent} does not exist")
    for path in (files.private, files.public):
        if os.path.lexists(path):
            raise KeyFileError(f"{path} exists, and a key is never written over; take another name")
    return files


def write_key_files(key: Ed25519PrivateKey, files: KeyFiles, *, passphrase: bytes | None) -> None:
    """The private key readable by its owner only, encrypted unless passphrase is None. Raises KeyFileError."""
    encryption = NoEncryption() if passphrase is None else BestAvailableEncryption(passphrase)
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    _write_new(files.private, private, mode=0o600)
    try:
        _write_new(files.public, public, mode=0o644)
    except KeyFileError:
        files.private.unlink()  # ours, written a moment ago: half a pair helps nobody
        raise


def _write_new(path: Path, content: bytes, *, mode: int) -> None:
    """Made by this call or not at all: nobody can put a link or a file of theirs in between."""
    try:
        descriptor = os.open(path, _NEW_FILE, mode)
    except FileExistsError:
        raise KeyFileError(f"{path} exists, and a key is never written over; take another name") from None
    except OSError as problem:
        raise KeyFileError(f"{path} cannot be written: {problem.strerror or problem}") from None
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except OSError as problem:
        with suppress(OSError):
            path.unlink()
        raise KeyFileError(f"{path} cannot be written: {problem.strerror or problem}") from None


def load_private_key(path: Path, *, passphrase: Callable[[], str | None]) -> Ed25519PrivateKey:
    """The key that signs. Raises KeyFileError for a file that others may read, or that holds something else.

    passphrase: called where the file is encrypted; None where the user has given none.
    """
    content = read_secret_file(path, at_most=_MAX_KEY_BYTES)
    is_encrypted = _ENCRYPTED in content
    if not is_encrypted and _PRIVATE not in content:
        raise KeyFileError(f"{path} holds no private key in PKCS#8 (PEM); `vapi-conformance keygen` writes such")
    given = passphrase() if is_encrypted else None
    if is_encrypted and not given:
        raise KeyFileError(f"{path} is protected by a passphrase, and none was given")
    try:
        key: object = load_pem_private_key(content, _passphrase_bytes(given) if given else None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        # The library's words on a wrong passphrase and on a damaged file are the same, and tell of its parser.
        said = "the passphrase is wrong, or the file is damaged" if is_encrypted else "the file is damaged"
        raise KeyFileError(f"{path} cannot be opened: {said}") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise KeyFileError(f"{path} holds a key of another kind; certificates are signed with Ed25519")
    return key


def load_public_key(path: Path) -> Ed25519PublicKey:
    """The key of whoever is trusted to sign. Raises KeyFileError."""
    content = _content(path, at_most=_MAX_KEY_BYTES, is_secret=False)
    if b"PRIVATE KEY-----" in content:
        raise KeyFileError(f"{path} is a private key; verifying takes the public one, NAME.pub, and nothing else")
    if _PUBLIC not in content:
        raise KeyFileError(f"{path} holds no public key (PEM); `vapi-conformance keygen` writes one as NAME.pub")
    try:
        key: object = load_pem_public_key(content)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise KeyFileError(f"{path} is a damaged public key") from None
    if not isinstance(key, Ed25519PublicKey):
        raise KeyFileError(f"{path} holds a key of another kind; certificates are signed with Ed25519")
    return key


def read_secret_file(path: Path, *, at_most: int = _MAX_SECRET_BYTES) -> bytes:
    """What nobody but the owner may read. Raises KeyFileError with the command that mends it."""
    return _content(path, at_most=at_most, is_secret=True)


def _content(path: Path, *, at_most: int, is_secret: bool) -> bytes:
    try:
        with path.open("rb", buffering=0) as file:
            # Asked of what is open, and not of the name, which may be another file a moment later.
            mode = os.fstat(file.fileno()).st_mode
            if is_secret and stat.S_ISREG(mode) and os.name == "posix" and mode & _FOR_OTHERS:
                raise KeyFileError(
                    f"{path} can be read by others (mode {stat.S_IMODE(mode):04o}); run: chmod 600 {quote(str(path))}"
                )
            content = bytearray()
            while len(content) <= at_most and (block := file.read(at_most + 1 - len(content))):
                content += block
    except FileNotFoundError:
        raise KeyFileError(f"{path} does not exist") from None
    except IsADirectoryError:
        raise KeyFileError(f"{path} is a folder, not a file") from None
    except (OSError, ValueError) as problem:
        reason = problem.strerror if isinstance(problem, OSError) else None
        raise KeyFileError(f"{path} cannot be read: {reason or problem}") from None
    if len(content) > at_most:
        raise KeyFileError(f"{path} is longer than {at_most:,} bytes, and so no such file")
    return bytes(content)
