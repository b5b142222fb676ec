// What both elements have: a client that runs while the element is in the page, its room, and what it says.

import { Client, followRooms, TrtcRoom, trtcFrom } from "@ilock/client";
import type { Event as ClientEvent, MediaError, MediaRoom, MediaTrouble, Problem, Role, Tracks } from "@ilock/client";

import { h, say, show } from "./dom.js";
import { isChinese, languageOf, rootsAround } from "./language.js";
import { LocalRoom } from "./local-room.js";
import { NoRoom } from "./no-room.js";
import { problemText } from "./problems.js";
import { Ringer } from "./ring.js";
import { type Fault, type Field, faultOf, faultText } from "./rules.js";
import { Stopwatch } from "./stopwatch.js";
import { inTab } from "./storage.js";
import { STYLE } from "./style.js";
import { Tokens, type TokenSource } from "./tokens.js";
import { type Word, type Words, words } from "./words.js";

/** `invalid`: an attribute breaks its rule, the client cannot be loaded, or the backend refuses it for good. */
export type LinkState = "connecting" | "offline" | "ready" | "taken_over" | "logged_out" | "invalid";

const TROUBLES: Record<Exclude<MediaTrouble, keyof Tracks>, Word> = {
  sdk: "no_sdk",
  enter: "no_room",
  picture: "no_picture",
  kicked_out: "put_out",
};

const TYPES: ClientEvent["type"][] = [
  "online", "offline", "taken_over", "ring", "stop_ringing", "enter_room", "can_preview", "preview", "leave_room", "progress",
  "call_over", "missed_call", "calls_seen", "client_added", "logged_out", "registration_refused", "problem",
];

/** The attributes of both elements that have a rule. */
const FIELDS: Field[] = ["client", "server", "trtc", "room", "name"];

/** An interruption of no more than this is not worth a word: somebody may be loading their page again. */
const APART_MS = 4000;
/** How long a text stays that does not last. */
const NOTE_MS = 8000;

/** What a lasting text is about. There is one of each at most. */
type Lasting = "attributes" | "start" | "registration" | "room" | "prompt" | "devices" | "connection";

/** What is switched off, and in which call. */
interface Muting {
  of?: string;
  off: Tracks;
}

/** What is kept over a reload: the client's own state, and what the element keeps beside it. */
interface Saved {
  client: string;
  beside: unknown;
  muting: Muting;
}

/** Whether a control cannot have the focus: it is out of the page, or not shown, or disabled. */
function isGone(control: HTMLElement): boolean {
  return !control.isConnected || control.closest("[hidden]") !== null || control.matches(":disabled");
}

export abstract class IlockElement extends HTMLElement {
  /** All but the token, which is read when it is needed: also what is read at the start alone may have kept the client from it. */
  static readonly observedAttributes = [
    "server", "client", "name", "lang", "keep", "trtc", "room", "callee", "location", "ring-seconds", "preview", "story-href",
  ];

  /** Where access tokens come from, or one token; the attribute `token` where it is not set. It is no field of the class, which
   * would take away what a page has set before the element was defined. */
  declare token: TokenSource | string | undefined;

  // A framework sets a property in place of an attribute where the element has one of that name. So no name here is one of an attribute.
  protected ilockClient: Client | undefined;
  protected media: MediaRoom | undefined;
  /** Ends a look before the answer. */
  protected endLook: () => void = () => undefined;
  protected link: LinkState = "connecting";
  protected language = "en";
  protected words: Words = words("en");
  /** The backend's address, without a slash at its end. */
  protected backend = location.origin;
  /** Calls ring and are answered without picture and sound. */
  protected roomless = false;
  /** Whether an attribute breaks its rule. */
  protected faulty = false;
  /** Whether the browser asks the person for camera and microphone. */
  private prompted = false;
  /** The call whose room the client has said to enter, and not to leave. */
  private entered: string | undefined;
  /** Whether nobody of those who were in the room can be reached. */
  private apart = false;
  private apartTimer: ReturnType<typeof setTimeout> | undefined;
  protected muting: Muting = { off: { camera: false, microphone: false } };
  /** What this side cannot send, because the browser does not give it. */
  protected missing: Tracks = { camera: false, microphone: false };
  protected readonly tokens = new Tokens(() => this.newToken());
  protected readonly remote = h("div", { class: "remote", part: "remote" });
  protected readonly local = h("div", { class: "local", part: "local" });
  protected readonly note = h("p", { class: "note", part: "note", role: "status" });
  /** A message that stays until its cause is gone. */
  protected readonly error = h("p", { class: "error", part: "error", role: "alert", "data-testid": "error", hidden: true });
  protected readonly stopwatch = new Stopwatch();
  protected readonly ringer = new Ringer((blocked) => this.soundBlocked(blocked));
  /** The way back after another window, or a logout. */
  protected readonly back = h("button", { class: "chip back", part: "back", type: "button", "data-testid": "back", hidden: true, click: () => this.startAgain() });
  private readonly hearButton = h("button", { class: "chip hear", part: "hear", type: "button", "data-testid": "hear", hidden: true, click: () => this.hear() });
  private readonly root = this.attachShadow({ mode: "open" });
  private readonly lasting = new Map<Lasting, (words: Words) => string>();
  private readonly around = new MutationObserver(() => this.changed());
  private noteTimer: ReturnType<typeof setTimeout> | undefined;
  /** Why a call failed, of the last one that a problem was about. */
  private failure: { of: string; text: string } | undefined;
  /** While the client runs. */
  private life: AbortController | undefined;
  /** A change is noticed once per turn: the page may make several. */
  private noticing = false;
  /** What the page around was told of the attributes last. */
  private toldFaults = "";
  /** Under which name the state is kept. */
  private keptUnder: string | null = null;

  protected abstract readonly role_: Role;
  /** Builds what is shown, once. What it says comes from `label`. */
  protected abstract build(): Node[];
  /** Writes the texts that come from the attributes and the language. */
  protected abstract label(): void;
  /** Brings what is shown to where things stand. */
  protected abstract render(): void;
  protected abstract happened(event: ClientEvent): void;
  /** Whether a call goes on that was answered. */
  protected abstract get talks(): boolean;
  /** Ends the call that goes on or is being placed, if any; not one that rings here. Also where the element or its page goes, and
   * nothing is kept to go on with: the other side would talk to nobody. */
  protected abstract hangUp(): void;
  /** Forgets all calls: the element is out of the page. */
  protected abstract reset(): void;
  /** Where the focus goes when what had it is gone: to the first of these that is there. */
  protected abstract places(): HTMLElement[];

  connectedCallback(): void {
    if (this.root.childNodes.length === 0) {
      this.root.adoptedStyleSheets = [STYLE];
      this.remote.append(this.hearButton);
      this.root.append(...this.build());
      // The focus moves from the bell to the button that gives up: a key that is held would press that, too.
      this.addEventListener("keydown", (event) => event.repeat && event.key === "Enter" && event.preventDefault());
    }
    // The element's own attribute is observed; this is of what is around it.
    this.around.disconnect();
    for (const root of rootsAround(this)) this.around.observe(root, { attributes: true, attributeFilter: ["lang"], subtree: true });
    this.changed();
  }

  /** Whoever moves an element takes it out and puts it in again within one turn: then it goes on as if nothing had been. */
  disconnectedCallback(): void {
    queueMicrotask(() => {
      if (!this.isConnected) this.end();
    });
  }

  attributeChangedCallback(_name: string, before: string | null, now: string | null): void {
    if (before !== now) this.changed();
  }

  /** What breaks a rule. */
  protected faults(): (Fault | undefined)[] {
    return FIELDS.map((field) => faultOf(field, this.getAttribute(field)));
  }

  /** Brings what is shown to where things stand, and keeps the focus in it. */
  protected update(): void {
    this.keepFocus(() => {
      const { link } = this;
      say(this.back, this.words[link === "logged_out" ? "log_in" : link === "invalid" ? "try_again" : "use_here"]);
      // An attribute is put right in the page around, and then tried by itself.
      show(this.back, link === "logged_out" || link === "taken_over" || (link === "invalid" && this.ilockClient !== undefined));
      this.render();
    });
    this.watchApart();
  }

  /** Does what may take away the control that has the focus, and then moves it to what stands in its place. */
  protected keepFocus(change: () => void): void {
    const focused = this.root.activeElement;
    change();
    if (focused instanceof HTMLElement && isGone(focused)) this.places().find((place) => !isGone(place))?.focus();
  }

  /** A text for some seconds. */
  protected tell(text: string): void {
    this.note.textContent = text;
    clearTimeout(this.noteTimer);
    this.noteTimer = setTimeout(() => (this.note.textContent = ""), NOTE_MS);
  }

  /** Takes the text away: something new has begun. */
  protected untell(): void {
    clearTimeout(this.noteTimer);
    this.note.textContent = "";
  }

  /** Why this call failed, where that is known. */
  protected failureOf(callId: string): string | undefined {
    return this.failure?.of === callId ? this.failure.text : undefined;
  }

  /** Whether neither side sees or hears the other: there is no room, or this side is not in it. */
  protected get outOfRoom(): boolean {
    return this.roomless || this.lasting.has("room");
  }

  /** What the page around asked for cannot be done now. */
  protected notReady(message: string): void {
    this.announce("problem", { code: "not_ready", message });
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

  /** The client begins: what is listened to until `signal` says that it has ended. */
  protected begun(_signal: AbortSignal): void {}

  protected soundBlocked(_blocked: boolean): void {}

  /** Checks the attributes, and says what is wrong with them. Whether they are right. */
  protected check(): boolean {
    const found = this.faults().filter((fault) => fault !== undefined);
    this.faulty = found.length > 0;
    const text = (words: Words) => found.map((fault) => faultText(fault, words)).join("\n");
    this.last("attributes", this.faulty ? text : undefined);
    const message = text(words("en"));
    if (this.faulty && message !== this.toldFaults) this.announce("problem", { code: "attribute", message });
    this.toldFaults = message;
    return !this.faulty;
  }

  /** Something that is read here may be another: the language, or an attribute. */
  private changed(): void {
    if (this.noticing) return;
    this.noticing = true;
    queueMicrotask(() => {
      this.noticing = false;
      if (this.isConnected) this.notice();
    });
  }

  /** Reads what may change at any time, and begins where nothing keeps the client from it any more. */
  private notice(): void {
    // What the backend refused may have been this.
    if (this.link === "invalid") this.halt();
    const waits = this.life === undefined;
    if (waits) this.roomless = this.getAttribute("room") === "none";
    this.language = languageOf(this);
    const spoken = words(this.language);
    this.words = this.roomless ? { ...spoken, preview: spoken.without_room, no_look: spoken.without_room } : spoken;
    this.root.firstElementChild?.setAttribute("lang", isChinese(this.language) ? "zh-CN" : "en");
    const right = this.check();
    say(this.hearButton, this.words.hear);
    this.label();
    this.showLasting();
    if (waits) this.setLink(right ? "connecting" : "invalid");
    else this.update();
    if (waits && right) void this.begin();
  }

  private async begin(): Promise<void> {
    const { signal } = (this.life = new AbortController());
    this.last("start", undefined);
    this.backend = (this.getAttribute("server") ?? location.origin).replace(/\/+$/, "");
    this.keptUnder = this.getAttribute("keep");
    const made = await this.makeClient().catch((error: unknown) => this.notMade(error, signal));
    if (made === undefined) return;
    const { client, saved } = made;
    if (signal.aborted) return client.close();
    this.ilockClient = client;
    this.media = this.makeRoom(signal);
    if (saved !== undefined) this.restored(saved.beside);
    if (saved?.muting !== undefined) this.muting = saved.muting;
    for (const type of TYPES) client.on(type, (event: ClientEvent) => this.hears(event));
    this.endLook = followRooms(client, this.media, (callId, error) => signal.aborted || this.mediaFailed(error, callId));
    addEventListener("pagehide", () => this.keepState() || this.hangUp(), { signal });
    this.begun(signal);
    this.update();
    await client.start();
  }

  /** With the state that was kept. Where that is another client's, or of another version, nothing of it is taken. */
  private async makeClient(): Promise<{ client: Client; saved?: Saved }> {
    const options = {
      server: this.backend,
      token: () => this.tokens.renew(),
      role: this.role_,
      clientId: this.getAttribute("client") ?? "web",
      language: this.language,
    };
    const saved = this.kept();
    try {
      if (saved !== undefined) return { client: await Client.create({ ...options, saved: saved.client }), saved };
    } catch {
      // The core has said why.
    }
    return { client: await Client.create(options) };
  }

  private notMade(error: unknown, signal: AbortSignal): undefined {
    if (signal.aborted) return;
    this.life = undefined;
    const why = error instanceof Error ? error.message : String(error);
    this.last("start", (words) => words.no_client.replace("{why}", () => why));
    this.setLink("invalid");
    this.announce("problem", { code: "start", message: why });
  }

  /** The element is out of the page. */
  private end(): void {
    this.halt();
    this.around.disconnect();
    this.lasting.clear();
    this.showLasting();
    this.link = "connecting";
    this.update();
  }

  /** Ends the client. Nothing stays of it but what `keep` names. */
  private halt(): void {
    this.keepState();
    if (this.keptUnder === null) this.hangUp();
    this.life?.abort();
    this.life = undefined;
    this.ringer.close();
    void this.media?.leave();
    this.media = undefined;
    this.ilockClient?.close();
    this.ilockClient = undefined;
    this.tokens.forget();
    this.untell();
    this.failure = undefined;
    this.prompted = false;
    this.last("registration", undefined);
    this.leftRoom();
    show(this.hearButton, false);
    this.reset();
  }

  private newToken(): string | undefined | Promise<string | undefined> {
    if (typeof this.token === "function") return this.token();
    return this.token || this.getAttribute("token") || undefined;
  }

  /** Switches off, or on again, for as long as this call lasts. */
  protected mute(tracks: Partial<Tracks>): void {
    this.muting = { of: this.entered, off: { ...this.muting.off, ...tracks } };
    void this.media?.mute(tracks);
    this.keepState();
    this.update();
  }

  /** Plays the sound that the browser did not play by itself; within a click. */
  protected hear(): void {
    if (this.media instanceof LocalRoom) this.media.hear();
  }

  /** Keeps the client's state in this tab, where the attribute `keep` names a place for it. Whether the place outlives the page. */
  private keepState(): boolean {
    if (this.keptUnder === null || this.ilockClient === undefined) return false;
    const saved: Saved = { client: this.ilockClient.save(), beside: this.beside(), muting: this.muting };
    return inTab.set(this.keptUnder, JSON.stringify(saved));
  }

  /** After `taken_over`, after `logged_out` with another token, and after `invalid` once more. */
  private startAgain(): void {
    const wasLoggedOut = this.link === "logged_out";
    // Another window took over: the token is as good as before.
    if (this.link === "taken_over") this.tokens.reuse();
    // One that was asked for before the logout is of the login before.
    if (wasLoggedOut) this.tokens.forget();
    this.setLink("connecting");
    void (wasLoggedOut ? this.ilockClient?.loggedIn() : this.ilockClient?.start());
  }

  private makeRoom(signal: AbortSignal): MediaRoom {
    if (this.roomless) return new NoRoom(() => this.tell(this.words.without_room));
    const onProblem = (problem: MediaError) => signal.aborted || this.mediaFailed(problem);
    const onApart = (apart: boolean) => {
      this.apart = apart;
      this.watchApart();
    };
    const options = { remote: this.remote, local: this.local, onProblem, onApart };
    const sdk = this.getAttribute("trtc");
    if (sdk !== null) return new TrtcRoom({ ...options, load: trtcFrom(sdk) });
    const url = `${this.backend.replace(/^http/i, "ws")}/dev/room`;
    return new LocalRoom({
      ...options,
      url,
      onSilent: (silent) => this.keepFocus(() => show(this.hearButton, silent)),
      onPrompt: (prompted) => signal.aborted || this.isPrompted(prompted),
    });
  }

  private isPrompted(prompted: boolean): void {
    this.prompted = prompted;
    this.showPrompt();
  }

  /** As long as the browser asks, and somebody waits for the answer. */
  private showPrompt(): void {
    this.last("prompt", this.prompted && this.entered !== undefined ? (words) => words.allow : undefined);
  }

  /** Says that the other side of a conversation cannot be reached, once that has lasted and until it can again. */
  private watchApart(): void {
    const apart = this.apart && this.talks && !this.outOfRoom;
    if (apart === (this.apartTimer !== undefined)) return;
    clearTimeout(this.apartTimer);
    this.apartTimer = apart ? setTimeout(() => this.tellApart(), APART_MS) : undefined;
    if (!apart) this.last("connection", undefined);
  }

  private tellApart(): void {
    this.last("connection", (words) => words.apart);
    this.announce("problem", { code: "connection", message: "the other side of the room cannot be reached" });
  }

  /** `callId` is the call whose room cannot be entered; without it the room is the one that this side is in. */
  private mediaFailed({ what, message, reason }: MediaError, callId = this.entered): void {
    if (what === "camera" || what === "microphone") {
      // Whoever was asked for it may have refused after the call was over.
      if (this.entered === undefined) return;
      this.missing = { ...this.missing, [what]: true };
      this.showMissing();
    } else {
      const word = reason === "kick" ? "kicked_out" : TROUBLES[what];
      // By a function, so that no `$` of an address means anything.
      const text = (words: Words) => words[word].replace("{address}", () => this.getAttribute("trtc") ?? "");
      // Without a picture, or when the look before the answer has failed, the call itself is as it was.
      if (what !== "picture" && callId !== undefined && callId === this.entered) this.last("room", text);
      else this.tell(text(this.words));
    }
    this.announce("problem", { code: what, message });
    this.update();
  }

  /** One text for both, which stays as long as the call. */
  private showMissing(): void {
    const { camera, microphone } = this.missing;
    const word: Word = camera && microphone ? "no_devices" : camera ? "no_camera" : "no_microphone";
    this.last("devices", camera || microphone ? (words) => words[word] : undefined);
  }

  /** What was said of the room is over with it. */
  private leftRoom(): void {
    this.entered = undefined;
    this.missing = { camera: false, microphone: false };
    this.showMissing();
    this.showPrompt();
    this.last("room", undefined);
  }

  private hears(event: ClientEvent): void {
    switch (event.type) {
      case "online":
        this.setLink("ready");
        break;
      case "offline":
      case "taken_over":
        this.setLink(event.type);
        break;
      case "logged_out":
        this.setLink("logged_out", event.why);
        break;
      case "registration_refused":
        // The problem that came before is told for some seconds alone.
        this.untell();
        this.setLink("invalid");
        this.last("registration", () => problemText(event.problem, this.language));
        break;
      case "enter_room":
        this.leftRoom();
        this.entered = event.call_id;
        this.stopwatch.answered(event.answered_ms_ago);
        this.muteIn(event.call_id);
        this.showPrompt();
        break;
      case "leave_room":
        // The end of another call is not the end of this one.
        if (event.call_id === this.entered) this.leftRoom();
        break;
      case "progress":
        if (event.progress === "accepted") this.stopwatch.answered(event.answered_ms_ago);
        break;
      case "problem":
        this.problem(event.problem);
        break;
      default:
    }
    this.happened(event);
    this.update();
    this.keepState();
  }

  /** Who was muted before a reload still is when the call goes on. */
  private muteIn(callId: string): void {
    if (this.muting.of !== callId) this.muting = { of: callId, off: { camera: false, microphone: false } };
    // Once the room before this one was left: nothing is heard there for a moment.
    queueMicrotask(() => void this.media?.mute(this.muting.off));
  }

  private problem(problem: Problem): void {
    const text = problemText(problem, this.language);
    // The call that it is about may be over in the same breath: then this is what says why.
    if (problem.call_id !== undefined) this.failure = { of: problem.call_id, text };
    this.tell(text);
    this.announce("problem", problem);
  }

  /** `why` somebody is logged out. */
  private setLink(link: LinkState, why?: string): void {
    const before = this.link;
    this.link = link;
    if (link !== "invalid") this.last("registration", undefined);
    if (link !== before) this.announce("link", { link, ...(why !== undefined && { why }) });
    this.update();
  }

  /** A text that stays until another one about the same, or none, takes its place. */
  private last(about: Lasting, text: ((words: Words) => string) | undefined): void {
    if (text === undefined) this.lasting.delete(about);
    else this.lasting.set(about, text);
    this.showLasting();
  }

  private showLasting(): void {
    say(this.error, [...this.lasting.values()].map((text) => text(this.words)).join("\n"));
    show(this.error, this.lasting.size > 0);
  }

  private kept(): Saved | undefined {
    const text = this.keptUnder === null ? undefined : inTab.get(this.keptUnder);
    try {
      return text === undefined ? undefined : (JSON.parse(text) as Saved);
    } catch {
      // Somebody else keeps something under this name.
      return undefined;
    }
  }
}
