import assert from 'node:assert/strict';
import Anthropic from '@anthropic-ai/sdk';
import { ask, direction, look } from './asked.mjs';

const messages = ask('Tell me a story.');
const tools = [{ ...look, input_schema: direction }];

export default ({ url, model, story, before, where, found, forever, limited }) => {
  const connect = (baseURL, apiKey, maxRetries) => new Anthropic({ baseURL, apiKey, maxRetries });
  const client = connect(url, 'not needed', 0);
  const request = { model, max_tokens: 64, messages };

  return {
    async chat() {
      const message = await client.messages.create(request);
      assert.equal(message.content[0].text, story);
      assert.equal(message.stop_reason, 'end_turn');
      assert.ok(message.usage.cost > 0);
      assert.ok(message._request_id);
    },

    async streaming() {
      let seen = '';
      const stream = client.messages.stream({ ...request, system: 'Hm.' })
        .on('text', (piece) => { seen += piece; });
      const message = await stream.finalMessage();
      assert.equal(seen, story);
      assert.equal(message.content[0].text, story);
      assert.ok(message.usage.output_tokens > 0);
    },

    async models() {
      const ids = [];
      for await (const served of client.models.list()) {
        assert.ok(served.display_name && served.created_at);
        ids.push(served.id);
      }
      assert.ok(ids.includes(model));
      assert.equal((await client.models.retrieve(model)).type, 'model');
    },

    async 'counts tokens'() {
      assert.ok((await client.messages.countTokens({ model, messages })).input_tokens > 0);
    },

    async tools() {
      const asked = { model, max_tokens: 256, messages: ask(where), tools };
      const whole = await client.messages.create(asked);
      const streamed = await client.messages.stream(asked).finalMessage();
      for (const { stop_reason, content: [text, use] } of [whole, streamed]) {
        assert.equal(stop_reason, 'tool_use');
        assert.equal(text.text, before);
        assert.equal(use.name, 'look');
        assert.deepEqual(use.input, { where: 'up' });
      }
      const result = [{ type: 'tool_result', tool_use_id: whole.content[1].id, content: found }];
      const after = await client.messages.create({ ...asked, messages: [
        ...asked.messages, { role: 'assistant', content: whole.content },
        { role: 'user', content: result }] });
      assert.equal(after.content[0].text, story);
    },

    async 'structured output'() {
      const message = await client.messages.create({ ...request,
        output_config: { format: { type: 'json_schema', schema: direction } } });
      assert.ok(['up', 'down'].includes(JSON.parse(message.content[0].text).where));
    },

    async errors() {
      await assert.rejects(
        client.messages.create({ ...request, temperature: 2 }),
        (e) => e instanceof Anthropic.BadRequestError
          && e.error.error.type === 'invalid_request_error');
      await assert.rejects(
        client.messages.create({ ...request, model: 'none' }), Anthropic.NotFoundError);
    },

    async cancellation() {
      const stream = await client.messages.create({
        ...request, max_tokens: 3000, messages: ask(forever), stream: true,
      });
      for await (const event of stream) {
        assert.equal(event.type, 'message_start');
        stream.controller.abort();
        break;
      }
    },

    async retries() {
      const { url: far, key } = limited.anthropic;
      const message = await connect(far, key, 1).messages.create(request);
      assert.equal(message.content[0].text, story);
    },
  };
};
