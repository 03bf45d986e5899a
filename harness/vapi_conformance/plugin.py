"""The pytest plugin: options, and nothing else until `--endpoint` is given.

Every pytest run in the environment imports this module, so at its top it imports pytest and the standard library.
"""

import os

import pytest

from vapi_conformance.options import OPTIONS, EndpointOption, resolve

__all__ = ["pytest_addoption", "pytest_configure"]


def pytest_addoption(parser: pytest.Parser) -> None:
    """One group; each option has an ini key and an environment variable of the same name."""
    group = parser.getgroup("vapi-conformance", "conformance of an LLM endpoint (vapi-conformance)")
    for option in OPTIONS:
        told = f"{option.help} [ini: {option.ini}, environment: {option.variable}]"
        many = option.kind == "many"
        group.addoption(
            option.flag,
            dest=option.ini,
            metavar=option.metavar,
            help=told.replace("%", "%%"),
            action="append" if many else "store",
            default=None,
        )
        if many:
            parser.addini(option.ini, help=option.help, type="linelist", default=[])
        else:
            parser.addini(option.ini, help=option.help, type="string", default="")


def pytest_configure(config: pytest.Config) -> None:
    """Without an endpoint, and without an option typed that is about one, nothing is imported and nothing registered.

    Options in an ini file or in the environment may stand there for other runs.
    """

    def values(option: EndpointOption) -> tuple[str, ...]:
        return resolve(option, given=config.getoption, environment=os.environ, ini=config.getini)

    settings = {option.name: values(option) for option in OPTIONS}
    if not settings[""] and not any(config.getoption(option.ini) for option in OPTIONS):
        return
    from vapi_conformance.pytest_plugin import register

    register(config, settings)
