// What all clients ask for, in the words that they share.

/** The parameters of `look`, and an object that any answer can be made to be. */
export const direction = {
  type: 'object', additionalProperties: false, required: ['where'],
  properties: { where: { enum: ['up', 'down'] } },
};

/** What the tool is called that the model calls. */
export const look = { name: 'look', description: 'Looks somewhere.' };

/** The tool in OpenAI's words. */
export const lookFunction = { type: 'function', function: { ...look, parameters: direction } };

export const ask = (content) => [{ role: 'user', content }];
