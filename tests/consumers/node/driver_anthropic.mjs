// Runs the real @anthropic-ai/sdk package against a loopback server and says what its user hears.
//
// Usage: node driver_anthropic.mjs < request.json > results.jsonl
// The request: { modules: folder of node_modules, base: URL, parallel: number,
//   cases: [{ id, way: 'raw' | 'helper' | 'whole', giveUpAfterMs, reads? }] }
// With `reads` (base64) the body is not asked of the server: each read is given when the library asks for it, so that
// `textReads` says which of them brought each text; the body's end counts as one.
// One line per case, in the order in which they end.

import { createRequire } from 'node:module';
import { text as readAll } from 'node:stream/consumers';
import path from 'node:path';

const request = JSON.parse(await readAll(process.stdin));
// The library logs each payload that it cannot parse.
console.error = console.warn = () => {};

function say(value) {
  process.stdout.write(JSON.stringify(value) + '\n');
}

function words(error) {
  return `${error.constructor.name}: ${error.message}`.toWellFormed();
}

const { default: Anthropic } = createRequire(path.join(request.modules, 'here.js'))('@anthropic-ai/sdk');

const text = (value) => (typeof value === 'string' ? value : null);

async function hearCase({ id, way, giveUpAfterMs, reads }) {
  const heard = { id, texts: [], textReads: [], toolCalls: [], finishReason: null, error: null, hangs: false };
  const controller = new AbortController();
  let given = -1;

  async function playReads() {
    const body = new ReadableStream(
      {
        pull(stream) {
          given += 1;
          if (given < reads.length) stream.enqueue(new Uint8Array(Buffer.from(reads[given], 'base64')));
          else stream.close();
        },
      },
      { highWaterMark: 0 },
    );
    return new Response(body, { status: 200, headers: { 'content-type': 'text/event-stream' } });
  }

  let call = null;

  function heardText(value) {
    if (!text(value)) return;
    heard.texts.push(value);
    heard.textReads.push(given);
  }

  function begin(block) {
    call = null;
    if (block?.type !== 'tool_use') return;
    call = { index: null, id: text(block.id), name: text(block.name), arguments: '' };
    heard.toolCalls.push(call);
  }

  // The loop of vapi_conformance/consumers/anthropic_loop.py; keep both the same.
  async function listen(stream) {
    for await (const event of stream) {
      if (event?.type === 'content_block_start') {
        begin(event.content_block);
      } else if (event?.type === 'content_block_delta') {
        const delta = event.delta;
        if (delta?.type === 'text_delta') heardText(delta.text);
        else if (delta?.type === 'input_json_delta' && call) call.arguments += text(delta.partial_json) ?? '';
      } else if (event?.type === 'message_delta') {
        heard.finishReason = text(event.delta?.stop_reason) || heard.finishReason;
      }
    }
  }

  function hearWhole(message) {
    for (const block of Array.isArray(message?.content) ? message.content : []) {
      if (block?.type === 'text') heardText(block.text);
      begin(block);
      if (call) call.arguments = JSON.stringify(block.input ?? null);
    }
    heard.finishReason = text(message?.stop_reason) || null;
  }

  async function run() {
    try {
      const fetch = reads ? playReads : undefined;
      const client = new Anthropic({ apiKey: 'none', baseURL: `${request.base}/${id}`, maxRetries: 0, fetch });
      const params = { model: 'm', max_tokens: 5, messages: [{ role: 'user', content: 'Hello' }] };
      const options = { signal: controller.signal };
      if (way === 'raw') {
        await listen(await client.messages.create({ ...params, stream: true }, options));
      } else if (way === 'helper') {
        const stream = client.messages.stream(params, options);
        await listen(stream);
        await stream.finalMessage();
      } else {
        hearWhole(await client.messages.create(params, options));
      }
    } catch (error) {
      heard.error = words(error);
    }
    return false;
  }

  let timer;
  const late = new Promise((resolve) => (timer = setTimeout(() => resolve(true), giveUpAfterMs)));
  heard.hangs = await Promise.race([run(), late]);
  clearTimeout(timer);
  say(heard);
  controller.abort();
}

process.on('unhandledRejection', () => {});
const waiting = [...request.cases];
async function worker() {
  for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) await hearCase(next);
}
await Promise.all(Array.from({ length: request.parallel }, worker));
process.stdout.write('', () => process.exit(0));
