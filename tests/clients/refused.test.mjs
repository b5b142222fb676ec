// What clients may not do.

import assert from "node:assert/strict";

import { inAHouse } from "./house.mjs";
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

function isRefused(house, connecting) {
  return assert.rejects(connecting, { code: NOT_AUTHORIZED[house.version] });
}

inAHouse("passwords that are wrong, absent, or another's do not let in", async (house) => {
  const registered = await house.resident.registers("phone");
  await house.resident.registers("other");
  const { password } = registered.mqtt_credentials;
  for (const changed of [
    { password: `${password.slice(0, -4)}AAAA` },
    { password: undefined },
    { password: house.resident.token },
    { username: undefined, password: undefined },
    { username: "user789" },
    { clientId: "user456_other" },
    { clientId: "user456_unknown" },
    { clientId: "user789_phone" },
  ]) {
    await isRefused(house, house.connect(registered, changed));
  }
});

inAHouse("a will is refused at CONNECT", async (house) => {
  const victim = await house.phone(house.resident);
  const registered = await house.neighbour.registers("phone");
  for (const topic of ["users/user456/calls/incoming", "users/user789/calls/control", "anything"]) {
    await isRefused(house, house.connect(registered, { will: { topic, payload: FORGED, qos: 1 } }));
  }
  await victim.hearsNothing(300);
});

inAHouse("topics of others cannot be subscribed to and nothing of them is heard", async (house) => {
  const spy = await house.phone(house.neighbour);
  const victim = await house.phone(house.resident);
  for (const filter of [...OTHERS_TOPICS, ...WIDE_FILTERS]) {
    assert.equal(await answerToSubscribing(spy, filter), NOT_SUBSCRIBED[house.version], filter);
  }

  const call = await house.answeredCall(house.door, victim);
  await house.door.asCaller(call, "hangup");
  for (const kind of ["incoming", "accepted", "hangup"]) await victim.hears(kind);
  await spy.hearsNothing();
});

inAHouse("what a client publishes arrives at nobody", async (house) => {
  const listening = [];
  for (const owner of [house.resident, house.neighbour, house.door]) listening.push(await house.phone(owner));
  const topics = [...OTHERS_TOPICS, "users/user789/calls/control", "anything"];
  for (const [n, topic] of topics.entries()) {
    // One connection each: the broker may close it at the first attempt.
    const forger = await house.phone(house.resident, `forger_${n}`);
    listening.push(forger);
    forger.mqtt.publish(topic, FORGED, { qos: 1 }, () => {});
  }
  await noneHearsAnything(...listening);
});

inAHouse("a phone that is logged out is thrown out, not let in again, and rings no more", async (house) => {
  const stolen = await house.phone(house.resident, "stolen");
  const kept = await house.phone(house.resident, "kept");
  await house.resident.logsOut(stolen.clientId);
  await stolen.isThrownOut();
  await isRefused(house, stolen.returns());

  await house.door.rings(house.resident.id);
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
