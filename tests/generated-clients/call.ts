// A whole call, with openapi-fetch and the types that openapi-typescript makes of openapi.yaml.
//
// What does not fit the types does not compile. The people are `device123` at the door, `user456` and an auditor.

import assert from "node:assert/strict";
import { setTimeout as after } from "node:timers/promises";

import createClient from "openapi-fetch";

import type { components, paths } from "./api.js";

type Schemas = components["schemas"];

const DOOR = "device123";
const RESIDENT = "user456";

function setting(name: string): string {
  const value = process.env[name];
  assert(value, `${name} is not set`);
  return value;
}

function party(token: string) {
  return createClient<paths>({ baseUrl: setting("ILOCK_URL"), headers: { authorization: `Bearer ${token}` } });
}

/** What a good answer says. */
function good<T>({ data, error }: { data?: { data: T }; error?: unknown }): T {
  assert(data, JSON.stringify(error));
  return data.data;
}

/** Why one was refused. */
function refused<E>({ data, error }: { data?: unknown; error?: E }): E {
  assert(error, JSON.stringify(data));
  return error;
}

const door = party(setting("ILOCK_DOOR_TOKEN"));
const resident = party(setting("ILOCK_USER_TOKEN"));
const auditor = party(setting("ILOCK_AUDITOR_TOKEN"));

// The phone registers.
const registered: Schemas["ClientRegistered"] = good(
  await resident.POST("/api/mqtt/clients/register", {
    body: { client_id: `${RESIDENT}_phone`, user_id: RESIDENT, platform: "web" },
  }),
);
const { client_id } = registered.mqtt_credentials;
assert(registered.payload_key, "a person has a key");
const status = { client_id, status: "active", priority: 10, last_active: Date.now() } as const;
assert.equal(good(await resident.PUT("/api/mqtt/clients/status", { body: status })), null);

// The door rings, and the phone answers.
const placed: Schemas["CallView"] = good(
  await door.POST("/api/calls", {
    params: { header: { "Idempotency-Key": "press-1" } },
    body: { callee_id: RESIDENT, caller_info: { name: "前门设备", floor: 3 }, invitation_data: { why: "parcel" } },
  }),
);
const { call_id } = placed;
assert.equal(placed.state satisfies Schemas["CallState"], "ringing");
assert(placed.room_info?.user_sig, "the caller may enter the room");
const seen = good(await resident.GET("/api/calls/{call_id}", { params: { path: { call_id } } }));
assert.deepEqual([seen.caller_info.name, seen.caller_info["floor"]], ["前门设备", 3]);
for (const [action, state] of [["ringing", "ringing"], ["accepted", "active"]] as const) {
  const call = good(await resident.POST("/api/calls/callee-action", { body: { call_id, action, client_id } }));
  assert.equal(call.state, state);
}

// What is refused says why, and what has hung up is over.
const late = refused(await door.POST("/api/calls/caller-action", { body: { call_id, action: "cancelled" } }));
assert(late.code === 40901 || late.code === 40902, late.message);
assert.equal(late.data.state, "active");
const bad = refused(await door.POST("/api/calls", { body: { callee_id: RESIDENT, ring_seconds: 1 } }));
assert(bad.code === 40001, bad.message);
assert.equal(bad.data.field, "ring_seconds");
const ended = good(await door.POST("/api/calls/caller-action", { body: { call_id, action: "hangup", reason: "done" } }));
assert.equal(ended.state, "ended");

// It stands in both histories, and an auditor reads it.
for (const [who, direction] of [[door, "outgoing"], [resident, "incoming"]] as const) {
  let line: Schemas["HistoryEntry"] | undefined;
  for (let tries = 0; tries < 100 && line?.state !== "ended"; tries++) {
    // It is written beside the call.
    if (tries > 0) await after(100);
    const { calls } = good(await who.GET("/api/calls", { params: { query: { limit: 100 } } }));
    line = calls.find((entry) => entry.call_id === call_id);
  }
  assert.deepEqual([line?.state, line?.direction], ["ended", direction]);
}
const path = { call_id };
const { commits } = good(await auditor.GET("/api/audit/calls/{call_id}/events", { params: { path } }));
assert.deepEqual(
  commits.map(({ actor }: Schemas["Commit"]) => actor.kind),
  ["device", "user", "user", "device"],
);
const unseen = refused(await door.GET("/api/audit/calls/{call_id}/events", { params: { path } }));
assert(unseen.code === 40301, unseen.message);

// The phone logs out.
const logout = { params: { path: { client_id } } };
const removed = good(await resident.DELETE("/api/mqtt/clients/{client_id}", logout));
assert.equal(removed.removed.length, 1);
const gone = refused(await resident.DELETE("/api/mqtt/clients/{client_id}", logout));
assert(gone.code === 40402, gone.message);
console.log(`a whole call with openapi-typescript: ${commits.length} commits`);
