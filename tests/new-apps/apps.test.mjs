// What a new user does: an empty folder, the page's lines, and a phone that rings.

import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, before, test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { promisify } from "node:util";

import { Stack } from "../foreign-clients/stack.mjs";
import { code, root } from "./page.mjs";

const run = promisify(execFile);
const PATIENCE_MS = 20_000;

let stack;
let folder;
const apps = [];

before(async () => {
  stack = await Stack.start();
  folder = await mkdtemp(join(tmpdir(), "ilock-new-app-"));
});
// Whoever is called in the next test is the same person.
afterEach(() => apps.splice(0).forEach((app) => app.kill("SIGKILL")));
after(async () => {
  await stack.stop();
  await rm(folder, { recursive: true, force: true });
});

function starts(party, program, ...words) {
  const app = spawn(program, words, { stdio: ["ignore", "pipe", "inherit"], env: { ...process.env, TOKEN: party.token } });
  app.text = "";
  app.stdout.on("data", (text) => (app.text += text));
  apps.push(app);
  return app;
}

/** A door calls `person` again and again until its phone, which answers every call, has answered one. */
async function isAnswered(person, clientId) {
  const door = await stack.doorStation(`door-of-${person.id}`);
  const end = performance.now() + PATIENCE_MS;
  while (performance.now() < end) {
    const { clients } = await person.asks("GET", "/api/mqtt/clients");
    if (clients.some((client) => client.client_id === clientId && client.online)) break;
    await wait(100);
  }
  const call = await door.rings(person.id);
  while (performance.now() < end) {
    const { state, answered_by } = await door.asks("GET", `/api/calls/${call.call_id}`);
    if (state === "active") return assert.equal(answered_by, clientId);
    await wait(50);
  }
  assert.fail(`${clientId} did not answer`);
}

/** Waits until the app has printed this. */
async function prints(app, text) {
  for (let waited = 0; waited < PATIENCE_MS; waited += 50) {
    if (app.text.includes(text)) return;
    await wait(50);
  }
  assert.fail(`${text} was not printed: ${app.text}`);
}

test("npm install of the packed package, and the page's lines in TypeScript", async () => {
  const app = await mkdtemp(join(folder, "npm-"));
  const { stdout } = await run("npm", ["pack", "--silent", "--pack-destination", app], { cwd: `${root}client/web` });
  await writeFile(join(app, "package.json"), JSON.stringify({ name: "new-app", private: true, type: "module" }));
  await run("npm", ["install", "--silent", "--no-audit", "--no-fund", `./${stdout.trim()}`], { cwd: app });
  // The types are those that the package itself is built with.
  const tsc = `${root}client/web/node_modules/typescript/bin/tsc`;
  const types = ["--typeRoots", `${root}client/web/node_modules/@types`, "--types", "node"];
  const options = ["--strict", "--skipLibCheck", "--target", "es2022", "--module", "nodenext", ...types];
  await writeFile(join(app, "phone.ts"), await code("ts", 0, stack.at.http));
  await writeFile(join(app, "door.ts"), await code("ts", 1, stack.at.http));
  await run(process.execPath, [tsc, ...options, "phone.ts", "door.ts"], { cwd: app }).catch(({ stdout }) => assert.fail(stdout));
  const person = await stack.user("user456");
  starts(person, process.execPath, join(app, "phone.js"));
  await isAnswered(person, "user456_kitchen");
  const door = starts(await stack.doorStation("device123"), process.execPath, join(app, "door.js"));
  await prints(door, "accepted");
});
