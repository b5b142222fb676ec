// What clients may not do.

import assert from "node:assert/strict";

import { inAScenario } from "./scenario.mjs";
import { FORGED, noneHearsAnything } from "./phone.mjs";

const NOT_AUTHORIZED = { "3.1.1": 5, 5: 0x87 };
const NOT_SUBSCRIBED = { "3.1.1": 0x80, 5: 0x87 };

const OTHERS_TOPICS = [
  "users/user456/calls/incoming",
  "users/user456/calls/control",
  "users/user456/devices/sync",
  "devices/device123/calls/control",
];
const WIDE_FILTERS = [
  "#",
  "users/#",
  "users/user456/#",
  "users/+/calls/incoming",
  "$share/thieves/#",
  "$share/thieves/users/user456/calls/incoming",
];

function isRefused(scenario, connecting) {
  return assert.rejects(connecting, { code: NOT_AUTHORIZED[scenario.version] });
}

inAScenario("passwords that are wrong, absent, or another's do not let in", async (scenario) => {
  const registered = await scenario.resident.registers("phone");
  await scenario.resident.registers("other");
  const { password } = registered.mqtt_credentials;
  for (const changed of [
    { password: `${password.slice(0, -4)}AAAA` },
    { password: undefined },
    { password: scenario.resident.token },
    { username: undefined, password: undefined },
    { username: "user789" },
    { clientId: "user456_other" },
    { clientId: "user456_unknown" },
    { clientId: "user789_phone" },
  ]) {
    await isRefused(scenario, scenario.connect(registered, changed));
  }
});

inAScenario("a will is refused at CONNECT", async (scenario) => {
  const victim = await scenario.phone(scenario.resident);
  const registered = await scenario.neighbour.registers("phone");
  for (const topic of ["users/user456/calls/incoming", "users/user789/calls/control", "anything"]) {
    await isRefused(scenario, scenario.connect(registered, { will: { topic, payload: FORGED, qos: 1 } }));
  }
  await victim.hearsNothing(300);
});

inAScenario("topics of others cannot be subscribed to and nothing of them is heard", async (scenario) => {
  const spy = await scenario.phone(scenario.neighbour);
  const victim = await scenario.phone(scenario.resident);
  for (const filter of [...OTHERS_TOPICS, ...WIDE_FILTERS]) {
    assert.equal(await answerToSubscribing(spy, filter), NOT_SUBSCRIBED[scenario.version], filter);
  }

  const call = await scenario.answeredCall(scenario.door, victim);
  await scenario.door.asCaller(call, "hangup");
  for (const kind of ["incoming", "accepted", "hangup"]) await victim.hears(kind);
  await spy.hearsNothing();
});

inAScenario("what a client publishes arrives at nobody", async (scenario) => {
  const listening = [];
  for (const owner of [scenario.resident, scenario.neighbour, scenario.door]) listening.push(await scenario.phone(owner));
  const topics = [...OTHERS_TOPICS, "users/user789/calls/control", "anything"];
  for (const [n, topic] of topics.entries()) {
    // One connection each: the broker may close it at the first attempt.
    const forger = await scenario.phone(scenario.resident, `forger_${n}`);
    listening.push(forger);
    forger.mqtt.publish(topic, FORGED, { qos: 1 }, () => {});
  }
  await noneHearsAnything(...listening);
});

inAScenario("a phone that is logged out is thrown out, not let in again, and rings no more", async (scenario) => {
  const stolen = await scenario.phone(scenario.resident, "stolen");
  const kept = await scenario.phone(scenario.resident, "kept");
  await scenario.resident.logsOut(stolen.clientId);
  await stolen.isThrownOut();
  await isRefused(scenario, stolen.returns());

  await scenario.door.rings(scenario.resident.id);
  await kept.hears("incoming");
  await stolen.hearsNothing();
});

/** The code in SUBACK. */
async function answerToSubscribing(phone, filter) {
  const suback = new Promise((resolve) => {
    const look = (packet) => {
      if (packet.cmd !== "suback") return;
      phone.mqtt.off("packetreceive", look);
      resolve(packet.granted[0]);
    };
    phone.mqtt.on("packetreceive", look);
  });
  // MQTT.js calls a refusal an error; which one is in the packet.
  phone.mqtt.subscribe(filter, { qos: 1 }, () => {});
  return suback;
}
