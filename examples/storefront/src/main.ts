#!/usr/bin/env node
// A storefront: it knows the catalog service alone, and nothing of the monolith that the products come from.
import { parseArgs } from "node:util";
import { createCatalogClient } from "@monsplit/client/catalog";
import { available, table } from "./available.js";
import { arrival } from "./arrival.js";

const help = `List what is available in a market on a day, or wait for a new product to arrive.

Usage: storefront --market CODE [--on DATE] [--catalog URL]
       storefront --wait NAME [--timeout SECONDS] [--catalog URL]

  --market CODE      the market, two capital letters such as DE
  --on DATE          the day, such as 2026-03-01; today (UTC) when left out
  --wait NAME        wait until a product of this name has arrived in the catalog
  --timeout SECONDS  how long --wait waits (default 60)
  --catalog URL      where the catalog service is (default http://127.0.0.1:8001)
  --help             print this
`;

/** A fault of the command line. */
class UsageError extends Error {}

function options() {
  try {
    return parseArgs({
      options: {
        market: { type: "string" }, on: { type: "string", default: new Date().toISOString().slice(0, 10) },
        wait: { type: "string" }, timeout: { type: "string", default: "60" },
        catalog: { type: "string", default: "http://127.0.0.1:8001" }, help: { type: "boolean", default: false },
      },
    }).values;
  } catch (error) {
    throw new UsageError(reason(error));
  }
}

async function run(): Promise<void> {
  const { market, on, wait, timeout, catalog, help: asked } = options();
  if (asked) return void process.stdout.write(help);
  if ((market === undefined) === (wait === undefined)) throw new UsageError("give either --market or --wait");
  if (!(Number(timeout) > 0)) throw new UsageError(`--timeout ${timeout}: want a number of seconds`);
  const client = connect(catalog);
  if (market !== undefined) return void process.stdout.write(table(await available(client, market, on)));
  if (process.stderr.isTTY) console.error(`waiting for ${wait} …`);
  const product = await arrival(client, wait!, Number(timeout) * 1000);
  console.log(`${product.name} (${product.product_category}) has arrived as ${product.product_uuid}`);
}

function connect(baseUrl: string) {
  try {
    return createCatalogClient({ baseUrl });
  } catch (error) {
    throw new UsageError(`--catalog: ${reason(error)}`);
  }
}

/** What went wrong, in words: fetch hides that in a chain of causes. */
function reason(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error instanceof AggregateError) return error.errors.map(reason).join(", ");
  return error.cause === undefined ? error.message : `${error.message}: ${reason(error.cause)}`;
}

try {
  await run();
} catch (error) {
  console.error(`storefront: ${reason(error)}${error instanceof UsageError ? "; try --help" : ""}`);
  process.exitCode = error instanceof UsageError ? 2 : 1;
}
