// Listeners that act at once, and a connection that breaks at a bad moment.

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:net";
import { afterEach, test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";

import { Connection } from "../dist/broker.js";
import { Client } from "../dist/index.js";

const { fetch } = globalThis;

afterEach(() => {
  globalThis.fetch = fetch;
});

const VIEW = {
  call_id: "c1", state: "ringing", seq: 1, caller_id: "d", callee_id: "u", expires_at: 99_999_999_999_999,
  room_info: { room_id: "7", sdk_app_id: 1, user_id: "d", user_sig: "s" },
};

/** A backend that places every call, and takes every action. */
function backend() {
  const asked = [];
  globalThis.fetch = async (address, { body }) => {
    const path = new URL(address).pathname;
    asked.push(body === undefined ? path : `${path} ${JSON.parse(body).action ?? ""}`.trim());
    const state = path.endsWith("action") ? "cancelled" : "ringing";
    return Response.json({ code: path.startsWith("/api/calls") ? 0 : 50302, message: "", data: { ...VIEW, state } });
  };
  return asked;
}

async function door() {
  return Client.create({ server: "http://backend.invalid", token: () => "t", role: "door" });
}

/** Hangs up in the middle of what is told of a press; all that the app is told. */
async function hangsUpWhenPlaced(client, then = () => {}) {
  const told = [];
  for (const type of ["enter_room", "leave_room", "call_over"]) client.on(type, () => told.push(type));
  client.on("progress", ({ progress, call_id }) => {
    told.push(progress);
    if (progress !== "placed") return;
    client.hangUp(call_id);
    then();
  });
  await client.start();
  client.press("user456");
  await wait(100);
  return told;
}

test("what a listener does is told after what it was called for", async () => {
  backend();
  const client = await door();
  assert.deepEqual(await hangsUpWhenPlaced(client), ["placing", "placed", "enter_room", "leave_room", "call_over"]);
  client.close();
});

test("what a listener does just before it closes the client reaches the backend", async () => {
  const asked = backend();
  const client = await door();
  const told = await hangsUpWhenPlaced(client, () => client.close());
  assert.deepEqual(told, ["placing", "placed"]);
  assert.ok(asked.includes("/api/calls/caller-action cancelled"), `${asked}`);
});

test("a connection that breaks before the SUBACK has refused nothing", async () => {
  const SUBSCRIBE = 0x82;
  const broker = createServer((socket) => {
    socket.on("data", (bytes) => (bytes[0] === SUBSCRIBE ? socket.destroy() : socket.write(Uint8Array.of(0x20, 3, 0, 0, 0))));
  });
  await once(broker.listen(0, "127.0.0.1"), "listening");
  const websocket_url = `mqtt://127.0.0.1:${broker.address().port}`;
  const told = [];
  await new Promise((ended) => {
    const login = { connection: 1, websocket_url, client_id: "c", username: "u", password: "p" };
    const connection = new Connection(login, (input) => {
      told.push(input);
      if (input.type === "connected") connection.subscribe(["t"]);
      if (input.type === "disconnected") ended();
    });
  });
  broker.close();
  assert.deepEqual(told.map(({ type }) => type), ["connected", "disconnected"]);
});

test("an address that is no broker's ends the connection, and not the client", async () => {
  const registered = {
    mqtt_credentials: { broker_url: "x", websocket_url: "x", username: "u", password: "p", client_id: "d.d_web", expires_at: 99_999_999_999_999 },
    topics: { call_control: "devices/d/calls/control" },
  };
  globalThis.fetch = async () => Response.json({ code: 0, message: "", data: registered });
  const client = await door();
  const told = [];
  client.on("call_over", ({ why }) => told.push(why));
  await client.start();
  await wait(50);
  client.press("user456");
  await wait(50);
  assert.ok(told.length > 0, "the client goes on");
  client.close();
});

test("what the core does once more is awaited by close, whoever answered in the backend's place", async () => {
  const strange = [
    () => new Response("<html>Log in to the network</html>", { status: 200 }),
    () => Response.json({ message: "Forbidden" }, { status: 403 }),
    () => Response.json({ code: 40801, message: "", data: null }, { status: 408 }),
    () => Response.json({ code: 50302, message: "", data: null }, { status: 503, headers: { "retry-after": "0" } }),
  ];
  for (const answer of strange) {
    const asked = backend();
    const client = await door();
    client.on("progress", ({ progress, call_id }) => progress === "placed" && hangUp(call_id));
    const hangUp = (callId) => {
      const whole = globalThis.fetch;
      globalThis.fetch = async (...request) => {
        globalThis.fetch = whole;
        asked.push("answered by somebody else");
        return answer(request);
      };
      client.hangUp(callId);
      client.close();
    };
    await client.start();
    client.press("user456");
    await wait(1500);
    assert.deepEqual(asked.slice(-2), ["answered by somebody else", "/api/calls/caller-action cancelled"], String(answer));
  }
});
