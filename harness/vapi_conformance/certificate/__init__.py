"""Certificates: what was fixed before the first request, everything that came, and the same verdict again offline.

`levels` and `requirements` are published data and how it is read; `planning` fixes what a certificate will be about;
`bundle` writes and reads the evidence; `rejudging` makes the report of it, at issuing and ever after by the same code.
"""

__all__: list[str] = []
