"""Runs the tools that the model calls, and knows which results are there."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from vapi_conformance.call.asking import Asker
from vapi_conformance.call.tools import END_CALL, HAND_OFF, TRANSFER, Pending, due, results_at, vapi_tools
from vapi_conformance.call.webhook_tools import posted
from vapi_conformance.call_record import ToolRun
from vapi_conformance.call_scenario import CallTool
from vapi_conformance.platforms.vapi import NO_RESULT, SUCCESS, Conversation, ToolCall

__all__ = ["ToolDesk"]


@dataclass(kw_only=True)
class ToolDesk:
    """The tools of one call."""

    asker: Asker
    tools: Sequence[CallTool]
    _pending: list[Pending] = field(default_factory=list[Pending])
    """Started, and the model has not read the result yet."""

    @property
    def is_waited_for(self) -> bool:
        """Whether some result has not been read."""
        return bool(self._pending)

    @property
    def due_ns(self) -> int:
        """Call time when all results are there; 0 where none is waited for."""
        return max((each.due_ns for each in self._pending), default=0)

    def filler(self, calls: Sequence[ToolCall]) -> str | None:
        """What the platform says while the first of them runs."""
        tools = {tool.name: tool for tool in self.tools}
        return next((tools[call.name].filler for call in calls if call.name in tools), None)

    def start(self, calls: Sequence[ToolCall], history: Conversation, position: int) -> None:
        """Calls of one answer. history: the conversation before them. position: the exchange that asked for them."""
        now_ns = self.asker.clock.now_ns()
        for pending in self._started(calls, history):
            self._tell(pending, started_ns=now_ns, position=position)
            self._pending.append(pending)

    def read(self) -> Mapping[str, str]:
        """What the model reads of each call in a request made now, by id; what is there is not waited for any more."""
        now_ns = self.asker.clock.now_ns()
        results = results_at(self._pending, now_ns)
        self._pending = [each for each in self._pending if each.due_ns > now_ns]
        return results

    def fail(self, call: ToolCall) -> None:
        """It does nothing after all."""
        self._pending = [
            replace(each, call=replace(each.call, result=NO_RESULT)) if each.call.id == call.id else each
            for each in self._pending
        ]

    def clear(self) -> None:
        """Nothing is waited for any more."""
        self._pending.clear()

    def _started(self, calls: Sequence[ToolCall], history: Conversation) -> list[Pending]:
        tools = {tool.name: tool for tool in self.tools}
        by_webhook: dict[str, list[tuple[CallTool, ToolCall]]] = {}
        started = list[Pending]()
        for tool, call in ((tools[call.name], call) for call in calls if call.name in tools):
            if tool.run_by == "webhook":
                by_webhook.setdefault(tool.path, []).append((tool, call))
            else:
                started.append(self._due(tool, call))
        at_vapi = vapi_tools(self.tools, self.asker.platform.base_url)
        for together in by_webhook.values():
            started += posted(self.asker, together, history, at_vapi)
        return started

    def _due(self, tool: CallTool, call: ToolCall) -> Pending:
        """A call that Vapi itself answers, the scenario, or somebody at the keyboard."""
        now_ns = self.asker.clock.now_ns()
        if tool.name in (END_CALL, TRANSFER) or tool.name.startswith(HAND_OFF):
            return due(replace(tool, after_s=0.0, returns=SUCCESS), call, now_ns)
        person = self.asker.person
        result = None if person is None else person.result_of(tool, call)
        return due(tool if result is None else replace(tool, returns=result, after_s=0.0), call, now_ns)

    def _tell(self, pending: Pending, *, started_ns: int, position: int) -> None:
        call, log = pending.call, self.asker.log
        why = f" ({pending.note})" if pending.note else ""
        log.tell("tool-result", pending.due_ns, f"{call.name}: {call.result}{why}", exchange=position)
        run = ToolRun(
            id=call.id,
            name=call.name,
            arguments=call.arguments,
            result=call.result,
            started_ns=started_ns,
            ended_ns=pending.due_ns,
            exchange=position,
        )
        log.tools.append(run)
