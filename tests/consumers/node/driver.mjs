// Runs the real openai package against a loopback server and says what its user hears.
//
// Usage: node driver.mjs < request.json > results.jsonl
// The request: { modules: folder of node_modules, package: name in it, base: URL, parallel: number,
//   cases: [{ id, abortAfterMs, giveUpAfterMs, timeoutMs }], jsonTexts: [text, ...] }
// One line per case, in the order in which they end, and one line with V8's verdict on the JSON texts.

import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { text as readAll } from 'node:stream/consumers';
import path from 'node:path';

const request = JSON.parse(await readAll(process.stdin));
// The library logs each payload that it cannot parse.
console.error = () => {};

function say(value) {
  process.stdout.write(JSON.stringify(value) + '\n');
}

function words(error) {
  return `${error.constructor.name}: ${error.message}`.toWellFormed();
}

// The loop of vapi_conformance/consumers/openai_node.py; keep both the same.
async function listen(stream, heard, started) {
  const calls = new Map();
  const now = () => performance.now() - started;
  function heardText(text) {
    heard.texts.push(text);
    heard.textTimesMs.push(now());
  }
  function heardCall(fragment) {
    const key = fragment?.index;
    if (!calls.has(key)) {
      calls.set(key, { index: key, id: null, name: null, arguments: '' });
      heard.toolCalls = [...calls.values()];
    }
    const call = calls.get(key);
    const fn = fragment?.function;
    if (typeof fragment?.id === 'string' && fragment.id) call.id = fragment.id;
    if (typeof fn?.name === 'string' && fn.name) call.name = fn.name;
    if (fn?.arguments) call.arguments += fn.arguments;
  }
  for await (const chunk of stream) {
    for (const choice of chunk.choices) {
      const delta = choice?.delta;
      const text = delta?.content;
      if (typeof text === 'string' && text) heardText(text);
      for (const call of delta?.tool_calls ?? []) heardCall(call);
      const reason = choice?.finish_reason;
      if (typeof reason === 'string' && reason) heard.finishReason = reason;
    }
  }
}

function outcome(heard) {
  if (heard.error !== null) return 'failed';
  if (heard.texts.some((text) => text.trim())) return 'spoken';
  if (heard.toolCalls.some((call) => call.name)) return 'tool-call';
  return 'silence';
}

async function hear(OpenAI, { id, abortAfterMs, giveUpAfterMs, timeoutMs }) {
  const heard = { id, texts: [], textTimesMs: [], toolCalls: [], finishReason: null, error: null, hangs: false };
  const baseURL = `${request.base}/${id}`;
  const client = new OpenAI({ apiKey: 'none', baseURL, maxRetries: 0, timeout: timeoutMs ?? 600000 });
  const controller = new AbortController();
  const started = performance.now();
  async function run() {
    try {
      const body = { model: 'm', stream: true, messages: [{ role: 'user', content: 'Hello' }] };
      const stream = await client.chat.completions.create(body, { signal: controller.signal });
      await listen(stream, heard, started);
    } catch (error) {
      heard.error = words(error);
    }
    return false;
  }
  if (abortAfterMs !== null) setTimeout(() => controller.abort(), abortAfterMs);
  let timer;
  const late = new Promise((resolve) => (timer = setTimeout(() => resolve(true), giveUpAfterMs)));
  heard.hangs = await Promise.race([run(), late]);
  clearTimeout(timer);
  heard.endedMs = performance.now() - started;
  heard.outcome = outcome(heard);
  heard.toolCalls = heard.toolCalls.map((call) => ({ ...call, index: Number.isInteger(call.index) ? call.index : null }));
  say(heard);
  controller.abort();
}

function parsed(text) {
  try {
    return { value: JSON.stringify(JSON.parse(text)) };
  } catch (error) {
    return { error: words(error) };
  }
}

const where = path.join(request.modules, request.package);
const main = createRequire(pathToFileURL(where + path.sep)).resolve(where);
const { default: OpenAI } = await import(pathToFileURL(main.replace(/\.js$/, '.mjs')));

const waiting = [...request.cases];
async function worker() {
  for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) await hear(OpenAI, next);
}
await Promise.all(Array.from({ length: request.parallel }, worker));
const last = { versions: process.versions, jsonTexts: request.jsonTexts.map(parsed) };
process.stdout.write(JSON.stringify(last) + '\n', () => process.exit(0));
