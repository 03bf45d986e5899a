"""Figures of a bench: their data is the document's, and what is not known is left out."""

from dataclasses import replace

import pytest

from latency.samples import answered, sample
from made_benches import CLOSED, OPEN, bench, document, refused, streamed
from vapi_conformance.exchange import End
from vapi_conformance.latency.result import from_document
from vapi_conformance.latency.schedules import Schedule
from vapi_conformance.narrow import array_or_nothing, object_or_nothing
from vapi_conformance.report.bench_figures import Figure, figures

TEXT = "A sentence that is long enough."


def made(result: object = None) -> dict[str, Figure]:
    """By id, in order."""
    return {each.id: each for each in figures(from_document(document(bench()) if result is None else result))}


def points(figure: Figure, name: str) -> list[tuple[float, float]]:
    [series] = [each for each in figure.plot.series if each.name == name]
    return [(round(point[0], 6), round(point[1], 6)) for point in series.points if point is not None]


class TestDistribution:
    def test_is_the_documents_histogram(self) -> None:
        read = from_document(document(bench()))
        cells = read.histograms["ttft"].cells()
        tops = points(made(read.document)["distribution"], "First token (TTFT)")[1::2]
        counted = zip(cells.values, cells.up_to, strict=True)
        assert [(round(value / 1e6, 6), round(up_to / 30 * 100, 6)) for value, up_to in counted] == tops

    def test_is_a_stair(self) -> None:
        stair = points(made()["distribution"], "First token (TTFT)")
        before, after = stair[::2], stair[1::2]
        assert [x for x, _ in before] == [x for x, _ in after]
        assert [0.0, *(share for _, share in after)][:-1] == [share for _, share in before]
        assert 100.0 == stair[-1][1]

    def test_of_many_values_keeps_what_can_be_told_apart_and_the_last(self) -> None:
        many = document(bench(samples=[streamed(number) for number in range(900)]))
        stair = points(made(many)["distribution"], "First token (TTFT)")
        assert len(stair) <= 2 * 202
        assert 100.0 == stair[-1][1]
        assert float(str(object_or_nothing(many["ttft_ms"])["max"])) == pytest.approx(stair[-1][0], rel=0.002)

    def test_its_table_says_the_same_with_n(self) -> None:
        stored = object_or_nothing(document(bench())["ttft_ms"])
        figure = made()["distribution"]
        assert ("First token (TTFT)", "30", f"{stored['min']:,.2f}") == figure.table.rows[0][:3]
        assert ("–", f"{stored['max']:,.2f}") == figure.table.rows[0][-2:]  # 30 values tell no p99
        assert "n = 30: Time to first token" in figure.says

    def test_without_a_value_there_is_no_figure(self) -> None:
        assert ["over-time", "streams"] == [*made(document(bench(samples=[refused(0)])))]


class TestOverTime:
    def test_each_request_stands_at_its_start(self) -> None:
        found = points(made()["over-time"], "First token (TTFT)")
        assert [(round(0.05 * number, 6), 100.0 + number) for number in range(30)] == found

    @pytest.mark.parametrize(("schedule", "ttft_ms"), [(CLOSED, 100.0), (OPEN, 130.0)], ids=["closed", "open"])
    def test_an_open_loop_counts_from_the_intended_start(self, schedule: Schedule, ttft_ms: float) -> None:
        late = document(bench(schedule, samples=[streamed(0, delay_ms=30)]))
        assert [(0.0, ttft_ms)] == points(made(late)["over-time"], "First token (TTFT)")

    def test_what_went_wrong_is_seen(self) -> None:
        mixed = made(document(bench(samples=[streamed(0), refused(1), streamed(2)])))["over-time"]
        assert [(0.05, 0.0)] == points(mixed, "went wrong")
        assert 1 == sum(int(row[3]) for row in mixed.table.rows)

    def test_its_table_counts_every_request_once(self) -> None:
        rows = made()["over-time"].table.rows
        assert (10, 30) == (len(rows), sum(int(row[2]) for row in rows))
        assert ("101.00", "129.00") == (rows[0][4], rows[-1][5])

    def test_a_single_request_is_a_table_of_one(self) -> None:
        assert 1 == len(made(document(bench(samples=[streamed(0)])))["over-time"].table.rows)

    def test_a_document_without_single_requests_has_no_such_figure(self) -> None:
        old = document(replace(bench(), streams=None))
        del old["streams"]
        assert ["distribution", "gaps", "over-load", "over-messages"] == [*made(old)]


class TestOverLoad:
    def test_loads_stand_in_the_order_of_their_numbers(self) -> None:
        figure = made()["over-load"]
        assert ["2/s", "2/s", "8/s", "8/s", "16/s", "16/s"] == [row[0] for row in figure.table.rows]
        assert [2.0, 8.0, 16.0] == [x for x, _ in points(figure, "TTFT p50")]

    def test_figures_are_the_documents(self) -> None:
        groups = map(object_or_nothing, array_or_nothing(document(bench())["groups"]))
        [eight] = [each for each in groups if each["value"] == "8/s"]
        stored = object_or_nothing(object_or_nothing(eight["metrics"])["ttft_ms"])
        assert (8.0, stored["p50"]) == points(made()["over-load"], "TTFT p50")[1]

    def test_a_percentile_that_n_cannot_tell_is_no_point(self) -> None:
        names = [each.name for each in made()["over-load"].plot.series]
        assert ["TTFT p50", "TTFS p50"] == names  # ten requests of each load tell no p95

    def test_the_axis_begins_at_zero(self) -> None:
        y_range = made()["over-load"].plot.y_range
        assert y_range is not None
        assert 0 == y_range[0]


class TestStreams:
    def test_a_line_goes_from_the_start_to_the_first_token_and_on_to_the_end(self) -> None:
        figure = made(document(bench(samples=[streamed(0), streamed(1)])))["streams"]
        assert [(0.0, 1), (0.1, 1), (0.05, 2), (0.151, 2)] == points(figure, "until the first token")
        assert [(0.1, 1), (0.3, 1), (0.151, 2), (0.351, 2)] == points(figure, "until the answer is over")

    def test_an_open_loop_begins_at_the_intended_start(self) -> None:
        figure = made(document(bench(OPEN, samples=[streamed(0, delay_ms=30)])))["streams"]
        assert [(0.0, 1), (0.13, 1)] == points(figure, "until the first token")

    def test_an_answer_that_broke_off_has_no_end(self) -> None:
        broken = sample(answered((100, TEXT), end=End.RESET))
        figure = made(document(bench(samples=[broken])))["streams"]
        assert ["until the first token"] == [each.name for each in figure.plot.series]
        assert ("–", "connection broken") == figure.table.rows[0][-2:]

    def test_what_was_never_sent_is_no_stream(self) -> None:
        never = sample(answered((100, TEXT)), sent_ms=None)
        assert "streams" not in made(document(bench(samples=[never])))

    def test_of_many_the_busiest_forty_are_drawn(self) -> None:
        slow, quick = [streamed(20 * number) for number in range(30)], [streamed(700 + number) for number in range(50)]
        rows = made(document(bench(samples=[*slow, *quick])))["streams"].table.rows
        assert (40, "35.000", "36.950") == (len(rows), rows[0][1], rows[-1][1])

    def test_answers_that_would_be_dots_are_drawn_in_smaller_number(self) -> None:
        rare = [streamed(60 * number) for number in range(40)]  # one each 3 s, and an answer takes one or two
        often = [streamed(number) for number in range(40)]
        short = [sample(answered((10, TEXT)), intended_ms=each * 2000.0, sent_ms=each * 2000.0) for each in range(40)]
        drawn = [len(made(document(bench(samples=each)))["streams"].table.rows) for each in (often, rare, short)]
        assert [40, 20, 5] == drawn


def test_numbers_that_no_plot_has_a_place_for_are_not_drawn() -> None:
    read = document(bench(samples=[streamed(0), streamed(1)]))
    kept = object_or_nothing(read["streams"])["kept"]
    assert isinstance(kept, list)
    kept[0]["ttft_ms"] = 10**400
    assert [(0.05, 101.0)] == points(made(read)["over-time"], "First token (TTFT)")
