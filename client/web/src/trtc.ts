// Tencent's rooms, by the operator's own copy of trtc-sdk-v5. It is loaded when the first room is entered.

import { MediaError, type MediaOptions, type MediaRoom, type MediaTrouble, type Tracks } from "./media.js";
import type { Room } from "./types.js";

/** What is used of trtc-sdk-v5: https://web.sdk.qcloud.com/trtc/webrtc/v5/doc/en/TRTC.html */
export interface TrtcSdk {
  create(): Trtc;
  EVENT: Record<
    "REMOTE_VIDEO_AVAILABLE" | "REMOTE_USER_ENTER" | "REMOTE_USER_EXIT" | "KICKED_OUT",
    string
  >;
}

export interface Trtc {
  on(event: string, listener: (event: never) => void): unknown;
  enterRoom(options: object): Promise<unknown>;
  exitRoom(): Promise<unknown>;
  destroy(): void;
  startLocalAudio(options?: object): Promise<unknown>;
  updateLocalAudio(options: object): Promise<unknown>;
  stopLocalAudio(): Promise<unknown>;
  startLocalVideo(options?: object): Promise<unknown>;
  updateLocalVideo(options: object): Promise<unknown>;
  stopLocalVideo(): Promise<unknown>;
  startRemoteVideo(options: object): Promise<unknown>;
}

export interface TrtcOptions extends MediaOptions {
  /** Brings the SDK: `trtcFrom("/trtc/trtc.js")`, or in an app with a bundler `async () => (await import("trtc-sdk-v5")).default`. */
  load: () => Promise<TrtcSdk>;
}

/** 640 × 360 at 15 frames and 600 kbit/s: what a door station's camera sends. */
const VIDEO = { width: 640, height: 360, frameRate: 15, bitrate: 600 };

/** Loads the SDK from an address of the operator's: a script that leaves `TRTC` behind, as the package's trtc.js does, or a module.
 * The package's trtc.esm.js is for bundlers: it imports another package by its name, which no browser finds. */
export function trtcFrom(url: string): () => Promise<TrtcSdk> {
  return async () => {
    const module = (await import(/* webpackIgnore: true */ /* @vite-ignore */ url)) as { default?: TrtcSdk };
    const sdk = module.default ?? (globalThis as { TRTC?: TrtcSdk }).TRTC;
    if (sdk === undefined) throw new Error(`${url} is not trtc-sdk-v5: it has no default export and leaves no TRTC behind`);
    return sdk;
  };
}

/** The reason of `KICKED_OUT` when a room is dismissed, as the backend does with those of calls that are over. The others are `kick`,
 * where somebody entered under the same name, and `banned`. */
const DISMISSED = "room-disband";

function because(what: MediaTrouble, message: string, cause: unknown): MediaError {
  return new MediaError(what, `${message}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
}

/** How long the next room waits until the one before is left: longer it keeps nobody out. */
const LEAVE_MS = 2_000;

const KINDS = ["camera", "microphone"] as const;
type Kind = (typeof KINDS)[number];

function noEntry(room: Room, message: string): MediaError {
  return new MediaError("enter", `room ${room.room_id} cannot be entered: ${message}`);
}

/** Waits for something to be done, and no longer than this. */
async function atMost(ms: number, done: Promise<unknown>): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  await Promise.race([done, new Promise((late) => (timer = setTimeout(late, ms)))]);
  clearTimeout(timer);
}

/** The way into one room and being in it, with an instance of the SDK of its own. Leaving it waits for nothing: the SDK may wait for
 * the person to allow the camera, or for the network. What it has ready after that is stopped. */
class Visit {
  isLeft = false;
  private trtc: Trtc | undefined;
  private isInside = false;
  /** What is sent, or is being started. */
  private readonly sending: Tracks = { camera: false, microphone: false };
  private readonly started: Tracks = { camera: false, microphone: false };
  private muted: Tracks = { camera: false, microphone: false };
  private readonly others = new Set<string>();
  private isApart = false;

  constructor(
    private readonly room: Room,
    private readonly options: MediaOptions,
  ) {}

  async enter(sdk: TrtcSdk): Promise<void> {
    this.goOn();
    const { room } = this;
    const trtc = (this.trtc = sdk.create());
    this.listen(trtc, sdk.EVENT);
    const { sdk_app_id: sdkAppId, user_id: userId, user_sig: userSig, room_id: roomId, private_map_key: privateMapKey } = room;
    try {
      await trtc.enterRoom({ scene: "rtc", sdkAppId, userId, userSig, roomId, privateMapKey });
    } catch (cause) {
      this.isLeft = true;
      trtc.destroy();
      throw because("enter", `room ${roomId} cannot be entered`, cause);
    }
    this.isInside = true;
    // It was left before it was entered.
    if (this.isLeft) await this.exit(trtc);
    this.goOn();
  }

  /** Opens what is sent, each by itself: the person may be asked for the one as long as the other is sent. */
  async send(wanted: Tracks, muted: Tracks): Promise<void> {
    this.muted = muted;
    await Promise.all(KINDS.map((kind) => wanted[kind] && this.start(kind)));
    this.goOn();
  }

  async mute(muted: Tracks): Promise<void> {
    this.muted = muted;
    await Promise.all(KINDS.map((kind) => this.started[kind] && this.update(kind)));
  }

  /** At once; done when the SDK is out of the room. */
  async leave(): Promise<void> {
    this.isLeft = true;
    this.tellApart(false);
    const { trtc } = this;
    if (trtc === undefined) return;
    for (const kind of KINDS) if (this.sending[kind]) this.stop(kind);
    if (this.isInside) await this.exit(trtc);
    else await trtc.exitRoom().catch(() => undefined);
  }

  private goOn(): void {
    if (this.isLeft) throw noEntry(this.room, "it was left");
  }

  /** `destroy` lets go of everything; the SDK refuses it within a room. */
  private async exit(trtc: Trtc): Promise<void> {
    this.isInside = false;
    await trtc.exitRoom().catch(() => undefined);
    trtc.destroy();
  }

  /** Reports what happens in the room, as long as this side is in it. */
  private listen(trtc: Trtc, events: TrtcSdk["EVENT"]): void {
    const { remote: view, onProblem, onOther } = this.options;
    const isHere = (userId: string) => {
      this.others.add(userId);
      this.tellApart(false);
    };
    const on = <T>(event: string, listener: (event: T) => void) => trtc.on(event, (happened: T) => this.isLeft || listener(happened));
    const failed = (problem: MediaError) => this.isLeft || onProblem?.(problem);
    on(events.REMOTE_VIDEO_AVAILABLE, ({ userId, streamType }: { userId: string; streamType: string }) => {
      isHere(userId);
      trtc.startRemoteVideo({ userId, streamType, view }).catch((cause: unknown) => {
        failed(because("picture", `the picture of ${userId} cannot be shown`, cause));
      });
    });
    on(events.REMOTE_USER_ENTER, ({ userId }: { userId: string }) => {
      isHere(userId);
      onOther?.(userId, true);
    });
    on(events.REMOTE_USER_EXIT, ({ userId }: { userId: string }) => {
      this.others.delete(userId);
      this.tellApart(this.others.size === 0);
      onOther?.(userId, false);
    });
    on(events.KICKED_OUT, ({ reason }: { reason: string }) => {
      if (reason !== DISMISSED) failed(new MediaError("kicked_out", `put out of the room: ${reason}`, { reason }));
    });
  }

  private tellApart(apart: boolean): void {
    if (apart === this.isApart) return;
    this.isApart = apart;
    this.options.onApart?.(apart);
  }

  private async start(kind: Kind): Promise<void> {
    const { trtc, options } = this;
    if (trtc === undefined) return;
    const mute = this.muted[kind];
    const { local: view = null } = options;
    this.sending[kind] = true;
    try {
      await (kind === "camera" ? trtc.startLocalVideo({ view, mute, option: { profile: VIDEO } }) : trtc.startLocalAudio({ mute }));
    } catch (cause) {
      this.sending[kind] = false;
      if (!this.isLeft) options.onProblem?.(because(kind, `the ${kind} cannot be used`, cause));
      return;
    }
    // The person may have answered after the end, or have muted it meanwhile.
    if (this.isLeft) return this.stop(kind);
    this.started[kind] = true;
    if (this.muted[kind] !== mute) await this.update(kind);
  }

  private async update(kind: Kind): Promise<void> {
    const mute = this.muted[kind];
    await (kind === "camera" ? this.trtc?.updateLocalVideo({ mute }) : this.trtc?.updateLocalAudio({ mute }));
  }

  private stop(kind: Kind): void {
    const stopping = kind === "camera" ? this.trtc?.stopLocalVideo() : this.trtc?.stopLocalAudio();
    stopping?.catch(() => undefined);
  }
}

export class TrtcRoom implements MediaRoom {
  private sdk: Promise<TrtcSdk> | undefined;
  private visit: Visit | undefined;
  private muted: Tracks = { camera: false, microphone: false };

  constructor(private readonly options: TrtcOptions) {}

  async join(room: Room): Promise<void> {
    const visit = await this.enter(room);
    const { camera = true, microphone = true } = this.options.sends ?? {};
    await visit.send({ camera, microphone }, this.muted);
  }

  async preview(room: Room): Promise<void> {
    await this.enter(room);
  }

  async mute({ camera = this.muted.camera, microphone = this.muted.microphone }: Partial<Tracks>): Promise<void> {
    this.muted = { camera, microphone };
    await this.visit?.mute(this.muted);
  }

  async leave(): Promise<void> {
    this.muted = { camera: false, microphone: false };
    await this.exit();
  }

  private async enter(room: Room): Promise<Visit> {
    const left = this.exit();
    const visit = (this.visit = new Visit(room, this.options));
    await atMost(LEAVE_MS, left);
    try {
      await visit.enter(await this.load());
    } catch (error) {
      if (this.visit === visit) this.visit = undefined;
      throw error;
    }
    return visit;
  }

  private async load(): Promise<TrtcSdk> {
    this.sdk ??= this.options.load();
    try {
      return await this.sdk;
    } catch (cause) {
      this.sdk = undefined;
      throw because("sdk", "TRTC's SDK cannot be loaded", cause);
    }
  }

  private async exit(): Promise<void> {
    const { visit } = this;
    this.visit = undefined;
    await visit?.leave();
  }
}
