// What an app hands in that no method takes.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Client } from "../dist/index.js";

const OPTIONS = { server: "http://backend.invalid", token: () => undefined, role: "door" };

const circle = {};
circle.itself = circle;

/** Each call, and what the error says. */
const WRONG = [
  [(client) => client.press("user456", { ringSeconds: -5 }), "ringSeconds must be a whole number, 5 to 120, or be left out, not -5"],
  [(client) => client.press("user456", { ringSeconds: 7.5 }), "ringSeconds must be a whole number, 5 to 120, or be left out, not 7.5"],
  [(client) => client.press("user456", { ringSeconds: "30" }), 'ringSeconds must be a whole number, 5 to 120, or be left out, not "30"'],
  [(client) => client.press(["user456", 7]), "callees must be a text or a list of texts, not user456,7"],
  [(client) => client.press(undefined), "callees must be a text or a list of texts, not undefined"],
  [(client) => client.press("user456", { callerInfo: "Front door" }), 'callerInfo must be an object that JSON can hold, or be left out, not "Front door"'],
  [(client) => client.press("user456", { invitationData: circle }), "invitationData must be an object that JSON can hold, or be left out, not an object"],
  [(client) => client.status("active", 6.5), "priority must be a whole number, 0 to 10, not 6.5"],
  [(client) => client.status("active", 11), "priority must be a whole number, 0 to 10, not 11"],
  [(client) => client.status("active"), "priority must be a whole number, 0 to 10, not undefined"],
  [(client) => client.status("asleep", 1), 'status must be "active" or "background" or "offline", not "asleep"'],
  ...[NaN, 1.5, -1].map((until) => [(client) => client.callsSeen(until), `until must be a whole number of milliseconds since 1970, not ${until}`]),
  ...["answer", "reject", "decline", "preview", "hangUp"].map((method) => [(client) => client[method](undefined), "callId must be a text, not undefined"]),
  [(client) => client.hangUp("call_x", 7), "reason must be a text, or be left out, not 7"],
  [(client) => client.pushTokens(undefined), "tokens must be an object, not undefined"],
  [(client) => client.pushTokens({ push_token: 7 }), "push_token must be a text, or be left out, not 7"],
  [(client) => client.pushTokens({ environment: "test" }), 'environment must be "production" or "sandbox", or be left out, not "test"'],
  [(client) => client.network("up"), 'online must be true or false, not "up"'],
  [(client) => client.pushed("{}"), 'data must be an object that JSON can hold, not "{}"'],
];

test("what a method cannot take is a TypeError that names the argument and what would be right, and the client goes on", async () => {
  const client = await Client.create(OPTIONS);
  try {
    const told = [];
    client.on("progress", ({ progress }) => told.push(progress));
    for (const [wrong, message] of WRONG) assert.throws(() => wrong(client), { name: "TypeError", message });
    assert.deepEqual(told, []);
    client.press("user456", { ringSeconds: 30, callerInfo: null });
    assert.deepEqual(told, ["placing"]);
  } finally {
    client.close();
  }
});

test("half a character, as a cut through an emoji leaves it, is no error", async () => {
  const client = await Client.create(OPTIONS);
  const problems = [];
  client.on("problem", ({ problem }) => problems.push(problem.code));
  client.hangUp("call_\ud83d", "\ude00");
  assert.deepEqual(problems, [3]);
  client.close();
});

test("a client that cannot be made says which option is wrong", async () => {
  for (const [wrong, message] of [
    [{ server: undefined }, "server must be a text, not undefined"],
    [{ token: "eyJ" }, 'token must be a function, not "eyJ"'],
    [{ role: "lift" }, 'role must be "phone" or "door", not "lift"'],
    [{ saved: {} }, "saved must be a text, or be left out, not an object"],
  ]) await assert.rejects(Client.create({ ...OPTIONS, ...wrong }), { name: "TypeError", message });
});

test("after close a client does nothing, says nothing, and still has its last state", async () => {
  const client = await Client.create(OPTIONS);
  const told = [];
  for (const type of ["progress", "problem", "logged_out"]) client.on(type, (event) => told.push(event));
  const saved = client.save();
  client.close();
  client.close();
  client.press("user456");
  client.hangUp("call_x");
  client.logOut();
  await Promise.all([client.start(), client.loggedIn()]);
  assert.deepEqual([told, client.save()], [[], saved]);
  assert.throws(() => client.hangUp(undefined), TypeError);
});
