// How soon clients are consistent again: from the end of the cause until a call rings that was placed meanwhile. In milliseconds.
//
//   bench/reconnect/run      builds and installs what this needs, and runs it: node client/conformance/live/away.mjs [ROUNDS]
//
//   RECONNECT_PYTHON   a Python that has paho-mqtt; without one Paho is left out
//   CLIENT_ONLY        only the clients whose name has this in it

import { setTimeout as wait } from "node:timers/promises";
import { fileURLToPath } from "node:url";

import { Case, Scene } from "./scene.mjs";

const ROUNDS = Number(process.argv[2] ?? 6);
/** The longest absence. */
const LONGEST_MS = 10_000;
/** Nobody waits longer. */
const GIVEN_UP_MS = 60_000;

const root = fileURLToPath(new URL("../../../", import.meta.url));
const target = process.env.CARGO_TARGET_DIR ?? `${root}target`;
const python = process.env.RECONNECT_PYTHON;
const paho = (longest) => ["env", `LONGEST_DELAY=${longest}`, python, `${root}client/conformance/live/others/with_paho.py`];

const only = process.env.CLIENT_ONLY;
const clients = {
  "ilock-client (Rust)": [`${target}/debug/examples/conformance`],
  "@ilock/client (Node)": ["node", `${root}client/conformance/live/web.mjs`],
  ...(python && { "Paho, as it comes: 1, 2, 4 … 128 s": paho(128), "Paho, longest wait 2 s": paho(2) }),
  "MQTT.js, as it comes: 1 s": ["node", `${root}client/conformance/live/others/with_mqttjs.mjs`],
};

/** Each breaks something, waits, and mends it; what it gives back is when that was. */
const causes = {
  async "network cut for 0 to 10 s"(on, absence) {
    on.scene.cut();
    const call = await on.calls();
    await wait(absence);
    on.scene.mend();
    return { call, at: performance.now() };
  },
  async "broker killed, and back after 0 to 10 s"(on, absence) {
    await on.scene.stack.kill();
    await wait(absence);
    await on.scene.start();
    const at = performance.now();
    return { call: await on.calls(), at };
  },
  async "password refused"(on) {
    on.scene.mqtt.cut();
    on.scene.ws.cut();
    await on.person.registers("tested");
    await on.person.registers("tested");
    const call = await on.calls();
    on.scene.mend();
    return { call, at: performance.now() };
  },
  async "phone suspended for 0 to 10 s, and its connection dead"(on, absence) {
    on.app.process.kill("SIGSTOP");
    on.scene.cut();
    const call = await on.calls();
    await wait(absence);
    on.scene.mend();
    on.app.process.kill("SIGCONT");
    return { call, at: performance.now() };
  },
};

function percentile(sorted, share) {
  return Math.round(sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)]);
}

async function measure(name, command) {
  const scene = await Scene.open(command, { LIMIT_PRESSES_A_MINUTE: "off", LIMIT_REGISTRATIONS_AN_HOUR: "1000" });
  const on = new Case(scene);
  await on.begin();
  for (const [cause, happens] of Object.entries(causes)) {
    const took = [];
    for (let round = 0; round < ROUNDS; round++) {
      const { call, at } = await happens(on, Math.random() * LONGEST_MS);
      const { at: rang } = await on.app.tells("ring", { call_id: call.call_id }, GIVEN_UP_MS);
      took.push(rang - at);
      await on.door.asCaller(call, "cancelled");
      // A connection that held for three seconds is a good one: what comes next begins anew.
      await wait(3_500);
    }
    took.sort((a, b) => a - b);
    const [p50, p95, most] = [percentile(took, 0.5), percentile(took, 0.95), percentile(took, 1)];
    console.log(`| ${cause} | ${name} | ${took.length} | ${p50} | ${p95} | ${most} |`);
  }
  await on.end();
  await scene.close();
}

console.log("| cause | client | n | p50 | p95 | most |\n|---|---|---|---|---|---|");
await Promise.all(Object.entries(clients).filter(([name]) => only === undefined || name.includes(only)).map(([name, command]) => measure(name, command)));
