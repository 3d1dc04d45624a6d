// Speaks to a running Millrace with OpenAI's own client, unchanged.
// Usage: node client.mjs BASE_URL MODEL [ANSWER]
// ANSWER is what the model says to everything; without it any text will do.
import assert from 'node:assert/strict';
import OpenAI from 'openai';

const [baseURL, model, answer] = process.argv.slice(2);
const client = new OpenAI({ baseURL, apiKey: 'not needed', maxRetries: 0 });
const messages = [{ role: 'user', content: 'Tell me a story.' }];
const checkText = (text) => (answer ? assert.equal(text, answer) : assert.ok(text.length > 0));

const checks = {
  async 'lists and finds models'() {
    const ids = [];
    for await (const served of client.models.list()) ids.push(served.id);
    assert.ok(ids.includes(model));
    assert.equal((await client.models.retrieve(model)).object, 'model');
  },

  async 'chats'() {
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

  async 'streams a chat with usage at the end'() {
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

  async 'assembles a stream with the runner'() {
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

  async 'gives several choices'() {
    const { choices } = await client.chat.completions.create({
      model, messages, n: 2, seed: 7, max_tokens: 8,
    });
    assert.deepEqual(choices.map((choice) => choice.index), [0, 1]);
  },

  async 'completes plain text, whole and streamed'() {
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

  async 'embeds texts as floats and as bytes'() {
    const served = [];
    for await (const one of client.models.list()) served.push(one.id);
    const embedder = served.find((id) => id !== model);
    if (embedder === undefined) return;
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

  async 'raises the error class of each refusal'() {
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
    await assert.rejects(
      client.embeddings.create({ model, input: 'x' }),
      (e) => e instanceof OpenAI.BadRequestError && e.code === 'wrong_kind_of_model');
  },

  async 'aborts a stream'() {
    const stream = await client.chat.completions.create({ model, messages, stream: true });
    for await (const chunk of stream) {
      assert.ok(chunk.id);
      stream.controller.abort();
    }
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
