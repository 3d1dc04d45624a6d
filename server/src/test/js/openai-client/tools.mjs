// Calls functions of running Millraces with OpenAI's own client, unchanged.
// Usage: node tools.mjs SCRIPTED_URL RANDOM_URL MODEL
// The first looks up, says so and thinks before it; the second knows nothing and has to be made to.
import assert from 'node:assert/strict';
import OpenAI from 'openai';

const [scriptedURL, randomURL, model] = process.argv.slice(2);
const connect = (baseURL) => new OpenAI({ baseURL, apiKey: 'not needed', maxRetries: 0 });
const scripted = connect(scriptedURL);
const random = connect(randomURL);
const messages = [{ role: 'user', content: 'Where is the mill?' }];
const tools = [{ type: 'function', function: { name: 'look', strict: true, parameters: {
  type: 'object', additionalProperties: false, required: ['where'],
  properties: { where: { enum: ['up', 'down'] } } } } }];

const checks = {
  async 'gets calls, whole and in pieces, and sends results'() {
    const { choices: [whole] } = await scripted.chat.completions.create({ model, messages, tools });
    const pieces = [];
    const stream = scripted.chat.completions.stream({ model, messages, tools })
      .on('tool_calls.function.arguments.delta', ({ arguments_delta }) => {
        pieces.push(arguments_delta);
      });
    const streamed = (await stream.finalChatCompletion()).choices[0];
    for (const { message, finish_reason } of [whole, streamed]) {
      assert.equal(finish_reason, 'tool_calls');
      assert.equal(message.content, 'I look.');
      assert.equal(message.tool_calls.length, 1);
      assert.deepEqual(JSON.parse(message.tool_calls[0].function.arguments), { where: 'up' });
    }
    assert.equal(whole.message.reasoning_content, 'Up.');
    assert.equal(pieces.join(''), whole.message.tool_calls[0].function.arguments);
    assert.ok(pieces.length > 1);
    const result = { role: 'tool', tool_call_id: whole.message.tool_calls[0].id, content: 'a mill' };
    const { choices } = await scripted.chat.completions.create({
      model, tools, messages: [...messages, whole.message, result],
    });
    assert.ok(choices[0].message.tool_calls);
  },

  async 'runs a function until the model is done'() {
    const seen = [];
    const runner = scripted.chat.completions.runTools({
      model, messages,
      tools: [{ type: 'function', function: { ...tools[0].function, parse: JSON.parse,
        function: ({ where }) => { seen.push(where); return 'nothing'; } } }],
    }, { maxChatCompletions: 2 });
    await runner.done();
    assert.deepEqual(seen, ['up', 'up']);
  },

  async 'makes a model that knows nothing call validly'() {
    const request = { model, messages, tools, parallel_tool_calls: false, max_tokens: 900,
      reasoning_effort: 'none', seed: 4 };
    const named = { type: 'function', function: { name: 'look' } };
    const whole = await random.chat.completions.create({ ...request, tool_choice: 'required' });
    const stream = random.chat.completions.stream({ ...request, tool_choice: named });
    for (const completion of [whole, await stream.finalChatCompletion()]) {
      const [{ finish_reason, message: { tool_calls: [call] } }] = completion.choices;
      assert.equal(finish_reason, 'tool_calls');
      assert.equal(call.function.name, 'look');
      assert.ok(['up', 'down'].includes(JSON.parse(call.function.arguments).where));
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
