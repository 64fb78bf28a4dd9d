// jsforce: OAuth, query, bulk2 query and update, collections, describe, limits.
import { readFileSync } from "node:fs";
import jsforce from "jsforce";

const line = JSON.parse(readFileSync(process.argv[2])).salesforce;
const say = (check, ok, detail = "") => console.log(JSON.stringify({ check, ok: Boolean(ok), detail: String(detail).slice(0, 400) }));
async function check(name, ask) {
  try {
    const value = await ask();
    say(name, value, value);
    return value;
  } catch (error) {
    say(name, false, `${error.errorCode || error.name}: ${error.message}`);
  }
}
await check("OAuth client credentials", async () => {
  const oauth2 = { loginUrl: line.url, clientId: line.client_id, clientSecret: line.client_secret };
  const conn = new jsforce.Connection({ oauth2, instanceUrl: line.url });
  await conn.authorize({ grant_type: "client_credentials" });
  return conn.accessToken;
});
const conn = new jsforce.Connection({ instanceUrl: line.url, accessToken: line.access_token, version: "68.0" });
await check("query", async () => (await conn.query("SELECT Id, Name FROM Account ORDER BY Name LIMIT 20")).records.length === 20);
const total = (await conn.query("SELECT COUNT() FROM Task")).totalSize;
await check("query with pages", async () => (await conn.query("SELECT Id FROM Task", { autoFetch: true, maxFetch: 100000 })).records.length === total);
await check("bulk2 query, one page", async () => {
  const stream = await conn.bulk2.query("SELECT Id, Name FROM Account");
  const rows = await stream.toArray();
  return rows.length === (await conn.query("SELECT COUNT() FROM Account")).totalSize;
});
const account = (await conn.query("SELECT Id FROM Account LIMIT 1")).records[0].Id;
await check("bulk2 update", async () => {
  const result = await conn.bulk2.loadAndWaitForResults({ object: "Account", operation: "update", input: [{ Id: account, Industry: "Energy" }], pollTimeout: 20000, pollInterval: 200 });
  return result.successfulResults.length === 1 && result.failedResults.length === 0;
});
await check("collections update", async () => (await conn.sobject("Account").update([{ Id: account, Industry: "Banking" }]))[0].success);
await check("record", async () => (await conn.sobject("Account").retrieve(account)).Industry === "Banking");
await check("describe", async () => (await conn.describe("Account")).fields.length > 20);
await check("global describe", async () => (await conn.describeGlobal()).sobjects.length > 10);
await check("limits", async () => (await conn.limits()).DailyApiRequests.Max > 0);
await check("identity", async () => (await conn.identity()).organization_id);
