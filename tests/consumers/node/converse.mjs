// Holds a conversation with a tool round through the real client libraries, and says what their user got.
//
// Usage: node converse.mjs < request.json > result.json
// The request: { modules: folder of node_modules, base: URL of the server, key: its API key }
// The result: for each library { whole, streamed, errors }; the conversations as { call, arguments, words, deltas, ended },
//   the errors as the names of their classes.

import { createRequire } from 'node:module';
import { text as readAll } from 'node:stream/consumers';
import path from 'node:path';

const { modules, base, key } = JSON.parse(await readAll(process.stdin));
const require = createRequire(path.join(modules, 'from-here.js'));

const QUESTION = 'How is the weather?';
const PARAMETERS = {
  type: 'object',
  properties: { city: { type: 'string' } },
  required: ['city'],
  additionalProperties: false,
};

async function nameOfError(promise) {
  try {
    await promise;
    return 'none';
  } catch (error) {
    return `${error.constructor.name} ${error.status}`;
  }
}

async function responses() {
  const { OpenAI } = require('openai6');
  const client = new OpenAI({ baseURL: `${base}/v1`, apiKey: key, maxRetries: 0 });
  const tools = [{ type: 'function', name: 'get_weather', strict: true, parameters: PARAMETERS }];
  const ask = { model: 'reference', tools };

  const asked = await client.responses.create({ ...ask, input: QUESTION });
  const call = asked.output[0];
  const result = { type: 'function_call_output', call_id: call.call_id, output: 'Sunny' };
  const told = await client.responses.create({ ...ask, previous_response_id: asked.id, input: [result] });
  const whole = { call: call.name, arguments: JSON.parse(call.arguments), words: told.output_text, ended: told.status };

  const input = [{ role: 'user', content: QUESTION }];
  const first = await client.responses.stream({ ...ask, input, store: false }).finalResponse();
  const streamedCall = first.output[0];
  input.push(...first.output, { ...result, call_id: streamedCall.call_id });
  let deltas = 0;
  const stream = client.responses.stream({ ...ask, input, store: false });
  stream.on('response.output_text.delta', () => (deltas += 1));
  const last = await stream.finalResponse();
  const streamed = {
    call: streamedCall.name,
    arguments: JSON.parse(streamedCall.arguments),
    words: last.output_text,
    deltas,
    ended: last.status,
  };

  const stranger = new OpenAI({ baseURL: `${base}/v1`, apiKey: 'another-key', maxRetries: 0 });
  const errors = [
    await nameOfError(client.responses.create({ model: 'other', input: 'Hi' })),
    await nameOfError(stranger.responses.create({ model: 'reference', input: 'Hi' })),
  ];
  return { whole, streamed, errors };
}

async function anthropic() {
  const { Anthropic } = require('@anthropic-ai/sdk');
  const client = new Anthropic({ baseURL: base, apiKey: key, maxRetries: 0 });
  const tools = [{ name: 'get_weather', input_schema: PARAMETERS }];
  const ask = { model: 'reference', max_tokens: 200, tools };

  async function round(send, deltasOf) {
    const messages = [{ role: 'user', content: QUESTION }];
    const asked = await send({ ...ask, messages });
    const call = asked.content[0];
    const result = { type: 'tool_result', tool_use_id: call.id, content: 'Sunny' };
    messages.push({ role: 'assistant', content: asked.content }, { role: 'user', content: [result] });
    const told = await send({ ...ask, messages });
    const words = told.content.map((block) => block.text).join('');
    return { call: call.name, arguments: call.input, words, ...deltasOf(), ended: told.stop_reason };
  }

  const whole = await round(
    (body) => client.messages.create(body),
    () => ({}),
  );
  let deltas = 0;
  const streamed = await round(
    (body) => client.messages.stream(body).on('text', () => (deltas += 1)).finalMessage(),
    () => ({ deltas }),
  );

  const messages = [{ role: 'user', content: 'Hi' }];
  const stranger = new Anthropic({ baseURL: base, apiKey: 'another-key', maxRetries: 0 });
  const errors = [
    await nameOfError(client.messages.create({ ...ask, model: 'other', messages })),
    await nameOfError(stranger.messages.create({ ...ask, messages })),
  ];
  return { whole, streamed, errors };
}

process.stdout.write(JSON.stringify({ responses: await responses(), anthropic: await anthropic() }));
