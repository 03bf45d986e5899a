// Runs the real openai package, version 6, against a loopback server: what its user hears of a Responses answer.
//
// Usage: node driver_responses.mjs < request.json > results.jsonl
// The request: { modules: folder of node_modules, base: URL, parallel: number,
//   cases: [{ id, way: 'raw' | 'helper' | 'whole', abortAfterMs, giveUpAfterMs }] }
// One line per case, in the order in which they end.

import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { text as readAll } from 'node:stream/consumers';
import path from 'node:path';

const request = JSON.parse(await readAll(process.stdin));

function words(error) {
  return `${error.constructor.name}: ${error.message}`.toWellFormed();
}

const where = path.join(request.modules, 'openai6');
const main = createRequire(pathToFileURL(where + path.sep)).resolve(where);
const { default: OpenAI } = await import(pathToFileURL(main.replace(/\.js$/, '.mjs')));

async function hearCase({ id, way, abortAfterMs, giveUpAfterMs }) {
  const heard = { id, texts: [], textTimesMs: [], toolCalls: [], finishReason: null, error: null, hangs: false };
  const controller = new AbortController();
  const calls = new Map();
  const started = performance.now();
  const now = () => performance.now() - started;

  function said(text) {
    if (typeof text !== 'string' || !text) return;
    heard.texts.push(text);
    heard.textTimesMs.push(now());
  }

  // The loop of vapi_conformance/consumers/openai_responses_loop.py; keep both the same.
  function heardItem(value, item) {
    if (item?.type !== 'function_call') return;
    const index = Number.isInteger(value) ? value : null;
    if (!calls.has(index)) calls.set(index, { index, id: null, name: null, arguments: '' });
    const call = calls.get(index);
    if (typeof item.call_id === 'string' && item.call_id) call.id = item.call_id;
    if (typeof item.name === 'string' && item.name) call.name = item.name;
    if (typeof item.arguments === 'string' && item.arguments) call.arguments = item.arguments;
  }

  function finished(response) {
    if (typeof response?.status === 'string' && response.status) heard.finishReason = response.status;
  }

  async function listen(stream) {
    for await (const event of stream) {
      switch (event?.type) {
        case 'response.output_text.delta':
          said(event.delta);
          break;
        case 'response.output_item.added':
        case 'response.output_item.done':
          heardItem(event.output_index, event.item);
          break;
        case 'response.function_call_arguments.delta': {
          const call = calls.get(Number.isInteger(event.output_index) ? event.output_index : null);
          if (call && typeof event.delta === 'string') call.arguments += event.delta;
          break;
        }
        case 'response.completed':
        case 'response.incomplete':
        case 'response.failed':
          finished(event.response);
      }
    }
  }

  async function run() {
    const baseURL = `${request.base}/${id}`;
    const client = new OpenAI({ apiKey: 'none', baseURL, maxRetries: 0, logLevel: 'off' });
    const body = { model: 'm', input: 'Hello' };
    const options = { signal: controller.signal };
    try {
      if (way === 'raw') {
        await listen(await client.responses.create({ ...body, stream: true }, options));
      } else if (way === 'helper') {
        const stream = client.responses.stream(body, options);
        await listen(stream);
        await stream.finalResponse();
      } else {
        const response = await client.responses.create(body, options);
        said(response.output_text);
        const output = Array.isArray(response.output) ? response.output : [];
        for (const [index, item] of output.entries()) heardItem(index, item);
        finished(response);
      }
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
  heard.endedMs = now();
  heard.toolCalls = [...calls.values()];
  process.stdout.write(JSON.stringify(heard) + '\n');
  controller.abort();
}

const waiting = [...request.cases];
async function worker() {
  for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) await hearCase(next);
}
await Promise.all(Array.from({ length: request.parallel }, worker));
process.stdout.write('', () => process.exit(0));
