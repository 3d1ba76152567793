import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";

test("the README shows the example that is compiled and run", async () => {
  const [, shown] = /^```ts\n(.*?)^```$/ms.exec(await readFile("README.md", "utf8")) ?? [];
  assert.equal(shown, await readFile("test/package/example.ts", "utf8"));
});
