"""Options that say what load is played, for `bench`."""

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Final

import click

from vapi_conformance.cli.bench_schedule import STREAMS, LoadOptions

__all__ = ["load_options"]

_OPTIONS: Final = (
    click.option(
        "--concurrency",
        metavar="N[,N...]",
        help=f"Closed loop: so many streams at once (default: {STREAMS}); several numbers are played one after the "
        "other.",
    ),
    click.option("--rate", type=float, metavar="R", help="Open loop: so many requests a second."),
    click.option("--poisson", is_flag=True, help="Open loop: at random, as callers are, not evenly spaced."),
    click.option(
        "--seed", type=int, default=0, show_default=True, help="Of --poisson: the same seed, the same arrivals."
    ),
    click.option(
        "--ramp", metavar="FROM:TO", help="Open loop: from one rate to another over --duration (default: 30 s)."
    ),
    click.option("--steps", metavar="R,R,...", help="Open loop: each rate for --duration (default: 10 s)."),
    click.option(
        "--trace",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="Open loop: arrivals as they were recorded, in seconds, one a line or a JSON array.",
    ),
    click.option(
        "--requests",
        type=click.IntRange(min=1),
        metavar="N",
        help="So many (default: 100, or 5 for each stream); with --scenario so many calls. In a sweep: of each load.",
    ),
    click.option(
        "--duration",
        "duration_s",
        type=float,
        metavar="SECONDS",
        help="Until so much time is over; calls that have begun go on.",
    ),
    click.option(
        "--warmup", type=click.IntRange(min=0), metavar="N", help="Requests that are sent before and are in no figure."
    ),
)


def load_options(command: Callable[..., None]) -> Callable[..., None]:
    """Adds them; the command gets one keyword for all: `load`."""

    @wraps(command)
    def with_load(  # noqa: PLR0913 - one parameter per option
        *,
        concurrency: str | None,
        rate: float | None,
        poisson: bool,
        seed: int,
        ramp: str | None,
        steps: str | None,
        trace: Path | None,
        requests: int | None,
        duration_s: float | None,
        warmup: int | None,
        **others: object,
    ) -> None:
        load = LoadOptions(
            concurrency=concurrency,
            rate=rate,
            poisson=poisson,
            seed=seed,
            ramp=ramp,
            steps=steps,
            trace=trace,
            requests=requests,
            duration_s=duration_s,
            warmup=warmup,
        )
        command(load=load, **others)

    made: Callable[..., None] = with_load
    for option in reversed(_OPTIONS):
        made = option(made)
    return made
