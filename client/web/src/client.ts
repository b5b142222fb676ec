// Drives the core with fetch, MQTT.js and timers.

import { check } from "./arguments.js";
import { type Connect, Connection } from "./broker.js";
import { Core } from "./core.js";
import type { Command, Event, Input, Output, PushTokens, Role } from "./types.js";

/** How long what was done just before `close` may take. */
const CLOSE_MS = 2_000;
/** A request up to this size may outlive its page: browsers permit 64 KB of such requests at a time. */
const OUTLIVING_BYTES = 16_384;
/** The longest that a timer can be set for. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

export interface Options {
  /** The backend's address: `https://calls.example`. */
  server: string;
  /** An access token of the operator's login service: called at the start, and when the last one is not accepted any more.
   * `undefined` means that the person must log in. Where it throws, as `fetch` does without a network, it is called again
   * after a while. Everything that needs a token waits for its answer: give its request a timeout. */
  token: () => string | undefined | Promise<string | undefined>;
  role?: Role;
  /** The name of this installation, 1 to 52 of `A-Z a-z 0-9 _ -`. Two tabs need two names. */
  clientId?: string;
  appVersion?: string;
  /** `zh-CN`, `en`. */
  language?: string;
  /** What `save` gave. */
  saved?: string;
}

export interface Press {
  callerInfo?: Record<string, unknown>;
  /** A whole number, 5 to 120. */
  ringSeconds?: number;
  invitationData?: Record<string, unknown>;
}

export type EventOf<T extends Event["type"]> = Extract<Event, { type: T }>;
type Listener = (event: never) => void;

/** A phone or a door station. It registers, connects, comes back and gives up by itself. A method that is given what it cannot take
 * throws a `TypeError`, which names the argument and says what would be right. */
export class Client {
  private readonly listeners = new Map<Event["type"], Set<Listener>>();
  private readonly started = performance.now();
  private readonly stop = new AbortController();
  private connection: Connection | undefined;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private closeTimer: ReturnType<typeof setTimeout> | undefined;
  /** What is still to be done, in this order, and whether that is under way. */
  private readonly outputs: Output[] = [];
  private isBusy = false;
  /** What `save` gave when the client ended. */
  private saved: string | undefined;
  /** The last token of this login. */
  private token: string | undefined;
  /** How often the person has logged in since the start. */
  private logins = 0;

  private constructor(
    private readonly options: Options,
    private readonly core: Core,
  ) {}

  /** Makes a client. Nothing happens before `start`, so that no event is missed. */
  static async create(options: Options): Promise<Client> {
    const { server, token, clientId = "web", appVersion, language, role = "phone", saved } = options;
    check({ server, token, clientId, appVersion, language, role, saved });
    const config = { role, client_id: clientId, platform: "web", app_version: appVersion, language };
    const client = new Client({ ...options, server: server.replace(/\/+$/, "") }, await Core.create(config, saved));
    client.watch();
    return client;
  }

  /** Calls `listener` for every event of this type. */
  on<T extends Event["type"]>(type: T, listener: (event: EventOf<T>) => void): this {
    const all = this.listeners.get(type) ?? new Set();
    this.listeners.set(type, all.add(listener as Listener));
    return this;
  }

  /** Registers and connects; also after `taken_over` and `registration_refused`. */
  start(): Promise<void> {
    return this.isClosed ? Promise.resolve() : this.withToken({ type: "start" });
  }

  /** The person has logged in again after `logged_out`. */
  loggedIn(): Promise<void> {
    if (this.isClosed) return Promise.resolve();
    this.logins += 1;
    return this.withToken({ type: "logged_in" });
  }

  answer(callId: string): void {
    check({ callId });
    this.ask({ type: "answer", call_id: callId });
  }

  /** For all of the person's phones. */
  reject(callId: string, reason?: string): void {
    check({ callId, reason });
    this.ask({ type: "reject", call_id: callId, reason });
  }

  /** For this phone alone. */
  decline(callId: string): void {
    check({ callId });
    this.ask({ type: "decline", call_id: callId });
  }

  /** Asks for the way in before the answer, to look and listen: the event `preview` brings it. */
  preview(callId: string): void {
    check({ callId });
    this.ask({ type: "preview", call_id: callId });
  }

  /** Gives up before an answer, hangs up after it. A call that has no id yet is named by its press. */
  hangUp(callId: string, reason?: string): void {
    check({ callId, reason });
    this.ask({ type: "hang_up", call_id: callId, reason });
  }

  /** Calls a person, or the members of a household. What only the backend knows to be wrong with it comes as a `problem`. */
  press(callees: string | string[], { callerInfo, ringSeconds, invitationData }: Press = {}): void {
    check({ callees, callerInfo, ringSeconds, invitationData });
    this.ask({
      type: "press",
      callees: [callees].flat(),
      caller_info: callerInfo && JSON.stringify(callerInfo),
      ring_seconds: ringSeconds,
      invitation_data: invitationData && JSON.stringify(invitationData),
    });
  }

  /** The person has looked at their list of calls; `until` is `read_at` of that page. The event `calls_seen` comes when the
   * backend has noted it. */
  callsSeen(until: number): void {
    check({ until });
    this.ask({ type: "calls_seen", until });
  }

  /** `priority` is 0 to 10. */
  status(status: "active" | "background" | "offline", priority: number): void {
    check({ status, priority });
    this.ask({ type: "status", status, priority });
  }

  pushTokens(tokens: PushTokens): void {
    check({ tokens });
    const { push_token, voip_token, environment } = tokens;
    check({ push_token, voip_token, environment });
    this.ask({ type: "push_tokens", tokens });
  }

  /** Hands in a push: the app's part of it. */
  pushed(data: Record<string, unknown>): void {
    check({ data });
    this.ask({ type: "push", data: JSON.stringify(data) });
  }

  /** Outside pages, what the system says of the network: in a page the client learns it by itself. */
  network(online: boolean): void {
    check({ online });
    this.ask({ type: "network", online });
  }

  /** Outside pages: the machine was suspended, and runs again. */
  woken(): void {
    this.ask({ type: "woken" });
  }

  logOut(): void {
    this.ask({ type: "log_out" });
  }

  /** All that must outlive the page, as text. It contains secrets. After `close` it is the last state. */
  save(): string {
    return this.saved ?? this.core.save();
  }

  /** Ends the client: no event comes any more, and nothing that is asked of it is done. What was done just before, such as
   * `hangUp` or `logOut`, still reaches the backend, for two seconds at most. Its session at the broker stays for an hour. */
  close(): void {
    if (this.isClosed) return;
    this.stop.abort();
    this.connection?.close();
    this.closeTimer = setTimeout(() => this.end(), CLOSE_MS);
    this.endWhenDone();
  }

  private get isClosed(): boolean {
    return this.stop.signal.aborted;
  }

  private endWhenDone(): void {
    if (this.isClosed && !this.isBusy && !this.core.isActing) this.end();
  }

  private end(): void {
    clearTimeout(this.timer);
    clearTimeout(this.closeTimer);
    if (this.saved !== undefined) return;
    this.saved = this.core.save();
    this.core.drop();
  }

  private watch(): void {
    if (typeof globalThis.addEventListener !== "function") return;
    const { signal } = this.stop;
    addEventListener("online", () => this.input({ type: "network", online: true }), { signal });
    addEventListener("offline", () => this.input({ type: "network", online: false }), { signal });
    if (typeof document === "undefined") return;
    document.addEventListener("resume", () => this.input({ type: "woken" }), { signal });
  }

  private async withToken(then: Input): Promise<void> {
    const login = this.logins;
    const asked = async () => ({ token: await this.options.token() });
    const answer = await asked().catch(() => undefined);
    // It is about a login that another one has followed.
    if (login !== this.logins) return;
    if (answer === undefined) return this.tokenFailed(then);
    const { token } = answer;
    if (token === undefined) return this.input({ type: then.type === "logged_in" ? "login_failed" : "token_unavailable" });
    this.token = token;
    this.input(then);
  }

  /** The login service did not answer. The client starts all the same: only what needs a token waits for one. */
  private tokenFailed(then: Input): void {
    // The one there is belongs to the login before.
    if (then.type === "logged_in") this.token = undefined;
    this.input(then.type === "token_renewed" ? { type: "token_failed" } : then);
  }

  /** What the app asks for. */
  private ask(input: Input): void {
    if (!this.isClosed) this.input(input);
  }

  private input(input: Input): void {
    if (this.saved !== undefined) return;
    this.outputs.push(...this.core.handle(performance.now() - this.started, input));
    // Else a listener has asked for something: what comes of that follows what is being told.
    if (!this.isBusy) this.drain();
    this.setTimer();
    this.endWhenDone();
  }

  /** Does what is to be done, one after the other, and what comes up on the way. */
  private drain(): void {
    this.isBusy = true;
    try {
      for (let output = this.outputs.shift(); output !== undefined; output = this.outputs.shift()) this.do(output);
    } finally {
      this.isBusy = false;
    }
  }

  private do(output: Output): void {
    switch (output.type) {
      case "request":
      case "need_token":
        this.carryOut(output);
        break;
      case "connect":
      case "subscribe":
      case "disconnect":
        if (!this.isClosed) this.carryOut(output);
        break;
      default:
        if (!this.isClosed) this.tell(output);
    }
  }

  /** An error of the app's own does not keep the client from its work: it is reported as one that nobody caught. */
  private tell(event: Event): void {
    this.listeners.get(event.type)?.forEach((listener) => {
      try {
        (listener as (event: Event) => void)(event);
      } catch (error) {
        queueMicrotask(() => {
          throw error;
        });
      }
    });
  }

  private setTimer(): void {
    clearTimeout(this.timer);
    if (this.saved !== undefined || this.core.wakeAt === undefined) return;
    const wait = this.core.wakeAt - (performance.now() - this.started);
    this.timer = setTimeout(() => this.input({ type: "tick" }), Math.min(Math.max(Math.ceil(wait), 0), LONGEST_TIMER_MS));
  }

  private carryOut(command: Command): void {
    switch (command.type) {
      case "request":
        void this.request(command);
        break;
      case "connect":
        this.connection?.close();
        this.connect(command);
        break;
      case "subscribe":
        this.connection?.subscribe(command.topics);
        break;
      case "disconnect":
        this.connection?.close();
        this.connection = undefined;
        break;
      case "need_token":
        void this.withToken({ type: "token_renewed" });
    }
  }

  private connect(command: Connect): void {
    const { connection } = command;
    try {
      this.connection = new Connection(command, (input) => this.input(input));
    } catch {
      // The address is no broker's.
      this.connection = undefined;
      this.input({ type: "disconnected", connection, reason: "network" });
    }
  }

  private async request({ id, method, path, body, idempotency_key, timeout_ms }: Extract<Command, { type: "request" }>) {
    const { token } = this;
    const headers: Record<string, string> = { authorization: `Bearer ${token}` };
    if (body !== undefined) headers["content-type"] = "application/json";
    if (idempotency_key !== undefined) headers["idempotency-key"] = idempotency_key;
    if (this.options.language !== undefined) headers["accept-language"] = this.options.language;
    // What is done as the page goes is done all the same.
    const acts = idempotency_key !== undefined || method === "DELETE";
    const keepalive = acts && (body?.length ?? 0) <= OUTLIVING_BYTES;
    try {
      const signal = AbortSignal.timeout(timeout_ms);
      // Without a token it is refused here, as the backend would refuse it.
      const refused = token === undefined ? new Response(null, { status: 401 }) : undefined;
      const answer = refused ?? (await fetch(this.options.server + path, { method, headers, body, signal, keepalive }));
      const header = (name: string) => answer.headers.get(name) ?? undefined;
      const text = await answer.text();
      const [retry_after, date] = [header("retry-after"), header("date")];
      this.input({ type: "http_answer", id, status: answer.status, retry_after, date, body: text });
    } catch {
      this.input({ type: "http_failed", id });
    }
  }
}
