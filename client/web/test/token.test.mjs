// The app's own functions fail: where access tokens come from, and what listens to events.

import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";

import { Client } from "../dist/index.js";

const TIMEOUT_MS = 10_000;
const { fetch, queueMicrotask } = globalThis;
const open = new Set();

afterEach(() => {
  Object.assign(globalThis, { fetch, queueMicrotask });
  for (const client of open) client.close();
  open.clear();
});

/** A backend that is busy, and takes no token but `fresh`: with which ones it was asked. */
function busyBackend() {
  const asked = [];
  globalThis.fetch = async (_address, { headers }) => {
    asked.push(headers.authorization);
    return new Response("", { status: headers.authorization === "Bearer fresh" ? 503 : 401 });
  };
  return asked;
}

async function clientWith(token) {
  const client = await Client.create({ server: "http://backend.invalid", token });
  open.add(client);
  const loggedOut = [];
  client.on("logged_out", ({ why }) => loggedOut.push(why));
  return { client, loggedOut };
}

async function until(holds) {
  for (const end = performance.now() + TIMEOUT_MS; !holds(); await wait(20)) {
    assert.ok(performance.now() < end, "it did not come");
  }
}

test("a login service that cannot be reached is asked again, and nobody is logged out", async () => {
  const asked = busyBackend();
  let calls = 0;
  const { client, loggedOut } = await clientWith(() => {
    calls += 1;
    if (calls === 1) throw new TypeError("not ready");
    return calls === 2 ? Promise.reject(new TypeError("fetch failed")) : "fresh";
  });
  await client.start();
  await until(() => asked.length > 0);
  assert.equal(asked[0], "Bearer fresh", "nothing is asked for without a token");
  assert.deepEqual(loggedOut, []);
});

test("a login service that gives no token any more ends the login", async () => {
  busyBackend();
  const { client, loggedOut } = await clientWith(() => undefined);
  await client.start();
  assert.deepEqual(loggedOut, ["token_refused"]);
});

test("a login that gets no token is told each time", async () => {
  busyBackend();
  const { client, loggedOut } = await clientWith(() => undefined);
  await client.start();
  await client.loggedIn();
  await client.loggedIn();
  assert.deepEqual(loggedOut, ["token_refused", "token_refused", "token_refused"]);
});

test("a login whose token cannot be had yet is not made with the one before", async () => {
  const asked = busyBackend();
  const tokens = ["before", undefined, new TypeError("fetch failed"), "fresh"];
  const { client, loggedOut } = await clientWith(async () => {
    const token = tokens.length > 1 ? tokens.shift() : tokens[0];
    if (token instanceof Error) throw token;
    return token;
  });
  await client.start();
  await until(() => loggedOut.length > 0);
  asked.length = 0;
  await client.loggedIn();
  await until(() => asked.length > 0);
  assert.equal(asked[0], "Bearer fresh");
});

test("what the login service says of the login before does not count for the next", async () => {
  busyBackend();
  let late;
  const answers = [() => "before", () => new Promise((resolve) => (late = resolve))];
  const { client, loggedOut } = await clientWith(() => (answers.shift() ?? (() => "fresh"))());
  await client.start();
  await until(() => late !== undefined);
  client.logOut();
  await client.loggedIn();
  late(undefined);
  await wait(50);
  assert.deepEqual(loggedOut, ["by_user"]);
});

test("a listener that throws stops nothing but itself, and its error is reported", async () => {
  const asked = busyBackend();
  const reported = [];
  globalThis.queueMicrotask = (task) =>
    queueMicrotask(() => {
      try {
        task();
      } catch (error) {
        reported.push(error.message);
      }
    });
  const { client } = await clientWith(() => "fresh");
  client.on("problem", () => {
    throw new Error("a mistake of the app");
  });
  await client.start();
  await until(() => asked.length > 1);
  assert.deepEqual(reported, ["a mistake of the app"]);
});
