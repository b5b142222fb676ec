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

export class TrtcRoom implements MediaRoom {
  private sdk: Promise<TrtcSdk> | undefined;
  private trtc: Trtc | undefined;
  private sending: Tracks = { camera: false, microphone: false };
  private muted: Tracks = { camera: false, microphone: false };
  private last: Promise<unknown> = Promise.resolve();

  constructor(private readonly options: TrtcOptions) {}

  join(room: Room): Promise<void> {
    return this.inTurn(async () => {
      const trtc = await this.enter(room);
      const { camera = true, microphone = true } = this.options.sends ?? {};
      await Promise.all([camera && this.startCamera(trtc), microphone && this.startMicrophone(trtc)]);
    });
  }

  preview(room: Room): Promise<void> {
    return this.inTurn(async () => void (await this.enter(room)));
  }

  mute({ camera = this.muted.camera, microphone = this.muted.microphone }: Partial<Tracks>): Promise<void> {
    return this.inTurn(async () => {
      this.muted = { camera, microphone };
      if (this.sending.camera) await this.trtc?.updateLocalVideo({ mute: camera });
      if (this.sending.microphone) await this.trtc?.updateLocalAudio({ mute: microphone });
    });
  }

  leave(): Promise<void> {
    return this.inTurn(async () => {
      await this.exit();
      this.muted = { camera: false, microphone: false };
    });
  }

  private inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.last.then(work);
    this.last = done.catch(() => undefined);
    return done;
  }

  private async enter(room: Room): Promise<Trtc> {
    await this.exit();
    const trtc = (this.trtc = await this.create());
    const { sdk_app_id: sdkAppId, user_id: userId, user_sig: userSig, room_id: roomId, private_map_key: privateMapKey } = room;
    try {
      await trtc.enterRoom({ scene: "rtc", sdkAppId, userId, userSig, roomId, privateMapKey });
    } catch (cause) {
      this.trtc = undefined;
      trtc.destroy();
      throw because("enter", `room ${roomId} cannot be entered`, cause);
    }
    return trtc;
  }

  private async create(): Promise<Trtc> {
    this.sdk ??= this.options.load();
    let sdk: TrtcSdk;
    try {
      sdk = await this.sdk;
    } catch (cause) {
      this.sdk = undefined;
      throw because("sdk", "TRTC's SDK cannot be loaded", cause);
    }
    const trtc = sdk.create();
    this.listen(trtc, sdk.EVENT);
    return trtc;
  }

  /** Reports what happens in the room, as long as this side is in it. */
  private listen(trtc: Trtc, events: TrtcSdk["EVENT"]): void {
    const { remote: view, onProblem, onOther } = this.options;
    const on = <T>(event: string, listener: (event: T) => void) => trtc.on(event, (happened: T) => this.trtc === trtc && listener(happened));
    const failed = (problem: MediaError) => this.trtc === trtc && onProblem?.(problem);
    on(events.REMOTE_VIDEO_AVAILABLE, ({ userId, streamType }: { userId: string; streamType: string }) => {
      trtc.startRemoteVideo({ userId, streamType, view }).catch((cause: unknown) => {
        failed(because("picture", `the picture of ${userId} cannot be shown`, cause));
      });
    });
    on(events.REMOTE_USER_ENTER, ({ userId }: { userId: string }) => onOther?.(userId, true));
    on(events.REMOTE_USER_EXIT, ({ userId }: { userId: string }) => onOther?.(userId, false));
    on(events.KICKED_OUT, ({ reason }: { reason: string }) => {
      if (reason !== DISMISSED) failed(new MediaError("kicked_out", `put out of the room: ${reason}`, { reason }));
    });
  }

  private async startCamera(trtc: Trtc): Promise<void> {
    const { local: view = null, onProblem } = this.options;
    try {
      await trtc.startLocalVideo({ view, mute: this.muted.camera, option: { profile: VIDEO } });
      this.sending.camera = true;
    } catch (cause) {
      onProblem?.(because("camera", "the camera cannot be used", cause));
    }
  }

  private async startMicrophone(trtc: Trtc): Promise<void> {
    try {
      await trtc.startLocalAudio({ mute: this.muted.microphone });
      this.sending.microphone = true;
    } catch (cause) {
      this.options.onProblem?.(because("microphone", "the microphone cannot be used", cause));
    }
  }

  /** Leaves, whatever the SDK says to it: `destroy` lets go of everything. */
  private async exit(): Promise<void> {
    const { trtc, sending } = this;
    this.trtc = undefined;
    this.sending = { camera: false, microphone: false };
    if (trtc === undefined) return;
    const stops = [sending.camera && trtc.stopLocalVideo(), sending.microphone && trtc.stopLocalAudio()];
    await Promise.allSettled(stops);
    await trtc.exitRoom().catch(() => undefined);
    trtc.destroy();
  }
}
