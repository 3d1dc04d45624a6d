import assert from 'node:assert/strict';
import { Ollama } from 'ollama';
import { ask, direction, lookFunction } from './asked.mjs';

const messages = ask('Tell me a story.');
const tools = [lookFunction];

/** It has no retries. */
export default ({ url, model, embedder, story, before, where, found, forever }) => {
  const client = new Ollama({ host: url });

  return {
    async chat() {
      const whole = await client.chat({ model, messages });
      assert.equal(whole.message.content, story);
      assert.ok(whole.eval_count > 0 && whole.total_duration > 0);
    },

    async streaming() {
      let seen = '';
      for await (const part of await client.chat({ model, messages, stream: true })) {
        seen += part.message.content;
      }
      assert.equal(seen, story);
    },

    async 'a generation and models'() {
      const { response } = await client.generate({
        model, prompt: 'Hi', options: { num_predict: 3 },
      });
      assert.equal(response, story.slice(0, 3));
      assert.ok((await client.list()).models.some((one) => one.name === model));
      assert.ok((await client.show({ model })).capabilities.includes('completion'));
    },

    async embeddings() {
      const { embeddings } = await client.embed({ model: embedder, input: ['a', 'b'] });
      assert.equal(embeddings.length, 2);
    },

    async tools() {
      const whole = await client.chat({ model, messages: ask(where), tools });
      let streamed;
      for await (const part of await client.chat({
        model, messages: ask(where), tools, stream: true,
      })) {
        streamed = part.message.tool_calls ? part : streamed;
      }
      for (const { message } of [whole, streamed]) {
        assert.deepEqual(message.tool_calls[0].function, {
          name: 'look', arguments: { where: 'up' },
        });
      }
      assert.equal(whole.message.content, before);
      const after = await client.chat({ model, tools, messages: [
        ...ask(where), whole.message, { role: 'tool', tool_name: 'look', content: found }] });
      assert.equal(after.message.content, story);
    },

    async 'structured output'() {
      const { message } = await client.chat({ model, messages, format: direction });
      assert.ok(['up', 'down'].includes(JSON.parse(message.content).where));
    },

    async errors() {
      await assert.rejects(client.chat({ model: 'none', messages }),
        (e) => e.status_code === 404 && e.message.includes('none'));
    },

    async cancellation() {
      const stream = await client.chat({ model, messages: ask(forever), stream: true });
      await assert.rejects(async () => {
        for await (const part of stream) {
          assert.equal(part.done, false);
          stream.abort();
        }
      }, { name: 'AbortError' });
    },
  };
};
