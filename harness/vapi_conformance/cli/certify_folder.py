"""The folder of a certificate: made beside its place and moved there whole, so that half of one is never found."""

import shutil
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from vapi_conformance.problems import UsageError

__all__ = ["check_folder", "staged"]


def check_folder(out: Path) -> None:
    """Raises UsageError where no new folder can be made, before the work that would be lost."""
    if out.is_symlink() or (out.exists() and not out.is_dir()):
        raise UsageError(f"{out} is no folder; give the name of a new one")
    try:
        if out.is_dir() and next(out.iterdir(), None) is not None:
            raise UsageError(f"{out} is not empty; a certificate gets a folder of its own")
    except OSError as problem:
        raise UsageError(f"{out} cannot be read: {problem.strerror or problem}") from None
    if not out.resolve().parent.is_dir():
        raise UsageError(f"the folder {out.resolve().parent} does not exist")


@contextmanager
def staged(out: Path) -> Generator[Path]:
    """An empty folder that becomes `out` when the block ends well, and is gone when it does not. Raises UsageError."""
    out = out.resolve()
    try:
        place = Path(tempfile.mkdtemp(prefix=f".{out.name}.", suffix=".part", dir=out.parent))
    except OSError as problem:
        raise UsageError(f"{out.parent} cannot be written: {problem.strerror or problem}") from None
    try:
        work = place / "work"
        work.mkdir()
        yield work
        _move(work, out)
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _move(work: Path, out: Path) -> None:
    check_folder(out)  # somebody may have been there since
    try:
        if out.is_dir():
            out.rmdir()
        work.rename(out)
    except OSError as problem:
        raise UsageError(f"{out} cannot be made: {problem.strerror or problem}") from None
