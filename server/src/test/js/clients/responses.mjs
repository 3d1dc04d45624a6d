import assert from 'node:assert/strict';
import OpenAI from 'openai';
import { direction, look } from './asked.mjs';

/** OpenAI's client again, by its newer way to ask. */
export default ({ url, model, story, before, where, found, forever }) => {
  const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: 'not needed', maxRetries: 0 });
  const plain = { model, input: 'Tell me a story.' };
  const calling = { model, input: where,
    tools: [{ type: 'function', ...look, strict: true, parameters: direction }] };

  return {
    async chat() {
      const made = await client.responses.create({ ...plain, instructions: 'Be brief.' });
      assert.equal(made.output_text, story);
      assert.ok(made.usage.input_tokens > 0 && made.usage.cost > 0);
      assert.equal((await client.responses.retrieve(made.id)).output_text, story);
      const items = [];
      for await (const item of client.responses.inputItems.list(made.id)) items.push(item);
      assert.deepEqual(items.map(({ content }) => content[0].text), [plain.input]);
      const more = await client.responses.create({ ...plain, previous_response_id: made.id });
      assert.ok(more.usage.input_tokens > made.usage.input_tokens);
      await client.responses.delete(made.id);
      await assert.rejects(client.responses.retrieve(made.id), OpenAI.NotFoundError);
    },

    async streaming() {
      const types = new Set();
      let text = '';
      for await (const event of await client.responses.create({ ...plain, stream: true })) {
        types.add(event.type);
        if (event.type === 'response.output_text.delta') text += event.delta;
      }
      assert.equal(text, story);
      assert.ok(types.has('response.created') && types.has('response.completed'));
      const whole = await client.responses.stream(plain).finalResponse();
      assert.equal(whole.output_text, story);
    },

    async tools() {
      const first = await client.responses.create(calling);
      const streamed = await client.responses.stream(calling).finalResponse();
      for (const { output, output_text } of [first, streamed]) {
        assert.equal(output_text, before);
        assert.deepEqual(JSON.parse(output[1].arguments), { where: 'up' });
      }
      const input = [{ type: 'function_call_output', call_id: first.output[1].call_id,
        output: found }];
      const stored = await client.responses.create({ ...calling, input,
        previous_response_id: first.id });
      const sent = await client.responses.create({ ...calling, store: false,
        input: [{ role: 'user', content: where }, ...first.output, ...input] });
      assert.equal(stored.output_text, story);
      assert.deepEqual([sent.output_text, sent.usage.input_tokens],
        [story, stored.usage.input_tokens]);
      const forced = await client.responses.create({ ...calling, input: plain.input,
        tool_choice: { type: 'function', name: look.name } });
      assert.ok(['up', 'down'].includes(JSON.parse(forced.output.at(-1).arguments).where));
    },

    async 'structured output'() {
      const parsed = await client.responses.parse({ ...plain,
        text: { format: { type: 'json_schema', name: 'place', strict: true, schema: direction } } });
      assert.ok(['up', 'down'].includes(JSON.parse(parsed.output_text).where));
    },

    async errors() {
      await assert.rejects(client.responses.create({ ...plain, temperature: 5 }),
        (e) => e instanceof OpenAI.BadRequestError && e.param === 'temperature');
      await assert.rejects(client.responses.create({ ...plain, tools: [{ type: 'web_search' }] }),
        (e) => e instanceof OpenAI.BadRequestError && e.param === 'tools[0].type');
      await assert.rejects(client.responses.create({ ...plain, previous_response_id: 'resp_x' }),
        OpenAI.NotFoundError);
    },

    async cancellation() {
      const stream = await client.responses.create({ model, input: forever, stream: true });
      for await (const event of stream) {
        if (event.type === 'response.output_text.delta') stream.controller.abort();
      }
    },
  };
};
