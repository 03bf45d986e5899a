"""Runs that are kept: the documents of reports and benches, in a database that answers how it went over time.

Nothing here is imported until somebody asks for a history: SQLAlchemy and Alembic take longer to load than many a
test run lasts.

    place     where the history is: a file (SQLite), or a URL of PostgreSQL, which may hold a password
    store     writing and reading; each run in one transaction
    models    the tables; `migrations/` brings them about
    faults    what a database complains of, in one sentence for the user
    keeping   what a test run does with its history
    packing   documents as compressed bytes
    rows      documents to rows, and rows to what is shown
    trend, difference   documents made of several runs
"""

__all__: list[str] = []
