"""Whole calls: played as Vapi would, against an endpoint, with a virtual or the real clock."""

from vapi_conformance.call.clock import RealClock, VirtualClock
from vapi_conformance.call.player import CallPlayer
from vapi_conformance.call.playing import Line, play_call, play_calls, shows_what_is_expected

__all__ = ["CallPlayer", "Line", "RealClock", "VirtualClock", "play_call", "play_calls", "shows_what_is_expected"]
