// Speaks to a running Millrace with clients that others wrote, unchanged: Anthropic's, Ollama's and
// Vercel's AI SDK.
//   node client.mjs BASE_URL MODEL EMBEDDER ANSWER
// ANSWER is what the model says to everything.
import assert from 'node:assert/strict';
import Anthropic from '@anthropic-ai/sdk';
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { embedMany, generateText, streamText } from 'ai';
import { Ollama } from 'ollama';

const [base, model, embedder, answer] = process.argv.slice(2);
const messages = [{ role: 'user', content: 'Tell me a story.' }];
const anthropic = new Anthropic({ baseURL: base, apiKey: 'not needed', maxRetries: 0 });
const ollama = new Ollama({ host: base });
const vercel = createOpenAICompatible({ name: 'millrace', baseURL: `${base}/v1` });

const checks = {
  async 'anthropic: a message'() {
    const message = await anthropic.messages.create({ model, max_tokens: 64, messages });
    assert.equal(message.content[0].text, answer);
    assert.equal(message.stop_reason, 'end_turn');
    assert.ok(message.usage.cost > 0);
    assert.ok(message._request_id);
  },

  async 'anthropic: a stream, put together by the client'() {
    let seen = '';
    const stream = anthropic.messages.stream({ model, max_tokens: 64, messages, system: 'Hm.' })
      .on('text', (piece) => { seen += piece; });
    const message = await stream.finalMessage();
    assert.equal(seen, answer);
    assert.equal(message.content[0].text, answer);
    assert.ok(message.usage.output_tokens > 0);
  },

  async 'anthropic: counts tokens'() {
    assert.ok((await anthropic.messages.countTokens({ model, messages })).input_tokens > 0);
  },

  async 'anthropic: raises the error class of each refusal'() {
    await assert.rejects(
      anthropic.messages.create({ model, max_tokens: 8, messages, temperature: 2 }),
      (e) => e instanceof Anthropic.BadRequestError
        && e.error.error.type === 'invalid_request_error');
    await assert.rejects(
      anthropic.messages.create({ model: 'none', max_tokens: 8, messages }),
      Anthropic.NotFoundError);
  },

  async 'anthropic: aborts a stream'() {
    const stream = await anthropic.messages.create({ model, max_tokens: 64, messages, stream: true });
    for await (const event of stream) {
      assert.equal(event.type, 'message_start');
      stream.controller.abort();
      break;
    }
  },

  async 'ollama: a chat, whole and streamed'() {
    const whole = await ollama.chat({ model, messages });
    assert.equal(whole.message.content, answer);
    assert.ok(whole.eval_count > 0 && whole.total_duration > 0);
    let seen = '';
    for await (const part of await ollama.chat({ model, messages, stream: true })) {
      seen += part.message.content;
    }
    assert.equal(seen, answer);
  },

  async 'ollama: a generation, models and embeddings'() {
    const { response } = await ollama.generate({ model, prompt: 'Hi', options: { num_predict: 3 } });
    assert.equal(response, answer.slice(0, 3));
    assert.ok((await ollama.list()).models.some((one) => one.name === model));
    assert.ok((await ollama.show({ model })).capabilities.includes('completion'));
    const { embeddings } = await ollama.embed({ model: embedder, input: ['a', 'b'] });
    assert.equal(embeddings.length, 2);
  },

  async 'ollama: an error'() {
    await assert.rejects(ollama.chat({ model: 'none', messages }),
      (e) => e.status_code === 404 && e.message.includes('none'));
  },

  async 'ai: text, a stream and embeddings'() {
    const { text, usage } = await generateText({ model: vercel(model), prompt: 'Hi' });
    assert.equal(text, answer);
    assert.ok(usage.totalTokens > 0);
    let seen = '';
    for await (const piece of streamText({ model: vercel(model), prompt: 'Hi' }).textStream) {
      seen += piece;
    }
    assert.equal(seen, answer);
    const { embeddings } = await embedMany({
      model: vercel.embeddingModel(embedder), values: ['a', 'b'],
    });
    assert.equal(embeddings.length, 2);
  },

  async 'ai: an error'() {
    await assert.rejects(
      generateText({ model: vercel('none'), prompt: 'Hi', maxRetries: 0 }),
      (e) => e.statusCode === 404);
  },
};

for (const [name, check] of Object.entries(checks)) {
  try {
    await check();
    console.log(`ok ${name}`);
  } catch (error) {
    console.error(`failed ${name}`);
    throw error;
  }
}
