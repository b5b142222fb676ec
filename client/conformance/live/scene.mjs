// One backend behind a network that breaks, and the parties that are not under test: they use HTTP alone.

import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";

import { Stack } from "../../../tests/foreign-clients/stack.mjs";
import { App, PATIENCE_MS } from "./app.mjs";
import { Gateway, Wire } from "./proxy.mjs";

export class Scene {
  static async open(command, settings = {}) {
    const scene = new Scene();
    scene.command = command;
    scene.settings = settings;
    scene.folder = await mkdtemp(join(tmpdir(), "ilock-live-"));
    scene.data = join(scene.folder, "data");
    [scene.http, scene.mqtt, scene.ws] = await Promise.all([Gateway.open(), Wire.open(), Wire.open()]);
    await scene.start();
    return scene;
  }

  async start() {
    const settings = {
      ...this.settings,
      MQTT_URL: `tcp://127.0.0.1:${this.mqtt.port}`,
      MQTT_WEBSOCKET_URL: `ws://127.0.0.1:${this.ws.port}/mqtt`,
    };
    const again = this.stack && { ports: this.stack.at };
    this.stack = await Stack.start({ settings, data: this.data, ...again });
    const port = (address) => Number(new URL(address).port);
    this.http.to = port(this.stack.at.http);
    this.mqtt.to = port(this.stack.at.mqtt);
    this.ws.to = port(this.stack.at.ws);
  }

  /** Kills the backend as a power cut does, and keeps or loses what the broker knew of sessions. */
  async crash({ sessions = true, away = 0 } = {}) {
    await this.stack.kill();
    if (!sessions) await rm(join(this.data, "mqtt"), { recursive: true, force: true });
    await wait(away);
    await this.start();
  }

  cut() {
    [this.http, this.mqtt, this.ws].forEach((wire) => wire.cut());
  }

  mend() {
    [this.http, this.mqtt, this.ws].forEach((wire) => wire.mend());
  }

  /** Breaks connections to the broker; they may be opened again at once. */
  drop() {
    [this.mqtt, this.ws].forEach((wire) => wire.drop());
  }

  async close() {
    await this.stack.stop();
    [this.http, this.mqtt, this.ws].forEach((wire) => wire.close());
    await rm(this.folder, { recursive: true, force: true });
  }

  /** A program of the client under test, as this party. */
  run(party, role, name) {
    return new App(this.command, {
      CLIENT_SERVER: `http://127.0.0.1:${this.http.port}`,
      CLIENT_TOKEN: party.token,
      CLIENT_ID: name,
      CLIENT_ROLE: role,
    });
  }
}

let people = 0;

/** A person with the client under test, a door station that may call them, and what a case needs of both. */
export class Case {
  apps = [];

  constructor(scene) {
    this.scene = scene;
  }

  async begin() {
    people += 1;
    this.person = await this.scene.stack.user(`person${people}`);
    this.door = await this.scene.stack.doorStation(`door${people}`);
    // The person's other phone is one that is never connected.
    await this.person.registers("other");
    this.app = await this.opens(this.person, "phone", "tested");
    this.clientId = `${this.person.id}_tested`;
  }

  async opens(party, role, name) {
    const app = this.scene.run(party, role, name);
    this.apps.push(app);
    await app.tells("online");
    return app;
  }

  async calls(seconds = 30) {
    return this.door.rings(this.person.id, seconds);
  }

  async rung(seconds = 30) {
    const call = await this.calls(seconds);
    await this.app.tells("ring", { call_id: call.call_id });
    return call;
  }

  state(call) {
    return this.door.asks("GET", `/api/calls/${call.call_id}`);
  }

  /** Waits until the call has this state. */
  async becomes(call, state) {
    for (let tried = 0; tried < PATIENCE_MS / 50; tried++) {
      const now = await this.state(call);
      if (now.state === state) return now;
      await wait(50);
    }
    assert.fail(`the call is ${(await this.state(call)).state}, not ${state}`);
  }

  async end() {
    this.scene.mend();
    this.scene.http.plans = [];
    await Promise.all(this.apps.map((app) => app.close()));
  }
}
