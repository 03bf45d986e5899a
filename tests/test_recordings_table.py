"""The document on recorded traffic says what the rules say today."""

from pathlib import Path

from recordings_table import document
from shared_data import needs_shared, shared_dir

DOCUMENT = Path(__file__).parents[1] / "docs" / "recordings.md"


@needs_shared
def test_the_document_is_what_check_says_today() -> None:
    """Written anew by `python tests/recordings_table.py > docs/recordings.md`; read the difference first."""
    shared = shared_dir()
    assert shared is not None
    assert DOCUMENT.read_text(encoding="utf-8") == document(shared / "recordings" / "wire")
