"""The scripted model: the same conversation always gives the same answer, and never a network call.

It knows a small vocabulary of prompts (`Say exactly: ...`, code words, `Tell me a long story.`, tools) and the manners
of the telephone, so that a test knows what a sound answer must hold. Anything else gets a short friendly sentence.
"""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import takewhile
from typing import TYPE_CHECKING

from vapi_reference_server import own_tools
from vapi_reference_server.call_manners import is_telephone_tool, telephone_reply, words_of
from vapi_reference_server.json_values import as_object, encode
from vapi_reference_server.reply import Reply, new_call
from vapi_reference_server.request import Choice
from vapi_reference_server.schema_samples import sample
from vapi_reference_server.tokens import count_tokens, first_tokens

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from vapi_reference_server.json_values import JsonObject
    from vapi_reference_server.own_tools import Run
    from vapi_reference_server.reply import Call
    from vapi_reference_server.request import Message, Request, Tool

_SAY_EXACTLY = re.compile(r"say exactly: ?(.*)", re.IGNORECASE | re.DOTALL)
_WORD = r"(\S+?)[.!?,]*(?:\s|$)"
_CODE_WORD = re.compile(r"my code word is " + _WORD, re.IGNORECASE)
_HOUSE_WORD = re.compile(r"the house word is " + _WORD, re.IGNORECASE)
_MIN_NAME_LETTERS = 4
_MAX_QUOTED_TOKENS = 60

_GREETING = "Hello, thank you for calling. How can I help you today?"
_NOTHING_LEFT = "Is there anything else I can do for you?"
_STORY = (
    "Once upon a time, in a small house by the sea, there lived a woman who repaired clocks. "
    "People came from all the villages along the coast, and each of them brought a clock that had stopped. "
    "She listened to every one of them for a long while before she touched it. "
    "A clock, she used to say, always tells you where it hurts. "
    "One winter evening a boy knocked at her door, and he carried a clock without any hands. "
    "It had belonged to his grandfather, and it had been silent for thirty years. "
    "The woman put it on the table, lit a second lamp, and opened the little door at the back. "
    "Inside she found no wheels at all, only a folded letter and a dried flower. "
    "The boy read the letter aloud, slowly, because the ink was pale. "
    "It said that time had been kind to the writer, and that nobody should ever repair this clock. "
    "So they closed the little door again, and she gave the boy a cup of tea. "
    "When the storm had passed he walked home along the beach, with the clock under his coat. "
    "And although it still had no hands, he always knew exactly what time it was. "
    "The woman told this story to everybody who came after him. "
    "Some of them laughed, some of them sighed, and some of them took their own clocks home again. "
    "That is the whole story, and it is as true as stories by the sea can be."
)
_REASONING = "The caller wants a short answer. I check what was said, and then I say it in one breath."
# What Vapi writes into a tool message when there is no result to quote (see its custom tools guide).
# Nobody on a phone wants to hear these words, so each gets a sentence of its own.
_SENTINELS = (
    ("success.", "That is taken care of."),
    ("no result returned", "I am sorry, I could not find that out just now."),
    ("tool result still pending", "I am still waiting for that, but we can go on in the meantime."),
)


def think(request: Request, run: Run = own_tools.run) -> Reply:
    """The answer to a conversation, within the request's `stop` and `max_tokens`.

    `run` runs a tool of the endpoint's own and gives the sentence that tells its result.
    """
    reply = _reply(request, run)
    if request.thinks_aloud:
        reply = replace(reply, reasoning=_REASONING)
    return _within_tokens(_before_stop(reply, request.stops), request.max_tokens)


def spoken_result(content: str) -> str:
    """The sentence that tells a tool's result."""
    for start, sentence in _SENTINELS:
        if content.strip().lower().startswith(start):
            return sentence
    return f"The tool says: {_ended(content)}"


def _reply(request: Request, run: Run) -> Reply:
    if request.tool_choice is Choice.NAMED:
        named = [tool for tool in request.tools if tool.name == request.named_tool]
        # A named choice ends with `stop` although there is a call: so does the OpenAI API.
        return _calling(named, "stop")
    said = _last_user_text(request.messages) or ""
    script = _script(request)
    allowed = () if request.tool_choice is Choice.NONE else request.tools
    telephone = telephone_reply(said, allowed) if script is None else None
    if telephone is not None and telephone.calls:
        return telephone
    tools = _tools_to_call(request, said, is_free=script is None)
    if tools:
        return _calling(tools, "tool_calls")
    if request.response_format is not None:
        return Reply(text=encode(sample(request.response_format)).decode())
    if script is not None:
        return Reply(text=script)
    return telephone or Reply(text=_own_result(request, said, run) or _quotation(said))


def _calling(tools: Iterable[Tool], finish_reason: str) -> Reply:
    return Reply(calls=tuple(new_call(tool.name, _arguments(tool)) for tool in tools), finish_reason=finish_reason)


def _arguments(tool: Tool) -> JsonObject:
    return as_object(sample({"type": "object", **tool.parameters})) or {}


def _script(request: Request) -> str | None:
    """What has to be said, whatever tools there are; None where the model is free."""
    messages = request.messages
    results = _open_results(messages)
    if results:
        return _told(results, messages)
    said = _last_user_text(messages)
    # The counters tell a call that begins from examples in the prompt. A user message that is last waits for an answer.
    if said is None or (request.opens_the_call and messages[-1].role != "user"):
        return _GREETING
    return _scripted(said, messages)


def _told(results: Iterable[Message], messages: Sequence[Message]) -> str:
    """The results, but for those that were told in this turn already.

    Vapi writes what it speaks of an answer also into the earlier message that asked for the tool.
    """
    turn = takewhile(lambda message: message.role != "user", reversed(messages))
    spoken = " ".join(reversed([message.text for message in turn if message.role == "assistant"]))
    told = (spoken_result(result.text) for result in results)
    sentences = [sentence for sentence in told if not _says(spoken, sentence)]
    return " ".join(dict.fromkeys(sentences)) or _NOTHING_LEFT


def _says(text: str, sentence: str) -> bool:
    """Whether these words, in this order, are part of the text: it was written down by ear."""
    return f" {' '.join(words_of(sentence))} " in f" {' '.join(words_of(text))} "


def _own_result(request: Request, said: str, run: Run) -> str | None:
    call = own_tools.own_call(said)
    if call is None or any(tool.name == call.name for tool in request.tools):
        return None
    return run(call)


def _quotation(said: str) -> str:
    return f"You said: {_ended(first_tokens(said.strip(), _MAX_QUOTED_TOKENS))} How can I help you with that?"


def _scripted(said: str, messages: tuple[Message, ...]) -> str | None:
    exact = _SAY_EXACTLY.search(said)
    if exact:
        return exact[1] or _quotation(said)
    asked = said.casefold()
    if "what is my code word" in asked:
        word = _last_word(_CODE_WORD, (message for message in messages if message.role == "user"))
        return f"Your code word is {word}." if word else "You have not told me a code word yet."
    if "what is the house word" in asked:
        word = _last_word(_HOUSE_WORD, (message for message in messages if message.role in ("system", "developer")))
        return f"The house word is {word}." if word else "Nobody has told me a house word."
    return _STORY if "long story" in asked else None


def _last_word(pattern: re.Pattern[str], messages: Iterable[Message]) -> str | None:
    found = [match[1] for message in messages for match in pattern.finditer(message.text)]
    return found[-1] if found else None


def _ended(text: str) -> str:
    text = text.strip()
    return text if text.endswith((".", "!", "?")) else f"{text}."


def _last_user_text(messages: tuple[Message, ...]) -> str | None:
    return next((message.text for message in reversed(messages) if message.role == "user"), None)


def _open_results(messages: tuple[Message, ...]) -> list[Message]:
    """The last run of tool results, if no user has spoken since."""
    results: list[Message] = []
    for message in reversed(messages):
        if message.role == "tool":
            results.insert(0, message)
        elif results or message.role == "user":
            break
    return results


def _tools_to_call(request: Request, said: str, *, is_free: bool) -> list[Tool]:
    if request.tool_choice is Choice.NONE or not request.tools:
        return []
    named = [tool for tool in request.tools if _is_named(tool.name, said)]
    if request.tool_choice is Choice.REQUIRED:
        named = named or [request.tools[0]]
    elif not is_free:
        return []
    return named if request.parallel_tool_calls else named[:1]


def _is_named(name: str, said: str) -> bool:
    if is_telephone_tool(name):
        return False
    words = {word for word in words_of(name) if len(word) >= _MIN_NAME_LETTERS}
    return not words.isdisjoint(words_of(said)) or name.casefold() in said.casefold()


def _before_stop(reply: Reply, stops: tuple[str, ...]) -> Reply:
    ends = [(end, stop) for stop in stops if (end := reply.text.find(stop)) >= 0]
    if not ends:
        return reply
    end, stop = min(ends)
    return replace(reply, text=reply.text[:end], calls=(), finish_reason="stop", stopped_by=stop)


def _within_tokens(reply: Reply, limit: int | None) -> Reply:
    if limit is None or reply.tokens + reply.reasoning_tokens <= limit:
        return reply
    reasoning = first_tokens(reply.reasoning, limit)
    limit -= count_tokens(reasoning)
    text = first_tokens(reply.text, limit)
    calls: list[Call] = []
    left = limit - count_tokens(text)
    for call in reply.calls:
        left -= count_tokens(call.name)
        if left < 0:
            break
        arguments = first_tokens(call.arguments, left)
        calls.append(replace(call, arguments=arguments))
        left -= count_tokens(arguments)
    return replace(
        reply,
        text=text,
        calls=tuple(calls),
        finish_reason="length",
        reasoning=reasoning,
        stopped_by=None,
    )
