import assert from 'node:assert/strict';
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import {
  embedMany, generateText, jsonSchema, Output, stepCountIs, streamText, tool,
} from 'ai';
import { direction, look } from './asked.mjs';

const prompt = 'Tell me a story.';

export default ({ url, model: name, embedder, story, where, found, forever, limited }) => {
  const connect = (base, apiKey) => createOpenAICompatible({
    name: 'millrace', baseURL: `${base}/v1`, apiKey, supportsStructuredOutputs: true,
  });
  const provider = connect(url);
  const model = provider(name);

  return {
    async chat() {
      const { text, usage } = await generateText({ model, prompt });
      assert.equal(text, story);
      assert.ok(usage.totalTokens > 0);
    },

    async streaming() {
      let seen = '';
      for await (const piece of streamText({ model, prompt }).textStream) {
        seen += piece;
      }
      assert.equal(seen, story);
    },

    async embeddings() {
      const { embeddings } = await embedMany({
        model: provider.embeddingModel(embedder), values: ['a', 'b'],
      });
      assert.equal(embeddings.length, 2);
    },

    async tools() {
      const seen = [];
      const request = {
        model, prompt: where, stopWhen: stepCountIs(3),
        tools: { look: tool({ description: look.description, inputSchema: jsonSchema(direction),
          execute: (asked) => { seen.push(asked); return found; } }) },
      };
      assert.equal((await generateText(request)).text, story);
      assert.equal(await streamText(request).text, story);
      assert.deepEqual(seen, [{ where: 'up' }, { where: 'up' }]);
    },

    async 'structured output'() {
      const { output } = await generateText({
        model, prompt, output: Output.object({ schema: jsonSchema(direction) }),
      });
      assert.ok(['up', 'down'].includes(output.where));
    },

    async errors() {
      await assert.rejects(
        generateText({ model: provider('none'), prompt, maxRetries: 0 }),
        (e) => e.statusCode === 404);
    },

    async cancellation() {
      const stop = new AbortController();
      const { textStream } = streamText({ model, prompt: forever, abortSignal: stop.signal });
      for await (const piece of textStream) {
        assert.ok(piece);
        stop.abort();
      }
    },

    async retries() {
      const { url: far, key } = limited.ai;
      const { text } = await generateText({ model: connect(far, key)(name), prompt, maxRetries: 1 });
      assert.equal(text, story);
    },
  };
};
