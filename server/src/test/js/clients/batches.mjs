import assert from 'node:assert/strict';
import OpenAI, { toFile } from 'openai';

const endpoint = '/v1/chat/completions';

/** OpenAI's client leaves files and runs batches. */
export default ({ url, model, story }) => {
  const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: 'not needed', maxRetries: 0 });
  const rows = (count) => Array.from({ length: count }, (_, i) => JSON.stringify({
    custom_id: `row-${i}`, method: 'POST', url: endpoint,
    body: { model, messages: [{ role: 'user', content: `Row ${i}.` }], max_completion_tokens: 64 },
  })).join('\n');
  const upload = async (count) => client.files.create({
    file: await toFile(Buffer.from(rows(count)), 'rows.jsonl'), purpose: 'batch',
    expires_after: { anchor: 'created_at', seconds: 3600 },
  });
  const until = async (id, status) => {
    for (;;) {
      const batch = await client.batches.retrieve(id);
      if (batch.status === status) return batch;
      assert.ok(['validating', 'in_progress', 'finalizing', 'cancelling'].includes(batch.status),
        `${batch.status} instead of ${status}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  };

  return {
    async 'leaves, lists, reads and deletes files'() {
      const file = await upload(3);
      assert.equal(file.filename, 'rows.jsonl');
      assert.equal(file.expires_at - file.created_at, 3600);
      const ids = [];
      for await (const one of client.files.list({ purpose: 'batch', limit: 1 })) ids.push(one.id);
      assert.ok(ids.includes(file.id));
      assert.equal(await (await client.files.content(file.id)).text(), rows(3));
      assert.ok((await client.files.delete(file.id)).deleted);
      await assert.rejects(client.files.retrieve(file.id), OpenAI.NotFoundError);
    },

    async 'runs a batch to its end'() {
      const { id } = await client.batches.create({
        input_file_id: (await upload(5)).id, endpoint, completion_window: '24h',
        metadata: { job: 'nightly' },
      });
      const batch = await until(id, 'completed');
      assert.deepEqual(batch.request_counts, { total: 5, completed: 5, failed: 0 });
      assert.equal(batch.metadata.job, 'nightly');
      const lines = (await (await client.files.content(batch.output_file_id)).text()).trim()
        .split('\n').map((line) => JSON.parse(line));
      assert.deepEqual(lines.map((line) => line.custom_id).sort(),
        [0, 1, 2, 3, 4].map((i) => `row-${i}`));
      for (const { response } of lines) {
        assert.equal(response.status_code, 200);
        assert.equal(response.body.choices[0].message.content, story);
      }
    },

    async 'lists batches, and cancels one'() {
      const { id } = await client.batches.create({
        input_file_id: (await upload(100)).id, endpoint, completion_window: '24h',
      });
      const ids = [];
      for await (const one of client.batches.list({ limit: 1 })) ids.push(one.id);
      assert.ok(ids.length > 1 && ids[0] === id);
      await client.batches.cancel(id);
      const batch = await until(id, 'cancelled');
      assert.ok(batch.cancelling_at <= batch.cancelled_at);
    },

    async 'raises the error class of each refusal'() {
      await assert.rejects(
        client.files.create({ file: await toFile(Buffer.from('x'), 'x.txt'), purpose: 'vision' }),
        (e) => e instanceof OpenAI.BadRequestError && e.param === 'purpose');
      await assert.rejects(
        client.batches.create({ input_file_id: 'none', endpoint, completion_window: '24h' }),
        (e) => e instanceof OpenAI.NotFoundError && e.param === 'input_file_id');
    },
  };
};
