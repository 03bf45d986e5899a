"""The table of errors: its statistics and its text. No server, no client, no clock."""

import json
from dataclasses import replace

import pytest

from error_figures import LIMIT, Figures, Run, Setting, document, medians, percentile, table, taken
from error_tools import aiperf_figures, guidellm_figures
from vapi_conformance.latency.machine import Machine

SETTING = Setting(server="server in C", streams=32, rounds=4)
LIMITS = Figures(ttft_p50=100, ttft_p99=2000, lag_p50=50, lag_p99=500, cpu_per_chunk=7, answered=128)
OURS = Figures(ttft_p50=150, ttft_p99=1000, lag_p50=60, lag_p99=400, cpu_per_chunk=12.34, answered=128)
MACHINE = Machine(
    cpu="Some Processor",
    cores=2,
    all_cores=4,
    system="Linux 6.1",
    architecture="x86_64",
    python="CPython 3.11",
    libraries=(("uvloop", "0.22"), ("hdrhistogram", None)),
    clock="clock_gettime(CLOCK_MONOTONIC)",
    clock_resolution_ns=1.0,
    load_average=(0.5, 0.25, 0.125),
)


def rows(text: str) -> dict[str, list[str]]:
    """Cells by client."""
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line[:1] == "|"]
    return {first: rest for first, *rest in cells[2:]}


RUN = Run(
    tables=("first table", "second table"),
    clients={"engine": "ours.", "httpx": "theirs."},
    machine=MACHINE,
    day="2026-01-02",
    repeat=3,
    versions={"httpx": "0.28"},
    absent=(),
)


@pytest.mark.parametrize(("share", "expected"), [(0.0, 1.0), (0.5, 3.0), (0.75, 4.0), (0.99, 4.0), (1.0, 4.0)])
def test_a_percentile_is_a_value_that_was_measured_the_higher_one_between_two(share: float, expected: float) -> None:
    assert expected == percentile([1.0, 2.0, 3.0, 4.0], share)


def test_there_is_no_percentile_of_nothing() -> None:
    assert percentile([], 0.5) is None


def test_figures_do_not_depend_on_the_order_of_errors() -> None:
    backwards = taken(ttft_errors_us=[3, 2, 1], lags_us=[40, 30, 20, 10], cpu_us=100, answered=3)
    assert Figures(ttft_p50=2, ttft_p99=3, lag_p50=30, lag_p99=40, cpu_per_chunk=25, answered=3) == backwards


def test_a_client_that_tells_no_processor_time_or_single_chunks_has_no_figure_for_them() -> None:
    told = taken(ttft_errors_us=[1, 2, 3], lags_us=[], cpu_us=None, answered=3)
    assert Figures(ttft_p50=2, ttft_p99=3, answered=3) == told


def test_medians_are_taken_figure_by_figure() -> None:
    runs = [replace(OURS, ttft_p50=ttft, lag_p99=lag) for ttft, lag in ((1, 30), (2, 10), (9, 20))]
    assert replace(OURS, ttft_p50=2, lag_p99=20) == medians(runs)


def test_a_run_without_a_figure_does_not_hide_those_of_the_others() -> None:
    assert medians([OURS, replace(OURS, ttft_p50=None)]).ttft_p50 == OURS.ttft_p50


def test_an_answer_lost_in_one_run_of_three_is_told() -> None:
    assert medians([OURS, replace(OURS, answered=127), OURS]).answered == 127


def test_ratios_are_to_the_client_in_c_and_absolute_errors_stand_beside_them() -> None:
    cells = rows(table(SETTING, {LIMIT: [LIMITS], "engine": [OURS]}))
    assert ["1.50", "0.50", "0.15", "1.00", "0.06", "0.40", "12.3", "all"] == cells["engine"]
    assert ["1.00", "1.00"] == cells[LIMIT][:2]


def test_the_place_of_the_client_in_c_does_not_matter() -> None:
    assert rows(table(SETTING, {"engine": [OURS], LIMIT: [LIMITS]})) == rows(
        table(SETTING, {LIMIT: [LIMITS], "engine": [OURS]})
    )


def test_without_the_client_in_c_ratios_are_to_the_first_and_the_heading_says_so() -> None:
    text = table(SETTING, {"engine": [OURS], "httpx": [LIMITS]})
    assert ["0.67", "2.00"] == rows(text)["httpx"][:2]
    assert "TTFT error p50, × engine" in text
    assert LIMIT not in text


@pytest.mark.parametrize("limit", [0.0, -5.0, None])
def test_a_limit_of_nothing_gives_no_ratio(limit: float | None) -> None:
    cells = rows(table(SETTING, {LIMIT: [replace(LIMITS, ttft_p50=limit)], "engine": [OURS]}))
    assert ["–", "0.50", "0.15"] == cells["engine"][:3]


def test_answers_that_did_not_come_are_counted() -> None:
    cells = rows(table(SETTING, {LIMIT: [LIMITS], "engine": [replace(OURS, answered=100)]}))
    assert ["all", "100 of 128"] == [cells[LIMIT][-1], cells["engine"][-1]]


def test_a_client_that_did_not_run_has_no_line() -> None:
    assert [LIMIT] == list(rows(table(SETTING, {LIMIT: [LIMITS], "httpx": []})))


def test_the_page_holds_what_was_measured_and_on_what() -> None:
    text = document(RUN)
    for part in (
        "first table\n\nsecond table",
        "* **httpx**: theirs.",
        "* 2026-01-02, medians of 3 runs\n* Some Processor, 2 cores; Linux 6.1; CPython 3.11\n",
    ):
        assert part in text
    assert "* uvloop 0.22, hdrhistogram absent, httpx 0.28\n" in text


def test_one_run_is_not_called_a_median() -> None:
    assert "2026-01-02, one run\n" in document(replace(RUN, repeat=1))


@pytest.mark.parametrize(("load", "is_told"), [((1.5, 0.0, 0.0), True), ((0.5, 9.0, 9.0), False)])
def test_the_page_tells_the_load_and_whether_it_matters(load: tuple[float, float, float], is_told: bool) -> None:
    text = document(replace(RUN, machine=replace(MACHINE, load_average=load)))
    assert f"{load[0]:.2f} / {load[1]:.2f} / {load[2]:.2f} (1, 5 and 15 minutes)" in text
    assert is_told == ("others had work" in text)


def test_a_system_that_tells_no_load_is_not_called_idle() -> None:
    assert "load before the run: unknown\n" in document(replace(RUN, machine=replace(MACHINE, load_average=None)))


def test_no_line_of_the_page_is_longer_than_an_editor_is_wide() -> None:
    text = document(replace(RUN, clients={"engine": "word " * 100}))
    assert [] == [line for line in text.splitlines() if len(line) > 120 and not line.startswith("|")]


def test_tools_that_were_not_there_are_named() -> None:
    assert "in no table: guidellm, aiperf." in document(replace(RUN, absent=("guidellm", "aiperf")))
    assert "Not installed" not in document(RUN)


def aiperf_line(*, phase: str = "profiling", start_ns: int = 1_000_000, last: str = "[DONE]") -> str:
    """One record of its raw export: two chunks, sent at 3 and 4 ms, of a request that arrived at 2 ms."""
    responses = [
        {"perf_ns": at_ns, "packets": [{"name": "data", "value": value}]}
        for at_ns, value in (
            (3_500_000, '{"choices":[{"delta":{"role":"assistant","content":"t3000000 2000000 "}}]}'),
            (4_100_000, '{"choices":[{"delta":{"content":"t4000000 2000000 "}}]}'),
            (5_000_000, last),
        )
    ]
    return json.dumps(
        {"metadata": {"benchmark_phase": phase}, "start_perf_ns": start_ns, "responses": responses, "status": 200}
    )


def test_errors_of_aiperf_are_its_clock_reads_minus_the_stamps() -> None:
    # 2.5 ms by its clock, where the truth is 1 ms; chunks are late by 0.5 and 0.1 ms
    expected = Figures(ttft_p50=1500, ttft_p99=1500, lag_p50=500, lag_p99=500, answered=1)
    assert expected == aiperf_figures(aiperf_line())


def test_the_warm_up_of_aiperf_is_not_counted() -> None:
    assert Figures(answered=0) == aiperf_figures(aiperf_line(phase="warmup"))


def test_an_answer_that_aiperf_did_not_see_the_end_of_is_not_answered() -> None:
    assert 1 == aiperf_figures(f"{aiperf_line()}\n{aiperf_line(last='{}')}\n").answered


def guidellm_report(*requests: tuple[float, float]) -> str:
    """Of requests, each with its start and the time to its first token by guidellm; the truth is 1 ms."""
    successful = [
        {
            "output": "t3000000 2000000 t4000000 2000000 ",
            "time_to_first_token_ms": ttft_ms,
            "info": {"timings": {"request_start": began_s}},
        }
        for began_s, ttft_ms in requests
    ]
    return json.dumps({"benchmarks": [{"requests": {"successful": successful, "errored": []}}]})


def test_errors_of_guidellm_are_its_times_minus_the_stamps_without_the_requests_that_began_first() -> None:
    report = guidellm_report((12.0, 3.0), (10.0, 90.0), (11.0, 2.0), (10.5, 80.0))
    assert Figures(ttft_p50=2000, ttft_p99=2000, answered=2) == guidellm_figures(report, skipped=2)


def test_a_report_without_requests_has_no_figures() -> None:
    assert Figures(answered=0) == guidellm_figures('{"benchmarks": []}', skipped=0)
