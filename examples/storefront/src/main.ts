#!/usr/bin/env node
// A storefront. It knows only the catalog service, and not the monolith, which owns the products.
import { parseArgs } from "node:util";
import { createCatalogClient } from "@monsplit/client/catalog";
import { arrival } from "./arrival.js";
import { available, table } from "./available.js";
import { reason } from "./reason.js";

const help = `List what is available in a market on a day, or wait for a new product to arrive.

Usage: storefront --market CODE [--on DATE] [--catalog URL]
       storefront --wait NAME [--timeout SECONDS] [--catalog URL]

  --market CODE      the market, two capital letters such as DE
  --on DATE          the day, such as 2026-03-01; today (UTC) when left out
  --wait NAME        wait until a product with this name has arrived in the catalog
  --timeout SECONDS  how long --wait waits, for a catalog that is away as well (default 60)
  --catalog URL      where the catalog service is (default http://127.0.0.1:8001)
  --help             print this

Exit codes: 0 done; 1 something failed, or the product did not arrive; 2 the command line is wrong.
`;

/** An error in the command line. */
class UsageError extends Error {}

function options() {
  try {
    return parseArgs({
      options: {
        market: { type: "string" }, on: { type: "string" }, wait: { type: "string" }, timeout: { type: "string" },
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
  if (market === undefined && on !== undefined) throw new UsageError("--on goes with --market");
  if (wait === undefined && timeout !== undefined) throw new UsageError("--timeout goes with --wait");
  const client = connect(catalog);
  if (market !== undefined) {
    const day = on ?? new Date().toISOString().slice(0, 10);
    return void process.stdout.write(table(await available(client, market, day)));
  }
  const name = wait!.trim();
  if (name === "") throw new UsageError("--wait needs the name of a product");
  const limit = milliseconds(timeout ?? "60");
  if (process.stderr.isTTY) console.error(`waiting for ${name} …`);
  const product = await arrival(client, name, limit, (trouble) => console.error(`storefront: still waiting: ${trouble}`));
  console.log(`${product.name} (${product.product_category}) has arrived as ${product.product_uuid}`);
}

/** Parses a number of seconds into milliseconds. It refuses a time that is too long for a timer. */
function milliseconds(seconds: string): number {
  const limit = Math.ceil(Number(seconds) * 1000);
  if (!(limit > 0 && limit < 2 ** 31)) throw new UsageError(`--timeout ${seconds}: must be a number of seconds, at most 24 days`);
  return limit;
}

function connect(baseUrl: string) {
  try {
    return createCatalogClient({ baseUrl });
  } catch (error) {
    throw new UsageError(`--catalog: ${reason(error)}`);
  }
}

// If the reader of the output stops, as head does, the program ends.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
  process.exit();
});

try {
  await run();
} catch (error) {
  console.error(`storefront: ${reason(error)}${error instanceof UsageError ? "; try --help" : ""}`);
  process.exitCode = error instanceof UsageError ? 2 : 1;
}
