// Runs the real @google/genai package against a loopback server and says what its user hears.
//
// Usage: node driver_genai.mjs < request.json > results.jsonl
// The request: { modules: folder of node_modules, base: URL, parallel: number,
//   cases: [{ id, streamed, giveUpAfterMs, reads? }] }
// With `reads` (base64) the body is not asked of the server: each read is given when the library asks for it, so that
// `textReads` says which of them brought each text; the body's end counts as one.
// One line per case, in the order in which they end.

import { createRequire } from 'node:module';
import { text as readAll } from 'node:stream/consumers';
import path from 'node:path';

const request = JSON.parse(await readAll(process.stdin));
console.error = console.warn = () => {};

function say(value) {
  process.stdout.write(JSON.stringify(value) + '\n');
}

function words(error) {
  return `${error.constructor.name}: ${error.message}`.toWellFormed();
}

const { GoogleGenAI } = createRequire(path.join(request.modules, 'here.js'))('@google/genai');

async function hearCase({ id, streamed, giveUpAfterMs, reads }) {
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


  function heardText(text) {
    heard.texts.push(text);
    heard.textReads.push(given);
  }

  function heardCall(call) {
    heard.toolCalls.push({
      index: null,
      id: typeof call.id === 'string' ? call.id : null,
      name: typeof call.name === 'string' ? call.name : null,
      arguments: call.args === undefined || call.args === null ? '' : JSON.stringify(call.args),
    });
  }

  // The loop of vapi_conformance/consumers/google_genai_node.py; keep both the same.
  function hear(response) {
    const candidate = response.candidates?.[0];
    for (const part of candidate?.content?.parts ?? []) {
      if (typeof part?.text === 'string' && part.text && !part.thought) heardText(part.text);
      if (part?.functionCall) heardCall(part.functionCall);
    }
    const reason = candidate?.finishReason;
    if (typeof reason === 'string' && reason) heard.finishReason = reason;
  }

  async function run() {
    try {
      const httpOptions = { baseUrl: `${request.base}/${id}` };
      if (reads) httpOptions.fetch = playReads;
      const ai = new GoogleGenAI({ apiKey: 'none', vertexai: false, httpOptions });
      const config = { automaticContinuation: false, abortSignal: controller.signal };
      const params = { model: 'm', contents: 'Hello', config };
      if (streamed) {
        for await (const chunk of await ai.models.generateContentStream(params)) hear(chunk);
      } else {
        hear(await ai.models.generateContent(params));
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

const waiting = [...request.cases];
async function worker() {
  for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) await hearCase(next);
}
await Promise.all(Array.from({ length: request.parallel }, worker));
process.stdout.write('', () => process.exit(0));
