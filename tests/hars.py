"""HAR documents as browsers write them, made up on the spot."""

import json
from collections.abc import Mapping
from pathlib import Path

URL = "https://llm.example/v1/chat/completions"
BODY: Mapping[str, object] = {"model": "m", "stream": True, "messages": [{"role": "user", "content": "Hi"}]}


def chunk(delta: object, finish_reason: str | None = None) -> str:
    choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
    document = {"id": "c1", "object": "chat.completion.chunk", "created": 1_700_000_000, "model": "m"}
    return f"data: {json.dumps({**document, 'choices': [choice]})}\n\n"


STREAM = (
    chunk({"role": "assistant", "content": ""})
    + chunk({"content": "Hello there, how are "})
    + chunk({"content": "you today?"})
    + chunk({}, "stop")
    + "data: [DONE]\n\n"
)


def request(url: str = URL, *, method: str = "POST", body: object = BODY) -> dict[str, object]:
    """body: None where the browser kept none."""
    headers = [
        {"name": ":authority", "value": "llm.example"},
        {"name": "authorization", "value": "Bearer sk-very-secret"},
        {"name": "content-type", "value": "application/json"},
    ]
    record: dict[str, object] = {"method": method, "url": url, "httpVersion": "http/2.0", "headers": headers}
    if body is not None:
        record["postData"] = {"mimeType": "application/json", "text": json.dumps(body)}
    return record


def response(
    text: str | None = STREAM, *, status: object = 200, mime: str = "text/event-stream", **more: object
) -> dict[str, object]:
    """text: None where the browser kept no body. `content` replaces the content altogether."""
    content: dict[str, object] = {"mimeType": mime, "size": len(text or "")}
    if text is not None:
        content["text"] = text
    headers = [
        {"name": ":status", "value": "200"},
        {"name": "content-type", "value": mime},
        {"name": "content-encoding", "value": "gzip"},
    ]
    return {"status": status, "httpVersion": "http/2.0", "headers": headers, "content": content, **more}


def entry(asked: object, answered: object) -> dict[str, object]:
    timings = {"send": 0, "wait": 8.1, "receive": 2}
    started = "2025-01-01T00:00:00.000Z"
    return {"startedDateTime": started, "time": 12.5, "request": asked, "response": answered, "timings": timings}


def sound() -> dict[str, object]:
    return entry(request(), response())


def page() -> dict[str, object]:
    return entry(request("https://app.example/", method="GET", body=None), response("<html>", mime="text/html"))


def har(*entries: object) -> dict[str, object]:
    creator = {"name": "WebInspector", "version": "537.36"}
    return {"log": {"version": "1.2", "creator": creator, "pages": [{"id": "page_1"}], "entries": list(entries)}}


def save(path: Path, document: object) -> Path:
    path.write_text(json.dumps(document), encoding="utf-8")
    return path
