// What both elements have: a client that runs while the element is in the page, its room, and what it says.

import { Client, type Event as ClientEvent, followRooms, type MediaError, type MediaRoom, type MediaTrouble, type Role, TrtcRoom, trtcFrom } from "@ilock/client";

import { h } from "./dom.js";
import { LocalRoom } from "./local-room.js";
import { NoRoom } from "./no-room.js";
import { Ringer } from "./ring.js";
import { STYLE } from "./style.js";
import { Tokens, type TokenSource } from "./tokens.js";
import { type Word, type Words, words } from "./words.js";

export type LinkState = "connecting" | "offline" | "ready" | "taken_over" | "logged_out";

const TROUBLES: Record<MediaTrouble, Word> = {
  sdk: "no_room",
  enter: "no_room",
  camera: "no_camera",
  microphone: "no_microphone",
  picture: "no_picture",
  kicked_out: "kicked_out",
};

const TYPES: ClientEvent["type"][] = [
  "online", "offline", "taken_over", "ring", "stop_ringing", "enter_room", "can_preview", "preview", "leave_room", "progress",
  "call_over", "missed_call", "calls_seen", "logged_out", "problem",
];

export abstract class IlockElement extends HTMLElement {
  /** Where access tokens come from. Set it before the element is put into a page, or use the attribute `token`. */
  token: TokenSource | undefined;

  protected client: Client | undefined;
  protected media: MediaRoom | undefined;
  protected link: LinkState = "connecting";
  protected words: Words = words("en");
  protected readonly tokens = new Tokens(() => (this.token === undefined ? (this.getAttribute("token") ?? undefined) : this.token()));
  protected readonly remote = h("div", { class: "remote", part: "remote" });
  protected readonly local = h("div", { class: "local", part: "local" });
  protected readonly note = h("p", { class: "note", part: "note", role: "status" });
  protected readonly ringer = new Ringer((blocked) => this.soundBlocked(blocked));
  /** The way back after another window, or a logout. */
  protected readonly back = h("button", { class: "chip back", part: "back", type: "button", "data-testid": "back", hidden: true, click: () => this.startAgain() });
  private readonly hearButton = h("button", { class: "chip hear", type: "button", hidden: true, click: () => this.hear() });
  private readonly root = this.attachShadow({ mode: "open" });
  private noteTimer: ReturnType<typeof setTimeout> | undefined;
  private away: AbortController | undefined;

  protected abstract readonly role_: Role;
  /** Builds what is shown, once. */
  protected abstract build(): Node[];
  /** Brings what is shown to where things stand. */
  protected abstract render(): void;
  protected abstract happened(event: ClientEvent): void;

  connectedCallback(): void {
    const tag = this.closest("[lang]")?.getAttribute("lang") ?? navigator.language;
    const spoken = words(tag);
    this.words = this.roomless ? { ...spoken, preview: spoken.without_room } : spoken;
    if (this.root.childNodes.length === 0) {
      this.root.adoptedStyleSheets = [STYLE];
      this.hearButton.textContent = this.words.hear;
      this.remote.append(this.hearButton);
      this.root.append(...this.build());
    }
    this.render();
    this.away = new AbortController();
    void this.begin(tag, this.away.signal);
  }

  disconnectedCallback(): void {
    this.away?.abort();
    this.keep();
    this.ringer.close();
    void this.media?.leave();
    this.client?.close();
    this.client = undefined;
  }

  /** Calls ring and are answered without picture and sound. */
  protected get roomless(): boolean {
    return this.getAttribute("room") === "none";
  }

  /** The backend's address, without a slash at its end. */
  protected get server(): string {
    return (this.getAttribute("server") ?? location.origin).replace(/\/+$/, "");
  }

  /** A text for some seconds. */
  protected tell(text: string): void {
    this.note.textContent = text;
    clearTimeout(this.noteTimer);
    this.noteTimer = setTimeout(() => (this.note.textContent = ""), 8000);
  }

  /** Takes the text away: something new has begun. */
  protected untell(): void {
    clearTimeout(this.noteTimer);
    this.note.textContent = "";
  }

  /** Tells the page around it. */
  protected announce(name: string, detail: object = {}): void {
    this.dispatchEvent(new CustomEvent(`ilock-${name}`, { detail, bubbles: true, composed: true }));
  }

  /** What is to be kept beside the client's own state; see `restored`. */
  protected beside(): unknown {
    return undefined;
  }

  protected restored(_beside: unknown): void {}

  protected soundBlocked(_blocked: boolean): void {}

  protected hear(): void {
    if (this.media instanceof LocalRoom) this.media.hear();
  }

  /** Keeps the client's state in this tab, where the attribute `keep` names a place for it. */
  protected keep(): void {
    const place = this.getAttribute("keep");
    if (place === null || this.client === undefined) return;
    sessionStorage.setItem(place, JSON.stringify({ client: this.client.save(), beside: this.beside() }));
  }

  /** After `taken_over`, and after `logged_out` with another token. */
  protected startAgain(): void {
    const wasLoggedOut = this.link === "logged_out";
    // One that was asked for before the logout is of the login before.
    if (wasLoggedOut) this.tokens.forget();
    this.setLink("connecting");
    void (wasLoggedOut ? this.client?.loggedIn() : this.client?.start());
  }

  private async begin(language: string, signal: AbortSignal): Promise<void> {
    // The page may still set `token` in the same turn.
    await Promise.resolve();
    const options = {
      server: this.server,
      token: () => this.tokens.renew(),
      role: this.role_,
      clientId: this.getAttribute("client") ?? "web",
      language,
    };
    const kept = this.kept();
    const client = await Client.create({ ...options, saved: kept?.client }).catch(() => Client.create(options));
    if (signal.aborted) return client.close();
    this.client = client;
    this.media = this.room();
    if (kept !== undefined) this.restored(kept.beside);
    for (const type of TYPES) client.on(type, (event: ClientEvent) => this.hears(event));
    followRooms(client, this.media, (_call, error) => this.mediaFailed(error));
    addEventListener("pagehide", () => this.keep(), { signal });
    await client.start();
  }

  private room(): MediaRoom {
    if (this.roomless) return new NoRoom(() => this.tell(this.words.without_room));
    const options = { remote: this.remote, local: this.local, onProblem: (problem: MediaError) => this.mediaFailed(problem) };
    const sdk = this.getAttribute("trtc");
    if (sdk !== null) return new TrtcRoom({ ...options, load: trtcFrom(sdk) });
    const url = `${this.server.replace(/^http/, "ws")}/dev/room`;
    return new LocalRoom({ ...options, url, onSilent: (silent) => (this.hearButton.hidden = !silent) });
  }

  private mediaFailed(error: MediaError): void {
    this.tell(this.words[TROUBLES[error.what]]);
    this.announce("problem", { code: error.what, message: error.message });
  }

  private hears(event: ClientEvent): void {
    if (event.type === "online") this.setLink("ready");
    else if (event.type === "offline") this.setLink("offline");
    else if (event.type === "taken_over" || event.type === "logged_out") this.setLink(event.type);
    else if (event.type === "problem") {
      this.tell([event.problem.message, event.problem.hint].filter(Boolean).join(" "));
      this.announce("problem", event.problem);
    }
    this.happened(event);
    this.render();
    this.keep();
  }

  private setLink(link: LinkState): void {
    this.link = link;
    this.back.textContent = this.words[link === "logged_out" ? "log_in" : "use_here"];
    this.back.hidden = link !== "logged_out" && link !== "taken_over";
    this.announce("link", { link });
    this.render();
  }

  private kept(): { client: string; beside: unknown } | undefined {
    const place = this.getAttribute("keep");
    const text = place === null ? null : sessionStorage.getItem(place);
    return text === null ? undefined : (JSON.parse(text) as { client: string; beside: unknown });
  }
}
