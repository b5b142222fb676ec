// What the tests of new apps share: a running backend, an empty folder, apps that are started and ended, a door that calls.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, before } from "node:test";
import { setTimeout as wait } from "node:timers/promises";

import { Stack } from "../foreign-clients/stack.mjs";

const PATIENCE_MS = 20_000;

export let stack;
export let folder;
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

export function starts(party, program, ...words) {
  const app = spawn(program, words, { stdio: ["ignore", "pipe", "inherit"], env: { ...process.env, TOKEN: party.token } });
  app.text = "";
  app.stdout.on("data", (text) => (app.text += text));
  apps.push(app);
  return app;
}

/** A door calls `person` again and again until its phone, which answers every call, has answered one. */
export async function isAnswered(person, clientId) {
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
export async function prints(app, text) {
  for (let waited = 0; waited < PATIENCE_MS; waited += 50) {
    if (app.text.includes(text)) return;
    await wait(50);
  }
  assert.fail(`${text} was not printed: ${app.text}`);
}
