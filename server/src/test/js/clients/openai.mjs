import assert from 'node:assert/strict';
import OpenAI from 'openai';
import { ask, direction, lookFunction } from './asked.mjs';

const messages = ask('Tell me a story.');

export default (server) => ({
  ...onAnyServer(server), ...(server.limited ? onAScriptedServer(server) : {}),
});

const connect = (url, apiKey, maxRetries) =>
  new OpenAI({ baseURL: `${url}/v1`, apiKey, maxRetries });

function onAnyServer({ url, model, embedder, story }) {
  const client = connect(url, 'not needed', 0);
  const checkText = (text) => (story ? assert.equal(text, story) : assert.ok(text.length > 0));

  return {
    async models() {
      const ids = [];
      for await (const served of client.models.list()) ids.push(served.id);
      assert.ok(ids.includes(model));
      assert.equal((await client.models.retrieve(model)).object, 'model');
    },

    async chat() {
      const { data, response, request_id } = await client.chat.completions
        .create({ model, messages, temperature: 0, max_completion_tokens: 64 })
        .withResponse();
      assert.equal(response.status, 200);
      assert.ok(request_id);
      assert.equal(data.object, 'chat.completion');
      checkText(data.choices[0].message.content);
      assert.ok(data.usage.total_tokens > data.usage.prompt_tokens);
      assert.equal(typeof data.usage.cost, 'number');
      assert.ok(data.usage.cost > 0);
    },

    async streaming() {
      const stream = await client.chat.completions.create({
        model, messages, temperature: 0, max_completion_tokens: 64,
        stream: true, stream_options: { include_usage: true },
      });
      let text = '';
      let usage = null;
      for await (const chunk of stream) {
        text += chunk.choices[0]?.delta.content ?? '';
        usage = chunk.usage ?? usage;
      }
      checkText(text);
      assert.ok(usage.completion_tokens > 0);
      assert.ok(usage.cost > 0);
    },

    async 'a stream put together'() {
      const seen = [];
      const runner = client.chat.completions
        .stream({ model, messages, temperature: 0, max_completion_tokens: 64, logprobs: true })
        .on('content', (delta) => seen.push(delta));
      const whole = await runner.finalChatCompletion();
      assert.equal(whole.choices[0].message.content, seen.join(''));
      assert.equal(whole.choices[0].message.role, 'assistant');
      assert.ok(whole.choices[0].logprobs.content.length > 0);
      assert.ok(['stop', 'length'].includes(whole.choices[0].finish_reason));
    },

    async 'several choices'() {
      const { choices } = await client.chat.completions.create({
        model, messages, n: 2, seed: 7, max_tokens: 8,
      });
      assert.deepEqual(choices.map((choice) => choice.index), [0, 1]);
    },

    async 'plain text, whole and streamed'() {
      const request = { model, prompt: 'Once upon a time', max_tokens: 8, temperature: 0 };
      const whole = await client.completions.create(request);
      assert.equal(whole.object, 'text_completion');
      let text = '';
      for await (const chunk of await client.completions.create({ ...request, stream: true })) {
        text += chunk.choices[0].text;
      }
      assert.equal(text, whole.choices[0].text);
      assert.ok(text.length > 0);
    },

    async embeddings() {
      const own = await client.embeddings.create({ model, input: 'a mill' }); // its last state
      assert.ok(own.data[0].embedding.length > 0 && own.usage.prompt_tokens > 0);
      if (!embedder) return;
      const request = { model: embedder, input: ['a mill', 'a river'], dimensions: 4 };
      const packed = await client.embeddings.create(request); // asks for base64 by itself
      const plain = await client.embeddings.create({ ...request, encoding_format: 'float' });
      assert.equal(packed.data.length, 2);
      assert.equal(packed.data[1].index, 1);
      assert.deepEqual(packed.data.map((one) => one.embedding.length), [4, 4]);
      packed.data.forEach((one, i) => one.embedding.forEach((value, j) =>
        assert.ok(Math.abs(value - plain.data[i].embedding[j]) < 1e-6)));
      assert.ok(plain.usage.prompt_tokens > 0 && plain.usage.cost > 0);
    },

    async errors() {
      await assert.rejects(
        client.chat.completions.create({ model, messages, temperature: 3 }),
        (e) => e instanceof OpenAI.BadRequestError && e.param === 'temperature'
          && e.type === 'invalid_request_error' && e.requestID !== undefined);
      await assert.rejects(
        client.chat.completions.create({ model: 'none', messages }),
        (e) => e instanceof OpenAI.NotFoundError && e.code === 'model_not_found');
      await assert.rejects(
        client.chat.completions.create({ model, messages, max_tokens: 1_000_000 }),
        (e) => e instanceof OpenAI.BadRequestError && e.code === 'context_length_exceeded');
      if (!embedder) return;
      await assert.rejects(
        client.chat.completions.create({ model: embedder, messages }),
        (e) => e instanceof OpenAI.BadRequestError && e.code === 'wrong_kind_of_model');
    },
  };
}

function onAScriptedServer({ url, model, story, before, where, found, forever, limited }) {
  const client = connect(url, 'not needed', 0);
  const tools = [lookFunction];

  return {
    async tools() {
      const request = { model, messages: ask(where), tools };
      const { choices: [whole] } = await client.chat.completions.create(request);
      const pieces = [];
      const stream = client.chat.completions.stream(request)
        .on('tool_calls.function.arguments.delta', ({ arguments_delta }) => {
          pieces.push(arguments_delta);
        });
      const streamed = (await stream.finalChatCompletion()).choices[0];
      for (const { message, finish_reason } of [whole, streamed]) {
        assert.equal(finish_reason, 'tool_calls');
        assert.equal(message.content, before);
        assert.equal(message.tool_calls.length, 1);
        assert.deepEqual(JSON.parse(message.tool_calls[0].function.arguments), { where: 'up' });
      }
      assert.equal(pieces.join(''), whole.message.tool_calls[0].function.arguments);
      assert.ok(pieces.length > 1);
      const result = { role: 'tool', tool_call_id: whole.message.tool_calls[0].id, content: found };
      const { choices } = await client.chat.completions.create({
        ...request, messages: [...request.messages, whole.message, result],
      });
      assert.equal(choices[0].message.content, story);
    },

    async 'tools that the client runs'() {
      const seen = [];
      const runner = client.chat.completions.runTools({
        model, messages: ask(where),
        tools: [{ type: 'function', function: { ...lookFunction.function, parse: JSON.parse,
          function: (asked) => { seen.push(asked.where); return found; } } }],
      });
      assert.equal(await runner.finalContent(), story);
      assert.deepEqual(seen, ['up']);
    },

    async 'tools that a model has to call'() {
      const request = { model, messages, tools, parallel_tool_calls: false };
      const named = { type: 'function', function: { name: 'look' } };
      const whole = await client.chat.completions.create({ ...request, tool_choice: 'required' });
      const stream = client.chat.completions.stream({ ...request, tool_choice: named });
      for (const completion of [whole, await stream.finalChatCompletion()]) {
        const [{ finish_reason, message: { tool_calls: [call] } }] = completion.choices;
        assert.equal(finish_reason, 'tool_calls');
        assert.ok(['up', 'down'].includes(JSON.parse(call.function.arguments).where));
      }
    },

    async 'structured output'() {
      const { choices } = await client.chat.completions.parse({ model, messages,
        response_format: { type: 'json_schema',
          json_schema: { name: 'direction', strict: true, schema: direction } } });
      assert.ok(['up', 'down'].includes(JSON.parse(choices[0].message.content).where));
    },

    async cancellation() {
      const stream = await client.chat.completions.create({
        model, messages: ask(forever), stream: true,
      });
      for await (const chunk of stream) {
        assert.ok(chunk.id);
        stream.controller.abort();
      }
    },

    async retries() {
      const patient = connect(limited.openai.url, limited.openai.key, 1);
      const { choices } = await patient.chat.completions.create({ model, messages });
      assert.equal(choices[0].message.content, story);
      await assert.rejects(
        connect(limited.openai.url, 'sk-mill-none', 0).chat.completions.create({ model, messages }),
        (e) => e instanceof OpenAI.AuthenticationError && e.code === 'invalid_api_key');
    },
  };
}
