"""What ACME Voice, a company that exists in this example only, adds to vapi-conformance."""
