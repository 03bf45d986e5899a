"""How the tables came about, one module for each step, in `versions/`. `upgrading` runs them, only forwards."""

__all__: list[str] = []
