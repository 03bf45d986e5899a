"""The machine: what is told of it, and what of it would explain another figure."""

import json
from dataclasses import replace

from vapi_conformance.latency.machine import LIBRARIES, cpu_model, this_machine


class TestThisMachine:
    def test_is_told_as_json(self) -> None:
        document = this_machine().to_document()
        assert document == json.loads(json.dumps(document))

    def test_has_a_core_and_a_clock_that_ticks(self) -> None:
        machine = this_machine()
        assert 1 <= machine.cores <= machine.all_cores
        assert machine.clock
        assert 0 < machine.clock_resolution_ns

    def test_knows_which_libraries_are_installed(self) -> None:
        libraries = dict(this_machine().libraries)
        assert set(LIBRARIES) == set(libraries)
        assert libraries["hdrhistogram"] is not None


class TestDifferences:
    def test_none_to_itself(self) -> None:
        machine = this_machine()
        assert () == machine.differs_from(replace(machine, load_average=(9.0, 9.0, 9.0)))

    def test_are_told_with_both_sides(self) -> None:
        machine = this_machine()
        other = replace(machine, cpu="Z80", libraries=())
        assert f"processor: {machine.cpu} and Z80" in machine.differs_from(other)
        assert f"hdrhistogram: {dict(machine.libraries)['hdrhistogram']} and None" in machine.differs_from(other)


class TestCompany:
    def test_half_of_the_cores_are_taken(self) -> None:
        machine = replace(this_machine(), cores=4)
        assert [False, True, False] == [
            replace(machine, load_average=load).is_busy for load in ((2.0, 9.0, 9.0), (2.1, 0.0, 0.0), None)
        ]


class TestProcessor:
    def test_is_the_first_name(self) -> None:
        assert "AMD EPYC" == cpu_model("processor\t: 0\nmodel name\t: AMD EPYC\nmodel name\t: other\n")

    def test_is_not_told_everywhere(self) -> None:
        assert cpu_model("processor\t: 0\nBogoMIPS : 50\nmodel name :\n") is None
        assert cpu_model("") is None

    def test_a_name_without_end_is_cut(self) -> None:
        assert 200 == len(cpu_model("model name: " + "x" * 5000) or "")
