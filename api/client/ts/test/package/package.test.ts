// Tests the package as a user gets it: the file that `npm pack` left in build is installed into a separate folder, which cannot
// see the packages that are installed here.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { copyFile, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";

const run = promisify(execFile);

test("the package works where it is installed", async (t) => {
  const packed = (await readdir("build")).filter((name) => name.endsWith(".tgz"));
  assert.equal(packed.length, 1, `packages in build: ${packed.join(", ") || "none; run npm pack first"}`);
  const cwd = await mkdtemp(join(tmpdir(), "monsplit-client-"));
  t.after(() => rm(cwd, { recursive: true }));
  await writeFile(join(cwd, "package.json"), '{ "private": true, "type": "module" }');
  await run("npm", ["install", "--prefer-offline", "--no-audit", "--no-fund", resolve("build", packed[0]!)], { cwd });

  await t.test("every export can be imported", async () => {
    const script = `for (const name of ["", "/catalog", "/monolith"]) console.log(...Object.keys(await import("@monsplit/client" + name)));`;
    const { stdout } = await run(process.execPath, ["--input-type=module", "--eval", script], { cwd });
    const shared = "Problem atLeast changed etagOf idempotencyKey ifMatch ifNoneMatch isProblem items newIdempotencyKey ok written";
    assert.deepEqual(stdout.trimEnd().split("\n"), [shared, "createCatalogClient", "awaitCatalogChange createMonolithClient pendingChange"]);
  });

  await t.test("its types compile in a strict program for browsers", async () => {
    for (const example of ["example.ts", "change.ts"]) await copyFile(join("test/package", example), join(cwd, example));
    await writeFile(join(cwd, "monolith.ts"), `import { createMonolithClient, type ProductInput } from "@monsplit/client/monolith";
export const desk: ProductInput = { name: "Desk", product_category: "Office" };
export const client = createMonolithClient({ baseUrl: "http://127.0.0.1:8000" });
// @ts-expect-error: this path does not exist
export const answer = client.GET("/api/v1/products");
`);
    const options = ["--strict", "--exactOptionalPropertyTypes", "--module", "nodenext", "--target", "es2022", "--lib", "es2022,dom", "--noEmit"];
    await run(process.execPath, [resolve("node_modules/typescript/bin/tsc"), ...options, "example.ts", "change.ts", "monolith.ts"], { cwd }).catch((error) => {
      assert.fail(error.stdout);
    });
  });

  await t.test("it contains its licence", async () => {
    assert.equal(await readFile(join(cwd, "node_modules/@monsplit/client/LICENSE"), "utf8"), await readFile("../../../LICENSE", "utf8"));
  });
});
