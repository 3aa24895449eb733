// The usual calls through types that openapi-typescript generated; compiling this file is half of the test.
import createClient from "openapi-fetch";
import type { components, paths } from "./outrider.js";

declare const process: { argv: string[] };
const [url = "", receiver = "", key = "", secret = ""] = process.argv.slice(2);
const client = createClient<paths>({
  baseUrl: url,
  headers: { "X-LoginRadius-ApiKey": key, "X-LoginRadius-ApiSecret": secret },
});
type Login = components["schemas"]["EventInput"];

function succeeded<T>(answer: { data?: T; error?: unknown }): T {
  if (answer.data === undefined) throw new Error(JSON.stringify(answer.error));
  return answer.data;
}

async function until<T>(look: () => Promise<T | undefined>): Promise<T> {
  const deadline = Date.now() + 20_000;
  while (Date.now() < deadline) {
    const found = await look();
    if (found !== undefined) return found;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error("not in time");
}

const login = (uid: string): Login => ({ Event: "Login", Data: { Uid: uid, FirstName: "Rosa" } });

const webhook = succeeded(
  await client.POST("/v2/manage/webhooks", { body: { Event: "Login", TargetUrl: receiver, Filter: { "Data.FirstName": "Rosa" } } }),
);
succeeded(await client.POST("/v2/events", { body: login("u1") }));
succeeded(await client.POST("/v2/events", { body: [login("u2"), login("u3")] }));
const deliveries = await until(async () => {
  const query = { webhook: webhook.Id, state: "delivered" as const };
  const page = succeeded(await client.GET("/v2/manage/deliveries", { params: { query } }));
  return page.Data.length === 3 ? page.Data : undefined;
});

const selection = { Kind: "replay" as const, WebhookId: webhook.Id };
const preview = succeeded(await client.POST("/v2/manage/jobs", { body: { ...selection, DryRun: true } }));
if (!("Matched" in preview) || preview.Matched < 3) throw new Error(JSON.stringify(preview));
const job = succeeded(await client.POST("/v2/manage/jobs", { body: selection }));
if (!("Id" in job)) throw new Error(JSON.stringify(job));
await until(async () => {
  const params = { path: { job_id: job.Id } };
  return succeeded(await client.GET("/v2/manage/jobs/{job_id}", { params })).State === "done" || undefined;
});

const place = { path: { uid: "u1" }, query: { objectname: "orders" } };
const account = "/identity/v2/manage/account/{uid}/customobject" as const;
const record = succeeded(await client.POST(account, { params: place, body: { Orders: [1, 2] } }));
const refused = await client.POST("/v2/manage/webhooks", { body: { Event: "Login", TargetUrl: "http://crm.example.com" } });
const { Filter } = succeeded(await client.GET("/v2/manage/webhooks/{webhook_id}", { params: { path: { webhook_id: webhook.Id } } }));
succeeded(await client.DELETE("/v2/manage/webhooks/{webhook_id}", { params: { path: { webhook_id: webhook.Id } } }));
console.log(
  JSON.stringify({
    delivered: deliveries.length,
    object: record.CustomObject["Orders"],
    filter: Filter?.["Data.FirstName"],
    refused: refused.error?.Field,
  }),
);
