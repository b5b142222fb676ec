// A phone, or a door station, that listens with MQTT.js.

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { setTimeout as after } from "node:timers/promises";

// Installed outside the repository's own files; see `run`.
const mqtt = createRequire(process.env.ILOCK_NPM ?? import.meta.url)("mqtt");

/** How long a phone waits for a message that must come. */
const PATIENCE_MS = 10_000;

/** How long a phone listens before it reports silence: several rounds of the projector, which polls four times a second. */
const SILENCE_MS = 1_200;

const SESSION_SECONDS = 3600;

/** Protocol levels as they stand in CONNECT. */
export const VERSIONS = { "3.1.1": 4, 5: 5 };

/** A connection with a persistent session. As every client must, it drops a message whose `message_id` it has seen. */
export class Phone {
  #heard = [];
  #waiting;

  /** Connects with the answer to a registration; `changed` goes into MQTT.js's options. Rejects when the broker refuses. */
  static async connect({ mqtt_credentials: credentials, topics }, { url, version, ...changed }) {
    const login = {
      clientId: credentials.client_id,
      username: credentials.username,
      password: credentials.password,
      protocolVersion: VERSIONS[version],
      clean: false,
      properties: version === "5" ? { sessionExpiryInterval: SESSION_SECONDS } : undefined,
      reconnectPeriod: 0,
      ...changed,
    };
    return new Phone(url, login, Object.values(topics)).#connected();
  }

  constructor(url, login, topics, seen = new Set()) {
    Object.assign(this, { url, login, topics, seen, clientId: login.clientId });
  }

  async #connected() {
    // Not connectAsync: queued messages follow CONNACK at once, so the handler must be set before.
    this.mqtt = mqtt.connect(this.url, this.login);
    this.mqtt.on("message", (topic, payload, packet) => this.#hear({ topic, body: JSON.parse(payload), packet }));
    this.closed = new Promise((resolve) => this.mqtt.once("close", resolve));
    const connack = await new Promise((resolve, reject) => {
      this.mqtt.once("connect", resolve);
      this.mqtt.on("error", reject);
      this.closed.then(() => reject(new Error("closed without an answer to CONNECT")));
      after(PATIENCE_MS, undefined, { ref: false }).then(() => reject(new Error("no answer to CONNECT")));
    });
    this.sessionPresent = connack.sessionPresent;
    return this;
  }

  /** Subscribes to every topic that the registration named. */
  async listens() {
    await this.mqtt.subscribeAsync(this.topics, { qos: 1 });
    return this;
  }

  #hear(heard) {
    // These are about no call.
    if (["client_added", "client_removed"].includes(heard.body.action)) return;
    const id = heard.body.message_id;
    if (this.seen.has(id)) return;
    if (id) this.seen.add(id);
    this.#heard.push(heard);
    this.#waiting?.();
  }

  async #next(ms) {
    if (this.#heard.length === 0) {
      const heard = new Promise((resolve) => (this.#waiting = resolve));
      await Promise.race([heard, after(ms, undefined, { ref: false })]);
      this.#waiting = undefined;
    }
    return this.#heard.shift();
  }

  /** The next message, which must be of this action (`incoming` for a call). */
  async hears(kind) {
    const heard = await this.#next(PATIENCE_MS);
    assert.ok(heard, `${this.clientId} heard nothing, and ${kind} was due`);
    assert.equal(kindOf(heard), kind, `${this.clientId} heard ${JSON.stringify(heard.body)}`);
    return heard;
  }

  async hearsNothing(ms = SILENCE_MS) {
    const heard = await this.#next(ms);
    assert.equal(heard, undefined, `${this.clientId} heard ${JSON.stringify(heard?.body)}`);
  }

  async isThrownOut() {
    const out = this.closed.then(() => true);
    assert.ok(await Promise.race([out, after(PATIENCE_MS, false, { ref: false })]), `${this.clientId} is still connected`);
  }

  /** The connection breaks without a DISCONNECT, as in a lift. */
  async vanishes() {
    this.mqtt.stream.destroy();
    await this.closed;
  }

  /** Connects again and subscribes to nothing: the broker still has its session. */
  returns() {
    return new Phone(this.url, this.login, this.topics, this.seen).#connected();
  }
}

function kindOf({ topic, body }) {
  return topic.endsWith("/calls/incoming") ? "incoming" : body.action;
}

/** All listen at the same time. */
export function noneHearsAnything(...phones) {
  return Promise.all(phones.map((phone) => phone.hearsNothing()));
}

/** A message that only the backend may send. */
export const FORGED = JSON.stringify({ action: "hangup", call_id: "call_forged_forged_1", timestamp: 0, reason: "forged" });
