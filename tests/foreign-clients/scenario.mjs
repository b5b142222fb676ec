// One scenario: a door station, a resident, a neighbour, and their phones, on a stack of its own.

import { describe, test } from "node:test";

import { Phone, VERSIONS } from "./phone.mjs";
import { Stack } from "./stack.mjs";

const TRANSPORTS = { WebSocket: "ws", TCP: "mqtt" };

class Scenario {
  static async on(stack, transport, version) {
    const [door, resident, neighbour] = await Promise.all([
      stack.doorStation("device123"),
      stack.user("user456"),
      stack.user("user789"),
    ]);
    return Object.assign(new Scenario(), { stack, url: stack.at[TRANSPORTS[transport]], version, door, resident, neighbour });
  }

  /** A phone of `owner`, registered and listening. */
  async phone(owner, name = "phone") {
    return (await this.connect(await owner.registers(name))).listens();
  }

  /** A phone with these credentials; `changed` goes into MQTT.js's options. */
  connect(registered, changed = {}) {
    return Phone.connect(registered, { url: this.url, version: this.version, ...changed });
  }

  async answeredCall(caller, winner) {
    const call = await caller.rings(this.resident.id);
    await this.resident.asCallee(call, "accepted", winner.clientId);
    return call;
  }
}

/** Runs `happens` in a scenario of its own, with each of `versions` of MQTT over WebSocket and over TCP. */
export function inAScenario(name, happens, versions = Object.keys(VERSIONS)) {
  const ways = Object.keys(TRANSPORTS).flatMap((transport) => versions.map((version) => ({ transport, version })));
  describe(name, { concurrency: ways.length }, () => {
    for (const { transport, version } of ways) {
      test(`MQTT ${version} over ${transport}`, async () => {
        const stack = await Stack.start();
        try {
          await happens(await Scenario.on(stack, transport, version));
        } finally {
          // Phones are still connected; they must not delay it.
          await stack.stop();
        }
      });
    }
  });
}
