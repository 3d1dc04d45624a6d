// Speaks to a running Millrace with clients that others wrote, unchanged.
//   node clients.mjs SERVER CLIENT...
// SERVER is JSON: `url` and `model`; `embedder`, if there is one; and of a server that is made for
// this (ClientsServer): what it says (`story`, `before`), what it is asked (`where`, `found`,
// `forever`), and `limited`, by client, another server (`url`) for a key that has to wait (`key`).
// Says "ok CLIENT: CHECK" for each check that holds.
const [server, ...names] = process.argv.slice(2);

const clients = await Promise.all(names.map(async (name) => {
  const { default: checksFor } = await import(`./${name}.mjs`);
  return [name, checksFor(JSON.parse(server))];
}));

await Promise.all(clients.map(async ([client, checks]) => {
  for (const [name, check] of Object.entries(checks)) {
    try {
      await check();
      console.log(`ok ${client}: ${name}`);
    } catch (error) {
      console.error(`failed ${client}: ${name}`);
      throw error;
    }
  }
}));
