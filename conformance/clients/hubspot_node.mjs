// @hubspot/api-client: list, search, batch, associations, properties, owners, pipelines.
import { readFileSync } from "node:fs";
import { Client } from "@hubspot/api-client";

const line = JSON.parse(readFileSync(process.argv[2])).hubspot;
const hubspot = new Client({ accessToken: line.token, basePath: line.url });
const say = (check, ok, detail = "") => console.log(JSON.stringify({ check, ok: Boolean(ok), detail: String(detail).slice(0, 400) }));
async function check(name, ask) {
  try {
    const value = await ask();
    say(name, value, value);
  } catch (error) {
    say(name, false, error);
  }
}
const companies = await hubspot.crm.companies.getAll(100, undefined, ["name"]);
await check("list companies", () => companies.length);
await check("list contacts", async () => (await hubspot.crm.contacts.getAll(100, undefined, ["jobtitle"], undefined, ["companies"])).length);
await check("search", async () => {
  const search = { filterGroups: [], sorts: ["hs_object_id"], properties: ["name"], limit: 100, after: "0" };
  return (await hubspot.crm.companies.searchApi.doSearch(search)).total === companies.length;
});
const inputs = companies.slice(0, 50).map((c) => ({ id: c.id, properties: { city: "Wien" } }));
await check("batch update", async () => (await hubspot.crm.companies.batchApi.update({ inputs })).results.length === inputs.length);
await check("batch read", async () =>
  (await hubspot.crm.companies.batchApi.read({ inputs: inputs.map(({ id }) => ({ id })), properties: ["city"], propertiesWithHistory: [] }))
    .results.every((r) => r.properties.city === "Wien"));
await check("associations", async () =>
  (await hubspot.crm.associations.v4.batchApi.getPage("companies", "contacts", { inputs: inputs.map(({ id }) => ({ id })) })).results.length);
await check("properties", async () => (await hubspot.crm.properties.coreApi.getAll("deals")).results.length);
await check("owners", async () => (await hubspot.crm.owners.ownersApi.getPage()).results.length);
await check("pipelines", async () => (await hubspot.crm.pipelines.pipelinesApi.getAll("deals")).results.length);
