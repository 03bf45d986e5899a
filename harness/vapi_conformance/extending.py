"""All that rules, platforms and consumers of other distributions are made of, in one place that stays.

Entry points: `vapi_conformance.rules` (a module or a list of rules), `vapi_conformance.platforms` (a CustomPlatform),
`vapi_conformance.consumers` (a Consumer). Its name is the prefix of the rules' ids, the platform's or the consumer's.
What else is importable may change with any release; this and `vapi_conformance.testing` with a word in the changelog.
"""

from vapi_conformance.consumers import Heard, HeardText, HeardToolCall
from vapi_conformance.consumers import Outcome as HeardOutcome
from vapi_conformance.custom_platforms import CustomPlatform, PlatformSettings
from vapi_conformance.dialects.asked import Asked
from vapi_conformance.dialects.names import CHAT, EVERY, Dialect
from vapi_conformance.dialects.transcript import Chunk, Transcript
from vapi_conformance.evidence import Conditions, Evidence
from vapi_conformance.exchange import Exchange
from vapi_conformance.platforms.calling import Calling
from vapi_conformance.platforms.direct import Direct
from vapi_conformance.platforms.lint import Lint
from vapi_conformance.problems import UsageError
from vapi_conformance.report.custom_clients import Consumer
from vapi_conformance.rules.rule import MAY, MUST, SHOULD, Level, Need, Profile, Rule, Violation, rule, scenario_rule

__all__ = [
    "CHAT",
    "EVERY",
    "MAY",
    "MUST",
    "SHOULD",
    "Asked",
    "Calling",
    "Chunk",
    "Conditions",
    "Consumer",
    "CustomPlatform",
    "Dialect",
    "Direct",
    "Evidence",
    "Exchange",
    "Heard",
    "HeardOutcome",
    "HeardText",
    "HeardToolCall",
    "Level",
    "Lint",
    "Need",
    "PlatformSettings",
    "Profile",
    "Rule",
    "Transcript",
    "UsageError",
    "Violation",
    "rule",
    "scenario_rule",
]
