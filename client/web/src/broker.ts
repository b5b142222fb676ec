// One MQTT connection: MQTT 5 over WebSocket, with a session of an hour. The core decides when there is another one.

import mqtt, { type IClientOptions, type MqttClient } from "mqtt";

import type { Command, Input } from "./types.js";

const SESSION_SECONDS = 3600;
const KEEP_ALIVE_SECONDS = 30;
const CONNECT_TIMEOUT_MS = 10_000;
/** Not authorized, bad user name or password: MQTT 5, then MQTT 3.1.1. */
const NOT_AUTHORIZED = [0x87, 0x86, 5, 4];
const SESSION_TAKEN_OVER = 0x8e;
/** From here on a return code of SUBACK is a refusal. */
const SUBSCRIPTION_REFUSED = 0x80;

export type Connect = Extract<Command, { type: "connect" }>;

/** A connection that reports what happens to it, until it is closed. */
export class Connection {
  private readonly mqtt: MqttClient;
  private open = true;

  constructor(
    private readonly login: Connect,
    private readonly report: (input: Input) => void,
  ) {
    const options: IClientOptions = {
      clientId: login.client_id,
      username: login.username,
      password: login.password,
      protocolVersion: 5,
      clean: false,
      properties: { sessionExpiryInterval: SESSION_SECONDS },
      keepalive: KEEP_ALIVE_SECONDS,
      connectTimeout: CONNECT_TIMEOUT_MS,
      reconnectPeriod: 0,
      resubscribe: false,
    };
    const connection = login.connection;
    this.mqtt = mqtt.connect(login.websocket_url, options);
    this.mqtt.on("connect", ({ sessionPresent }) => {
      this.tell({ type: "connected", connection, session_present: sessionPresent });
    });
    this.mqtt.on("message", (topic, payload) => {
      this.tell({ type: "message", topic, payload: new TextDecoder().decode(payload) });
    });
    this.mqtt.on("disconnect", ({ reasonCode }) => {
      this.end({ type: "disconnected", connection, reason: reasonCode === SESSION_TAKEN_OVER ? "taken_over" : "network" });
    });
    this.mqtt.on("error", (error) => {
      const code = (error as { code?: number | string }).code;
      if (typeof code !== "number") return;
      this.end({ type: "refused", connection, reason: NOT_AUTHORIZED.includes(code) ? "not_authorized" : "other" });
    });
    this.mqtt.on("close", () => this.end({ type: "disconnected", connection, reason: "network" }));
  }

  subscribe(topics: string[]): void {
    const connection = this.login.connection;
    this.mqtt.subscribe(topics, { qos: 1 }, (error, granted) => {
      const refused = error !== null || (granted ?? []).some(({ qos }) => qos >= SUBSCRIPTION_REFUSED);
      this.tell({ type: "subscribed", connection, granted: !refused });
    });
  }

  /** Closes it; its session stays. Nothing is reported any more. */
  close(): void {
    this.open = false;
    this.mqtt.end(false);
  }

  private tell(input: Input): void {
    if (this.open) this.report(input);
  }

  private end(input: Input): void {
    if (!this.open) return;
    this.open = false;
    // Nothing can be sent on it any more.
    this.mqtt.end(true);
    this.report(input);
  }
}
