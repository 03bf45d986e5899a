"""`python -m vapi_conformance` is `vapi-conformance`."""

from vapi_conformance.cli import main

main(prog_name="vapi-conformance")
