import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";

test("the README shows the examples that are compiled and run", async () => {
  const shown = [...(await readFile("README.md", "utf8")).matchAll(/^```ts\n(.*?)^```$/gms)].map(([, code]) => code);
  assert.deepEqual(shown, [await readFile("test/package/example.ts", "utf8"), await readFile("test/package/change.ts", "utf8")]);
});
