"""The tables. Names begin with ours, because a team's database has other tables, too.

What is asked for is a column; everything else is in the document. A change here needs a step in `migrations/versions`.
"""

from datetime import UTC, datetime
from typing import Final

from sqlalchemy import DateTime, Double, ForeignKey, Index, LargeBinary, MetaData, String, Text
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import DeclarativeBase, Mapped, MappedAsDataclass, mapped_column, relationship
from sqlalchemy.types import TypeDecorator

__all__ = ["PREFIX", "Base", "Figure", "Moment", "RuleOutcome", "StoredRun"]

PREFIX: Final = "vapi_conformance_"


class Moment(TypeDecorator[datetime]):
    """A time in UTC that knows that it is: SQLite has no zones."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - SQLAlchemy's signature
        """Into the database."""
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - same
        """Out of it."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Base(MappedAsDataclass, DeclarativeBase, kw_only=True):
    """Constraints have names, so that a later migration can find them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_name)s",
            "uq": "uq_%(table_name)s_%(column_0_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


class RuleOutcome(Base):
    """What one rule came to in one run."""

    __tablename__ = PREFIX + "rule_outcome"

    run_id: Mapped[int] = mapped_column(ForeignKey(f"{PREFIX}run.id", ondelete="CASCADE"), primary_key=True, init=False)
    rule: Mapped[str] = mapped_column(String(200), primary_key=True)
    level: Mapped[str] = mapped_column(String(10))
    outcome: Mapped[str] = mapped_column(String(20))
    judged: Mapped[int]
    broken: Mapped[int]
    is_expected: Mapped[bool]
    """Listed by the user as known to fail."""

    __table_args__ = (Index(f"ix_{PREFIX}rule_outcome_rule", "rule"),)


class Figure(Base):
    """A figure of a run that is asked for over time: `ttft_ms.p95`."""

    __tablename__ = PREFIX + "figure"

    run_id: Mapped[int] = mapped_column(ForeignKey(f"{PREFIX}run.id", ondelete="CASCADE"), primary_key=True, init=False)
    name: Mapped[str] = mapped_column(String(100), primary_key=True)
    value: Mapped[float] = mapped_column(Double)


class StoredRun(Base):
    """One run: a report or a bench."""

    __tablename__ = PREFIX + "run"

    id: Mapped[int] = mapped_column(primary_key=True, init=False)
    key: Mapped[str] = mapped_column(String(80), unique=True)
    """What makes storing it again a no-op: the run's own random name, or the digest of a file that was added."""
    kind: Mapped[str] = mapped_column(String(10))
    """`report` or `bench`."""
    started_at: Mapped[datetime] = mapped_column(Moment)
    """Where a document does not say: when it was stored."""
    stored_at: Mapped[datetime] = mapped_column(Moment)
    target: Mapped[str] = mapped_column(String(500))
    """As the user named it; with the next five it is what one run has in common with those it is compared with."""
    platform: Mapped[str] = mapped_column(String(50))
    dialect: Mapped[str] = mapped_column(String(100))
    profile: Mapped[str] = mapped_column(String(50))
    """Empty for a bench."""
    model: Mapped[str] = mapped_column(String(200))
    """Empty where nobody said."""
    load: Mapped[str] = mapped_column(String(200))
    """Of a bench, in words; empty for a report."""
    url: Mapped[str | None] = mapped_column(Text)
    suite_version: Mapped[str] = mapped_column(String(50))
    verdict: Mapped[str | None] = mapped_column(String(20))
    """Of a bench: what its conditions came to; null where it had none."""
    duration_s: Mapped[float | None] = mapped_column(Double)
    exchanges: Mapped[int]
    passed: Mapped[int]
    violated: Mapped[int]
    not_applicable: Mapped[int]
    untestable: Mapped[int]
    unreachable: Mapped[int]
    harness_error: Mapped[int]
    digest: Mapped[str] = mapped_column(String(64))
    """SHA-256 of the document's JSON."""
    size_bytes: Mapped[int]
    """Of the document's JSON."""
    document: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)
    """All of it, compressed."""
    rules: Mapped[list[RuleOutcome]] = relationship(default_factory=list, cascade="all, delete-orphan")
    figures: Mapped[list[Figure]] = relationship(default_factory=list, cascade="all, delete-orphan")

    __table_args__ = (
        Index(f"ix_{PREFIX}run_target", "target", "started_at"),
        Index(f"ix_{PREFIX}run_digest", "digest"),
    )
