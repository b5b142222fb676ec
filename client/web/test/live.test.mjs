// The npm package on a running stack: `ilock dev`, found by ILOCK_BIN.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";

import { Client } from "../dist/index.js";
import { Stack } from "../../../tests/foreign-clients/stack.mjs";

const TIMEOUT_MS = 10_000;
const SILENCE_MS = 3_000;

let stack;
const open = new Set();

before(async () => (stack = await Stack.start()));
after(async () => {
  for (const client of open) client.close();
  await stack.stop();
});

/** A client of `party` with this name, and what it is told. */
async function clientOf(party, role, clientId) {
  const client = await Client.create({ server: party.http, token: () => party.token, role, clientId });
  const told = [];
  const waiting = new Set();
  const types = ["online", "offline", "taken_over", "ring", "stop_ringing", "enter_room", "leave_room", "progress"];
  for (const type of [...types, "call_over", "calls_seen", "logged_out", "problem"]) {
    client.on(type, (event) => {
      told.push(event);
      waiting.forEach((look) => look());
    });
  }
  open.add(client);
  /** The next event of this type, and with these fields; those before it are skipped. */
  const hears = async (type, fields = {}) => {
    const late = AbortSignal.timeout(TIMEOUT_MS);
    for (;;) {
      const fits = (event) => event.type === type && Object.entries(fields).every(([name, value]) => event[name] === value);
      const index = told.findIndex(fits);
      if (index >= 0) return told.splice(0, index + 1).at(-1);
      assert.ok(!late.aborted, `no ${type} ${JSON.stringify(fields)}; there was ${JSON.stringify(told)}`);
      await new Promise((resolve) => {
        const done = () => {
          waiting.delete(done);
          resolve();
        };
        waiting.add(done);
        late.addEventListener("abort", done);
      });
    }
  };
  await client.start();
  return { client, hears, told };
}

test("a door calls, a phone answers, and both are told of everything", async () => {
  const phone = await clientOf(await stack.user("user456"), "phone", "kitchen");
  await phone.hears("online");
  const door = await clientOf(await stack.doorStation("device123"), "door", "panel");
  await door.hears("online");
  door.client.press("user456", { callerInfo: { name: "前门设备", location: "小区大门" } });
  const { call } = await phone.hears("ring");
  assert.equal(call.caller_name, "前门设备");
  phone.client.answer(call.call_id);
  const inside = await phone.hears("enter_room");
  const outside = await door.hears("enter_room");
  assert.equal(inside.room.room_id, outside.room.room_id);
  assert.ok(inside.room.private_map_key);
  await door.hears("progress", { progress: "accepted" });
  door.client.hangUp(call.call_id);
  assert.equal((await phone.hears("call_over")).why, "ended");
  assert.equal((await door.hears("call_over")).why, "ended");
});

test("what was done to a call just before the close still reaches the backend, and nothing more is told", async () => {
  const phone = await clientOf(await stack.user("user457"), "phone", "kitchen");
  await phone.hears("online");
  const door = await clientOf(await stack.doorStation("device124"), "door", "panel");
  await door.hears("online");
  door.client.press("user457");
  // It has no id yet.
  const { press } = await door.hears("progress", { progress: "placing" });
  door.client.hangUp(press);
  door.told.length = 0;
  door.client.close();
  door.client.press("user457");
  const { call } = await phone.hears("ring");
  assert.equal((await phone.hears("call_over", { call_id: call.call_id })).why, "cancelled");
  await wait(SILENCE_MS);
  assert.deepEqual(door.told, []);
  assert.ok(!phone.told.some(({ type }) => type === "ring"), "a client that was closed has placed a call");
  assert.equal(typeof door.client.save(), "string");
});

test("who logs out in a call and closes at once has hung up, and is logged out", async () => {
  const party = await stack.user("user901");
  const phone = await clientOf(party, "phone", "desk");
  await phone.hears("online");
  const door = await clientOf(await stack.doorStation("device123"), "door", "desk");
  await door.hears("online");
  door.client.press("user901");
  const { call } = await phone.hears("ring");
  phone.client.answer(call.call_id);
  await door.hears("progress", { progress: "accepted" });
  phone.client.logOut();
  phone.client.close();
  assert.equal((await door.hears("call_over", { call_id: call.call_id })).why, "ended");
  const other = await stack.user("user901");
  const late = AbortSignal.timeout(TIMEOUT_MS);
  while ((await other.asks("GET", "/api/mqtt/clients")).clients.length > 0) {
    assert.ok(!late.aborted, "it is still logged in");
    await wait(50);
  }
});

test("the earlier of two with one name stays away", async () => {
  const anna = await stack.user("user789");
  const first = await clientOf(anna, "phone", "web");
  await first.hears("online");
  const second = await clientOf(anna, "phone", "web");
  await second.hears("online");
  await first.hears("taken_over");
  await wait(SILENCE_MS);
  assert.ok(!first.told.some(({ type }) => type === "online"), "it came back");
});

test("a phone whose connection broke comes back, and rings for what it missed", async () => {
  const party = await stack.user("user012");
  const phone = await clientOf(party, "phone", "hall");
  await phone.hears("online");
  phone.client.connection.mqtt.stream.destroy();
  await phone.hears("offline");
  await (await stack.doorStation("device123")).rings("user012");
  await phone.hears("ring");
});

test("outside a page the app says that there is no network, and that there is one again", async () => {
  const phone = await clientOf(await stack.user("user902"), "phone", "cellar");
  await phone.hears("online");
  phone.client.network(false);
  await phone.hears("offline");
  phone.client.network(true);
  await phone.hears("online");
  phone.client.woken();
  await (await stack.doorStation("device123")).rings("user902");
  await phone.hears("ring");
});

test("a saved phone rings again for a call that still rings", async () => {
  const party = await stack.user("user345");
  const phone = await clientOf(party, "phone", "desk");
  await phone.hears("online");
  await (await stack.doorStation("device123")).rings("user345");
  const { call } = await phone.hears("ring");
  const saved = phone.client.save();
  phone.client.close();
  const again = await Client.create({ server: party.http, token: () => party.token, clientId: "desk", saved });
  open.add(again);
  const rung = new Promise((resolve) => again.on("ring", resolve));
  await again.start();
  const late = wait(TIMEOUT_MS, undefined, { ref: false }).then(() => assert.fail("it did not ring"));
  assert.equal((await Promise.race([rung, late])).call.call_id, call.call_id);
});

test("a person marks their missed calls as seen, and the phone is told when the backend has it", async () => {
  const party = await stack.user("user678");
  const phone = await clientOf(party, "phone", "porch");
  await phone.hears("online");
  const history = async () => {
    const answer = await fetch(`${party.http}/api/calls`, { headers: { authorization: `Bearer ${party.token}` } });
    return (await answer.json()).data;
  };
  const door = await clientOf(await stack.doorStation("device123"), "door", "porch");
  await door.hears("online");
  door.client.press("user678");
  const { call_id } = await door.hears("progress", { progress: "placed" });
  await phone.hears("ring");
  door.client.hangUp(call_id);
  await phone.hears("call_over");
  const end = performance.now() + TIMEOUT_MS;
  let page = await history();
  while (page.unseen !== 1) {
    assert.ok(performance.now() < end, JSON.stringify(page));
    await wait(100);
    page = await history();
  }
  phone.client.callsSeen(page.read_at);
  assert.equal((await phone.hears("calls_seen")).until, page.read_at);
  assert.equal((await history()).unseen, 0);
});

/** The time of day is wrong by so many milliseconds, for as long as the test runs. */
function wrongClock(t, ms) {
  const Right = globalThis.Date;
  globalThis.Date = class extends Right {
    constructor(...parts) {
      super(...(parts.length === 0 ? [Right.now() + ms] : parts));
    }

    static now() {
      return Right.now() + ms;
    }
  };
  t.after(() => (globalThis.Date = Right));
}

for (const [wrong, ms] of [["fast", 40_000], ["slow", -40_000]]) {
  test(`a phone whose clock is forty seconds ${wrong} rings until the deadline, says that the call was missed, and answers the next`, async (t) => {
    wrongClock(t, ms);
    const party = await stack.user(`clock-${wrong}`);
    const phone = await clientOf(party, "phone", "web");
    await phone.hears("online");
    const door = await clientOf(await stack.doorStation(`clock-${wrong}`), "door", "panel");
    await door.hears("online");
    const pressed = performance.now();
    door.client.press(party.id, { ringSeconds: 5 });
    const { call } = await phone.hears("ring");
    const rang = performance.now();
    assert.equal((await phone.hears("stop_ringing", { call_id: call.call_id })).why, "missed");
    const silent = performance.now();
    // The backend would end it at seven seconds.
    assert.ok(silent - pressed >= 4_900 && silent - rang < 6_300, `pressed ${silent - pressed} ms and rang ${silent - rang} ms before`);
    assert.equal((await phone.hears("call_over")).why, "missed");
    assert.equal((await door.hears("call_over")).why, "missed");
    door.client.press(party.id);
    const { call: next } = await phone.hears("ring");
    phone.client.answer(next.call_id);
    await phone.hears("enter_room");
    await door.hears("progress", { progress: "accepted" });
    door.client.hangUp(next.call_id);
    assert.equal((await phone.hears("call_over")).why, "ended");
    assert.equal((await door.hears("call_over")).why, "ended");
  });
}
