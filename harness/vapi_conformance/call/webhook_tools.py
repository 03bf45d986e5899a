"""Tools that Vapi runs by posting the calls to a server: a message goes out, and what Vapi reads counts."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from vapi_conformance.call.asking import Asker
from vapi_conformance.call.tools import Pending, has_server, webhook_url
from vapi_conformance.call_scenario import CallTool
from vapi_conformance.client import Outgoing
from vapi_conformance.evidence import Evidence
from vapi_conformance.exchange import Label
from vapi_conformance.json_writing import utf8_json
from vapi_conformance.platforms.vapi import Conversation, ToolCall
from vapi_conformance.platforms.vapi.webhooks import tool_calls_message, tool_results

__all__ = ["posted"]

_HEADERS: Final = (("content-type", "application/json"), ("accept", "application/json, text/plain, */*"))


def posted(
    asker: Asker,
    calls: Sequence[tuple[CallTool, ToolCall]],
    history: Conversation,
    tools: Sequence[Mapping[str, object]],
) -> list[Pending]:
    """Calls of one answer that go to one place, in one message; done when its answer is there.

    tools: as they stand in the assistant at Vapi.
    """
    first, _ = calls[0]
    asked = [call for _, call in calls]
    platform = asker.platform
    message = tool_calls_message(
        platform.caller, platform.assistant, asked, history, lists=first.lists, tools=tools, era=asker.era
    )
    exchange = asker.client.send(
        Outgoing(
            url=webhook_url(platform.base_url, first),
            headers=(*_HEADERS, *_authorization(asker, first)),
            body=utf8_json(message),
            label=Label(scenario=asker.scenario, step=f"tool-{len(asker.log.webhooks) + 1}", attempt=asker.attempt),
            may_interrupt=None if asker.person is None else asker.person.may_interrupt,
        )
    )
    asker.log.webhooks.append(exchange)
    asker.clock.took(exchange.timing.end_ns or 0)
    evidence = Evidence(exchange=exchange, conditions=asker.conditions)
    results = tool_results(evidence.body, evidence.status, asked)
    now_ns = asker.clock.now_ns()
    return [
        Pending(call=replace(call, result=result.text), due_ns=now_ns, note=result.why_none)
        for call, result in zip(asked, results, strict=True)
    ]


def _authorization(asker: Asker, tool: CallTool) -> Sequence[tuple[str, str]]:
    """The endpoint's own path is behind its own key; a server elsewhere has fields of its own."""
    if has_server(tool):
        return asker.server_headers.get(tool.path, ())
    return [(name, value) for name, value in asker.platform.headers() if name.lower() == "authorization"]
