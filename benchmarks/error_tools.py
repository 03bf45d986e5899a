"""Benchmarks that others publish, as clients in the table of errors: used where their command is found."""

import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from error_clients import Client
from error_figures import Figures, taken
from vapi_conformance.latency.stamping_server import Stamp, stamps_in
from vapi_conformance.narrow import array_or_nothing, integer_or_none, object_or_nothing

__all__ = ["TOOLS", "aiperf_figures", "by_aiperf", "by_guidellm", "guidellm_figures", "version_of"]

TOOL_SECONDS = 150
"""Bound of one run."""
STAMP = re.compile(r"t(\d{1,19}) (\d{1,19}) ")
"""The first chunk's content: when it was sent, and when its request had arrived."""
TOKENIZER: dict[str, object] = {
    "version": "1.0",
    "added_tokens": [],
    "pre_tokenizer": {"type": "Whitespace"},
    "model": {"type": "WordLevel", "vocab": {"[UNK]": 0, "hi": 1}, "unk_token": "[UNK]"},
}
"""The tools count tokens afterwards, and would fetch a tokenizer from the network for it. Words will do."""
TOKENIZER_SETTINGS = {"tokenizer_class": "PreTrainedTokenizerFast", "unk_token": "[UNK]"}


def version_of(command: str) -> str | None:
    """As the tool tells it; None where it is not installed or does not start."""
    program = shutil.which(command)
    if program is None:
        return None
    try:
        said = subprocess.run([program, "--version"], check=True, capture_output=True, text=True, timeout=60).stdout
    except (OSError, subprocess.SubprocessError):
        return None
    return (said.split() or ["unknown"])[-1]


def by_aiperf(port: int, streams: int, rounds: int) -> Figures:
    """Its clock reads of single responses, as `--export-level raw` has them. A round that is not counted connects."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        command = ["aiperf", "profile", "--model-names", "m", "--url", f"http://127.0.0.1:{port}", "--streaming"]
        command += ["--endpoint-type", "chat", "--concurrency", str(streams), "--request-count", str(streams * rounds)]
        command += ["--warmup-request-count", str(streams), "--warmup-concurrency", str(streams)]
        command += ["--input-file", str(_prompts(folder)), "--custom-dataset-type", "single_turn"]
        command += ["--tokenizer", str(_tokenizer(folder)), "--export-level", "raw", "--output-artifact-dir", name]
        command += ["--ui", "none", "--no-server-metrics", "--no-gpu-telemetry"]
        if not _ran(command):
            return Figures(answered=0)
        found = folder / "profile_export_raw.jsonl"
        return aiperf_figures(found.read_text(encoding="utf-8") if found.exists() else "")


def aiperf_figures(text: str) -> Figures:
    """From the lines of its raw export. Its time to the first token is that of the first response minus the start."""
    ttft_errors: list[float] = []
    lags: list[float] = []
    answered = 0
    for record in map(object_or_nothing, map(json.loads, text.splitlines())):
        start_ns = integer_or_none(record.get("start_perf_ns"))
        if object_or_nothing(record.get("metadata")).get("benchmark_phase") != "profiling" or start_ns is None:
            continue
        seen = list(_aiperf_seen(record))
        answered += "[DONE]" in json.dumps(array_or_nothing(record.get("responses"))[-1:])
        lags += [(at_ns - stamp.sent_ns) / 1000 for at_ns, stamp in seen]
        if seen:
            at_ns, stamp = seen[0]
            ttft_errors.append(((at_ns - start_ns) - (stamp.sent_ns - stamp.request_ns)) / 1000)
    return taken(ttft_errors_us=ttft_errors, lags_us=lags, cpu_us=None, answered=answered)


def by_guidellm(port: int, streams: int, rounds: int) -> Figures:
    """The time to the first token of each request in its report. The first round connects, and is not counted."""
    wanted = streams * (rounds + 1)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        report = folder / "report.json"
        command = ["guidellm", "run", "--backend", f"kind=openai_http,target=http://127.0.0.1:{port},model=m"]
        command += ["--profile", f"kind=concurrent,streams={streams}"]
        command += ["--constraint", f"kind=max_requests,count={wanted}"]
        command += ["--tokenizer", f"kind=hf_auto,model={_tokenizer(folder)}"]
        command += ["--data", f"kind=json_file,path={_prompts(folder, wanted)}"]
        command += ["--output", f"kind=json,path={report}", "--disable-console"]
        if not _ran(command) or not report.exists():
            return Figures(answered=0)
        return guidellm_figures(report.read_text(encoding="utf-8"), skipped=streams)


def guidellm_figures(text: str, *, skipped: int) -> Figures:
    """From its report, without the requests that began first. It does not tell when other chunks came."""
    benchmarks = array_or_nothing(object_or_nothing(json.loads(text)).get("benchmarks"))
    found: list[tuple[float, float]] = []
    for benchmark in benchmarks:
        requests = object_or_nothing(object_or_nothing(benchmark).get("requests"))
        for request in map(object_or_nothing, array_or_nothing(requests.get("successful"))):
            timings = object_or_nothing(object_or_nothing(request.get("info")).get("timings"))
            began_s, ttft_ms = timings.get("request_start"), request.get("time_to_first_token_ms")
            stamp = STAMP.match(str(request.get("output")))
            if stamp is not None and isinstance(began_s, float) and isinstance(ttft_ms, float):
                found.append((began_s, ttft_ms * 1000 - (int(stamp[1]) - int(stamp[2])) / 1000))
    errors = [error for _, error in sorted(found)[skipped:]]
    return taken(ttft_errors_us=errors, lags_us=(), cpu_us=None, answered=len(errors))


def _aiperf_seen(record: object) -> Iterator[tuple[int, Stamp]]:
    for response in map(object_or_nothing, array_or_nothing(object_or_nothing(record).get("responses"))):
        at_ns = integer_or_none(response.get("perf_ns"))
        for packet in map(object_or_nothing, array_or_nothing(response.get("packets"))):
            value = packet.get("value")
            if at_ns is not None and isinstance(value, str):
                yield from ((at_ns, stamp) for stamp in stamps_in(value.encode()))


def _prompts(folder: Path, count: int = 1) -> Path:
    path = folder / "prompts.jsonl"
    path.write_text('{"text": "hi", "prompt": "hi"}\n' * count, encoding="utf-8")
    return path


def _tokenizer(folder: Path) -> Path:
    path = folder / "tokenizer"
    path.mkdir()
    (path / "tokenizer.json").write_text(json.dumps(TOKENIZER), encoding="utf-8")
    (path / "tokenizer_config.json").write_text(json.dumps(TOKENIZER_SETTINGS), encoding="utf-8")
    return path


def _ran(command: list[str]) -> bool:
    """Whether it came to its end in time. The processes that it starts go with it."""
    with subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    ) as process:
        try:
            return process.wait(TOOL_SECONDS) == 0
        except subprocess.TimeoutExpired:
            return False
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


TOOLS: dict[str, Client] = {"guidellm": by_guidellm, "aiperf": by_aiperf}
"""By the name of its command."""
