// Picture and sound of a call, behind an interface: TRTC's rooms, or a room of the app's own.

import type { Client } from "./client.js";
import type { Room } from "./types.js";

/** The two things that this side can send. */
export interface Tracks {
  camera: boolean;
  microphone: boolean;
}

/** What went wrong. The person is still in the room after `camera`, `microphone` and `picture`. */
export type MediaTrouble = "sdk" | "enter" | "camera" | "microphone" | "picture" | "kicked_out";

export class MediaError extends Error {
  /** Why this side was put out of the room (`kicked_out`): `kick` where somebody entered under the same name; else the room's own
   * word for it, such as `banned`. */
  readonly reason: string | undefined;

  constructor(
    readonly what: MediaTrouble,
    message: string,
    options?: ErrorOptions & { reason?: string },
  ) {
    super(message, options);
    this.name = "MediaError";
    this.reason = options?.reason;
  }
}

/** Where pictures go, what is sent, and what the app is told. */
export interface MediaOptions {
  /** The element that shows the other side. */
  remote: HTMLElement;
  /** The element that shows this side, if it is to be seen. */
  local?: HTMLElement;
  /** What `join` sends; both when left out. */
  sends?: Partial<Tracks>;
  /** What does not end the call, such as a camera that may not be used, or being put out of the room. */
  onProblem?: (problem: MediaError) => void;
  /** Somebody else has entered (`true`) or left the room. */
  onOther?: (userId: string, present: boolean) => void;
  /** Nobody is left of those who were in the room, or nobody of them can be reached (`true`); somebody is there again, or this side
   * has left (`false`). It comes at once, also for the moment in which somebody comes back under the same name: wait a little. */
  onApart?: (apart: boolean) => void;
}

/** The room of one call at a time. What is asked for last counts. */
export interface MediaRoom {
  /** Enters, sends this side and shows the other. In another room, or in this one by `preview`, it leaves that first.
   * Rejects with a `MediaError` of `sdk` or `enter` when it is not in the room afterwards, also because `leave` or another room
   * came first. */
  join(room: Room): Promise<void>;
  /** Enters to look and listen: no camera and no microphone is opened, nothing is sent. Rejects as `join` does. */
  preview(room: Room): Promise<void>;
  /** `true` stops sending, `false` goes on; what is left out stays. Before `join` it holds for the next one. It waits for nothing:
   * while the person is asked for the camera, the microphone is muted at once. */
  mute(tracks: Partial<Tracks>): Promise<void>;
  /** Leaves the room and lets go of camera and microphone, at once, whatever is under way: what is opened or entered after that is
   * closed and left again. Without a room nothing happens. */
  leave(): Promise<void>;
}

/** Enters and leaves rooms as the client says. Of several calls the room of the latest `enter_room` counts: a preview does
 * not interrupt a conversation, and the end of another call does not end it. A look ends when the call stops ringing, unless it was
 * answered here: then it goes on until the call's own room is entered. `failed` hears when a room cannot be entered that is still
 * to be entered. Returns what ends a look before that. */
export function followRooms(client: Client, media: MediaRoom, failed: (callId: string, error: MediaError) => void): () => void {
  let inside: { callId: string; talking: boolean } | undefined;
  const enter = (callId: string, talking: boolean, entering: Promise<void>) => {
    const here = { callId, talking };
    inside = here;
    entering.catch((error: unknown) => {
      if (inside !== here) return;
      inside = undefined;
      failed(callId, error instanceof MediaError ? error : new MediaError("enter", String(error), { cause: error }));
    });
  };
  const leave = (callId: string) => {
    if (inside?.callId !== callId) return;
    inside = undefined;
    void media.leave();
  };
  client.on("enter_room", ({ call_id, room }) => {
    const isNext = inside?.talking === true && inside.callId !== call_id;
    enter(call_id, true, media.join(room));
    // What was muted in one call is not in the next, which may begin before the other one has ended.
    if (isNext) void media.mute({ camera: false, microphone: false });
  });
  client.on("preview", ({ call_id, room }) => {
    if (!inside?.talking) enter(call_id, false, media.preview(room));
  });
  client.on("stop_ringing", ({ call_id, why }) => why !== "answered_here" && leave(call_id));
  client.on("leave_room", ({ call_id }) => leave(call_id));
  // `leave_room` comes only where `enter_room` has come before.
  client.on("call_over", ({ call_id }) => leave(call_id));
  return () => inside?.talking === false && leave(inside.callId);
}
