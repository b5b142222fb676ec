// Calls from the first ring to the end.

import assert from "node:assert/strict";
import { createDecipheriv } from "node:crypto";
import { setTimeout as after } from "node:timers/promises";
import { inflateSync } from "node:zlib";

import { inAScenario } from "./scenario.mjs";
import { noneHearsAnything } from "./phone.mjs";
import { CALLER_INFO } from "./stack.mjs";

inAScenario("the phone is told everything that it needs to show and answer a call", async (scenario) => {
  const { payload_key: key } = await scenario.resident.registers("phone");
  const phone = await scenario.phone(scenario.resident);
  const call = await scenario.door.rings(scenario.resident.id);

  const { topic, body } = await phone.hears("incoming");
  assert.equal(topic, "users/user456/calls/incoming");
  const { room_info: room, message_id: messageId, sent_at: sentAt, remaining_ms: remainingMs, ...rest } = body;
  assert.ok(0 < remainingMs && remainingMs === body.expires_at - sentAt);
  assert.deepEqual(rest, {
    call_id: call.call_id,
    caller_id: "device123",
    caller_info: CALLER_INFO,
    timestamp: call.timestamp,
    waiting: false,
    seq: 1,
    state: "ringing",
    expires_at: call.timestamp + 30_000,
  });
  assert.match(messageId, new RegExp(`^${call.call_id}:1:[0-9]+$`));

  const { user_sig: encrypted, ...where } = room;
  assert.deepEqual(where, { room_id: call.room_info.room_id, sdk_app_id: 1400000001, user_id: "user456" });
  assert.match(room.room_id, /^[1-9][0-9]{0,9}$/);
  const fields = unpacked(decrypted(encrypted, key));
  assert.equal(fields["TLS.identifier"], "user456");
  assert.equal(fields["TLS.sdkappid"], 1400000001);
});

inAScenario("a call is answered and the callee hangs up", async (scenario) => {
  const door = await scenario.phone(scenario.door);
  const phone = await scenario.phone(scenario.resident, "web_1");
  const other = await scenario.phone(scenario.resident, "web_2");
  const call = await scenario.door.rings(scenario.resident.id);
  await phone.hears("incoming");
  await other.hears("incoming");
  assert.equal((await door.hears("ringing")).topic, "devices/device123/calls/control");

  await scenario.resident.asCallee(call, "accepted", phone.clientId);
  const accepted = (await door.hears("accepted")).body;
  assert.deepEqual([accepted.call_id, accepted.seq, accepted.state], [call.call_id, 2, "active"]);
  for (const either of [phone, other]) {
    const sync = await either.hears("accepted");
    assert.equal(sync.topic, "users/user456/devices/sync");
    assert.equal(sync.body.device_id, phone.clientId);
  }

  await scenario.resident.asCallee(call, "hangup", phone.clientId, "通话已结束");
  const hangup = (await door.hears("hangup")).body;
  assert.deepEqual([hangup.reason, hangup.seq, hangup.state], ["通话已结束", 3, "ended"]);
  for (const either of [phone, other]) assert.equal((await either.hears("hangup")).body.device_id, phone.clientId);
  await noneHearsAnything(door, phone, other);
});

inAScenario("the door hangs up", async (scenario) => {
  const door = await scenario.phone(scenario.door);
  const phone = await scenario.phone(scenario.resident);
  const call = await scenario.answeredCall(scenario.door, phone);
  await phone.hears("incoming");
  await phone.hears("accepted");
  await door.hears("ringing");
  await door.hears("accepted");

  await scenario.door.asCaller(call, "hangup");
  assert.equal((await phone.hears("hangup")).topic, "users/user456/calls/control");
  await noneHearsAnything(door, phone);
});

inAScenario("the callee rejects and says why", async (scenario) => {
  const door = await scenario.phone(scenario.door);
  const phone = await scenario.phone(scenario.resident, "web_1");
  const other = await scenario.phone(scenario.resident, "web_2");
  const call = await scenario.door.rings(scenario.resident.id);
  await door.hears("ringing");
  await other.hears("incoming");

  await scenario.resident.asCallee(call, "rejected", phone.clientId, "在开会");
  assert.equal((await door.hears("rejected")).body.reason, "在开会");
  assert.equal((await other.hears("rejected")).body.device_id, phone.clientId);
  await noneHearsAnything(door, other);
});

inAScenario("the caller gives up", async (scenario) => {
  const phone = await scenario.phone(scenario.resident);
  const call = await scenario.door.rings(scenario.resident.id);
  await phone.hears("incoming");

  await scenario.door.asCaller(call, "cancelled", "按错了");
  const { topic, body } = await phone.hears("cancelled");
  assert.equal(topic, "users/user456/calls/control");
  assert.deepEqual([body.reason, body.state], ["按错了", "cancelled"]);
  await phone.hearsNothing();
});

inAScenario("nobody answers in time", async (scenario) => {
  const door = await scenario.phone(scenario.door);
  const phone = await scenario.phone(scenario.resident);
  const call = await scenario.door.rings(scenario.resident.id, 5);
  await door.hears("ringing");
  await phone.hears("incoming");
  for (const [waiting, action] of [[door, "timeout"], [phone, "cancelled"]]) {
    const { body } = await waiting.hears(action);
    assert.deepEqual([body.call_id, body.state], [call.call_id, "missed"]);
  }
  await noneHearsAnything(door, phone);
});

inAScenario("a person calls a person", async (scenario) => {
  const caller = await scenario.phone(scenario.neighbour);
  const phone = await scenario.phone(scenario.resident);
  const call = await scenario.neighbour.rings(scenario.resident.id);
  assert.equal((await phone.hears("incoming")).body.caller_id, "user789");
  assert.equal((await caller.hears("ringing")).topic, "users/user789/calls/control");

  await scenario.resident.asCallee(call, "accepted", phone.clientId);
  assert.equal((await caller.hears("accepted")).topic, "users/user789/calls/control");
  await scenario.resident.asCallee(call, "hangup", phone.clientId);
  assert.equal((await caller.hears("hangup")).topic, "users/user789/calls/control");
});

inAScenario(
  "the envelope says what it is and how long it counts",
  async (scenario) => {
    const phone = await scenario.phone(scenario.resident);
    await scenario.answeredCall(scenario.door, phone);
    for (const kind of ["incoming", "accepted"]) {
      const { body, packet } = await phone.hears(kind);
      const { contentType, messageExpiryInterval: expiry, userProperties } = packet.properties;
      assert.equal(packet.qos, 1);
      assert.equal(contentType, "application/json");
      assert.equal(userProperties.message_id, body.message_id);
      assert.ok(0 < expiry && expiry <= (body.expires_at - body.timestamp) / 1000, `expires in ${expiry} s`);
    }
  },
  ["5"],
);

inAScenario("a phone that returns in time rings exactly once", async (scenario) => {
  const phone = await scenario.phone(scenario.resident);
  await phone.vanishes();
  const call = await scenario.door.rings(scenario.resident.id);

  const back = await phone.returns();
  assert.ok(back.sessionPresent);
  assert.equal((await back.hears("incoming")).body.call_id, call.call_id);
  await back.hearsNothing();
});

inAScenario("a phone that returns after the deadline hears nothing at all", async (scenario) => {
  const phone = await scenario.phone(scenario.resident);
  await phone.vanishes();
  const call = await scenario.door.rings(scenario.resident.id, 5);
  // The deadline, the two seconds for which an answer still counts, and the second that a "missed" lives.
  await after(call.expires_at - Date.now() + 4_000);

  const back = await phone.returns();
  assert.ok(back.sessionPresent);
  await back.hearsNothing();
});

/** Decrypts a compact JWE (`dir`, `A256GCM`) as an app without a JOSE library would. */
function decrypted(encrypted, key) {
  const [header, none, ...parts] = encrypted.split(".");
  const [iv, text, tag] = parts.map((part) => Buffer.from(part, "base64url"));
  const { alg, enc, kid } = JSON.parse(Buffer.from(header, "base64url"));
  assert.deepEqual([alg, enc, kid, none], ["dir", "A256GCM", key.kid, ""]);
  const cipher = createDecipheriv("aes-256-gcm", Buffer.from(key.k, "base64url"), iv);
  cipher.setAAD(Buffer.from(header, "ascii")).setAuthTag(tag);
  return Buffer.concat([cipher.update(text), cipher.final()]).toString();
}

/** The fields of a TRTC UserSig. */
function unpacked(userSig) {
  const base64 = userSig.replace(/[*_-]/g, (symbol) => ({ "*": "+", "-": "/", _: "=" })[symbol]);
  return JSON.parse(inflateSync(Buffer.from(base64, "base64")));
}
