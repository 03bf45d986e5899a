"""Rapida: from a credential and model options to the requests Rapida would send to a custom LLM.

Described by its documentation of May 2026 (release 2.3.0); no such request was ever published. What the built-in
callers of January 2026 show is inferred for the custom LLM, and said so where it is used.
"""

from vapi_conformance.platforms.config_file import ConfigError
from vapi_conformance.platforms.lint import Lint
from vapi_conformance.platforms.rapida.credential import Credential, load_credential
from vapi_conformance.platforms.rapida.mapping import direct_keys
from vapi_conformance.platforms.rapida.model_options import ModelOptions, load_model_options
from vapi_conformance.platforms.rapida.platform import Platform

__all__ = [
    "ConfigError",
    "Credential",
    "Lint",
    "ModelOptions",
    "Platform",
    "direct_keys",
    "load_credential",
    "load_model_options",
]
