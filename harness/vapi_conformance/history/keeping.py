"""A test run and its history: the run is stored when it is over, and what went before goes into its report.

Whatever is wrong with the history, the run's verdict stands: it is told in a sentence, and nothing else happens.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from uuid import uuid4

from vapi_conformance.history.place import read_place
from vapi_conformance.history.rows import series_of
from vapi_conformance.history.store import Store, Wanted
from vapi_conformance.history.trend import MOST_EARLIER, entry
from vapi_conformance.problems import UsageError

__all__ = ["Keeper"]


@dataclass(eq=False, slots=True, kw_only=True)
class Keeper:
    """Of one run."""

    store: Store
    file_option: str
    """By which the run can be had as a file, and added later."""
    key: str = field(default_factory=lambda: f"run:{uuid4().hex}")
    """By which a second attempt to store the run is known."""
    told: str = ""
    """What became of it, for people."""
    is_fault: bool = False
    """Whether that is that it is not stored."""

    @classmethod
    def at(cls, text: str, *, option: str, file_option: str) -> "Keeper":
        """option, file_option: that named the place, and the one by which the run can be had as a file.

        Raises UsageError for a place that nobody can mean, and for a driver that is missing. Connects to nothing.
        """
        store = Store(place=read_place(text, option=option))
        store.engine(is_writing=True)
        return cls(store=store, file_option=file_option)

    def foretold(self) -> str:
        """One line before the run: where it will be kept, or why it will not be."""
        try:
            self.store.prepare()
        except UsageError as problem:
            return f"{problem}; the run goes on, and will not be kept"
        return f"history: {self.store.place.shown}"

    def kept(self, document: Mapping[str, object]) -> Mapping[str, object]:
        """Stores a report; gives it back with the earlier runs of the same series under `trend`. Raises nothing."""
        number = self.keep(document)
        if number is None:
            return document
        try:
            return {**document, "trend": self._earlier(document, number)}
        except UsageError as problem:
            self.told, self.is_fault = f"{self.told}; earlier runs are not in the report: {problem}", True
            return document

    def keep(self, document: Mapping[str, object]) -> int | None:
        """Stores it; its number, or None where that failed. Raises nothing."""
        try:
            added = self.store.add(document, key=self.key)
        except UsageError as problem:
            self.told = (
                f"this run is not in the history, and stands all the same: {problem}. "
                f"A file of it ({self.file_option} FILE.json) can be put there later: `vapi-conformance history add`"
            )
            self.is_fault = True
            return None
        self.told, self.is_fault = f"history: run {added.id} in {self.store.place.shown}", False
        return added.id

    def _earlier(self, document: Mapping[str, object], own: int) -> list[dict[str, object]]:
        wanted = Wanted(series=series_of(document), newest=MOST_EARLIER + 1)
        return [entry(each) for each in self.store.runs(wanted) if each.id != own][-MOST_EARLIER:]
