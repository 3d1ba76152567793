import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { test, type TestContext } from "node:test";
import { fileURLToPath } from "node:url";

/** Runs the program, and ends it at the end of the test at the latest. */
function storefront(t: TestContext, ...args: string[]) {
  const program = spawn(process.execPath, [fileURLToPath(new URL("../src/main.js", import.meta.url)), ...args], { stdio: ["ignore", "pipe", "pipe"] });
  t.after(() => program.kill());
  return program;
}

const ended = (program: ChildProcess) => new Promise<number | null>((resolve) => program.once("close", resolve));

async function listen(t: TestContext, port: number, answer: RequestListener): Promise<Server> {
  const server = createServer(answer);
  await new Promise<void>((listening) => server.listen(port, "127.0.0.1", listening));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return server;
}

test("it waits for a catalog that is not there yet, and says so", { timeout: 60_000 }, async (t) => {
  const before = await listen(t, 0, assert.fail);
  const { port } = before.address() as AddressInfo;
  await new Promise((closed) => before.close(closed));

  const program = storefront(t, "--wait", " Hammock ", "--catalog", `http://127.0.0.1:${port}`);
  const printed = text(program.stdout), code = ended(program);
  let said = "";
  await new Promise<void>((resolve, reject) => {
    program.stderr.on("data", (part) => {
      said += part;
      if (said.includes("ECONNREFUSED")) resolve();
    });
    program.once("close", () => reject(new Error(`it did not wait: ${said}`)));
  });
  const looks = [502, 200];
  await listen(t, port, (_, response) => {
    const status = looks.shift() ?? 500;
    response.writeHead(status, { "Content-Type": "application/json" });
    response.end(status === 200 ? '[{"name": "Hammock", "product_category": "Garden", "product_uuid": "u"}]' : "{}");
  });
  assert.deepEqual([await code, await printed], [0, "Hammock (Garden) has arrived as u\n"]);
  assert.match(said, /^storefront: still waiting: .*ECONNREFUSED.*\nstorefront: still waiting: .*502.*\n$/);
});

test("it ends quietly when the reader of its output stops", async (t) => {
  const program = storefront(t, "--help");
  program.stdout.destroy();
  const said = text(program.stderr);
  assert.deepEqual([await ended(program), await said], [0, ""]);
});
