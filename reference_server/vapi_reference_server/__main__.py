"""`python -m vapi_reference_server` is `vapi-reference-server`."""

from vapi_reference_server.cli import main

main(prog_name="vapi-reference-server")
