"""Settings from option, environment and ini file, in this order."""

import pytest

from vapi_conformance.options import OPTIONS, EndpointOption, resolve

ONE = EndpointOption(name="api-key-env", metavar="X", help="x")
MANY = EndpointOption(name="header", metavar="X", help="x", kind="many")


def resolved(
    option: EndpointOption, *, given: object = None, variable: str | None = None, ini: object = ""
) -> tuple[str, ...]:
    return resolve(
        option,
        given={option.ini: given}.__getitem__,
        environment={} if variable is None else {option.variable: variable},
        ini={option.ini: ini}.__getitem__,
    )


class TestNames:
    def test_of_the_endpoint_itself(self) -> None:
        assert ("--endpoint", "endpoint", "VAPI_CONFORMANCE_ENDPOINT") == (
            OPTIONS[0].flag,
            OPTIONS[0].ini,
            OPTIONS[0].variable,
        )

    def test_of_the_others(self) -> None:
        assert ("--endpoint-api-key-env", "endpoint_api_key_env", "VAPI_CONFORMANCE_API_KEY_ENV") == (
            ONE.flag,
            ONE.ini,
            ONE.variable,
        )

    def test_are_all_different(self) -> None:
        for names in zip(*((each.flag, each.ini, each.variable) for each in OPTIONS), strict=True):
            assert len(OPTIONS) == len(set(names))

    def test_each_says_what_it_is(self) -> None:
        for option in OPTIONS:
            assert option.help.endswith(".")
            assert option.metavar


class TestResolve:
    def test_the_option_wins_over_environment_and_ini(self) -> None:
        assert ("a",) == resolved(ONE, given="a", variable="b", ini="c")

    def test_the_environment_wins_over_ini(self) -> None:
        assert ("b",) == resolved(ONE, variable="b", ini="c")

    def test_ini_is_last(self) -> None:
        assert ("c",) == resolved(ONE, ini="c")

    @pytest.mark.parametrize("nothing", [None, "", []])
    def test_nothing_anywhere_is_empty(self, nothing: object) -> None:
        assert () == resolved(ONE, given=nothing, variable="", ini=nothing)

    def test_several_are_taken_from_one_place_only(self) -> None:
        assert ("a", "b") == resolved(MANY, given=["a", "b"], variable="c", ini=["d"])
        assert ("d", "e") == resolved(MANY, given=[], ini=["d", "e"])

    def test_several_stand_on_lines_of_their_own_in_the_environment(self) -> None:
        assert ("X-A: 1", "X-B: 2") == resolved(MANY, variable="X-A: 1\n\n  X-B: 2\r\n")

    def test_one_value_keeps_its_lines(self) -> None:
        """So that whoever checks it can say what is wrong with it."""
        assert ("a\nb",) == resolved(ONE, variable="a\nb")
