// A room of `ilock dev`: the parties find each other by its WebSocket, and audio and video go from browser to browser.
// The server checks the same credentials as Tencent does.

import { MediaError, type MediaOptions, type MediaRoom, type Room, type Tracks } from "@ilock/client";

import { Peer, type Sends, type Signal } from "./peer.js";

type FromServer =
  | { type: "entered"; members: string[]; may_send: { audio: boolean; video: boolean } }
  | { type: "member_entered" | "member_left"; user_id: string }
  | ({ type: "signal"; from: string } & Signal)
  | { type: "put_out" }
  | { type: "refused"; reason: string; message: string };

export interface LocalRoomOptions extends MediaOptions {
  /** The room's address: `ws://127.0.0.1:8080/dev/room`. */
  url: string;
  /** Called when the browser does not play the other side's sound before the person touches the page, and when it does. */
  onSilent?: (silent: boolean) => void;
  /** Called when the browser asks the person for camera and microphone, and when it has an answer. */
  onPrompt?: (prompted: boolean) => void;
}

/** How long entering is tried where there is no connection. */
const ENTER_MS = 15_000;
/** How long one connection to the server may take until this side is inside: on a dead network it would hang. */
const CONNECT_MS = 5_000;
/** Why entering failed: not for want of a connection. */
const REFUSED = "refused";
/** How long after it broke, or was not to be had, a connection to the server is made again. */
const AGAIN_MS = 1000;
/** A browser that has the permission opens camera and microphone sooner than this; another one asks the person. */
const PROMPT_MS = 1000;
const VIDEO: MediaTrackConstraints = { width: { ideal: 640 }, height: { ideal: 360 }, frameRate: { ideal: 15 } };

function isRefused(error: unknown): error is MediaError {
  return error instanceof MediaError && error.cause === REFUSED;
}

function noEntry(room: Room, message: string, cause?: unknown): MediaError {
  return new MediaError("enter", `room ${room.room_id} cannot be entered: ${message}`, { cause });
}

function pause(ms: number): Promise<void> {
  return new Promise((done) => setTimeout(done, ms));
}

export class LocalRoom implements MediaRoom {
  private socket: WebSocket | undefined;
  /** Aborted as soon as something else is asked for: a camera that is given later is closed again. */
  private asked = new AbortController();
  /** The way into a room and being in it, until it is left. */
  private visit = new AbortController();
  private maySend: Sends = { audio: false, video: false };
  private readonly peers = new Map<string, Peer>();
  /** Whether anybody else has been in the room. */
  private met = false;
  private apart = false;
  private own: MediaStream | undefined;
  private ownVideo: HTMLVideoElement | undefined;
  private muted: Tracks = { camera: false, microphone: false };

  constructor(private readonly options: LocalRoomOptions) {}

  async join(room: Room): Promise<void> {
    const asked = this.ask();
    // Whoever looks already goes on looking while the browser asks for the camera.
    const own = this.own ?? (await this.open(asked));
    if (asked.aborted) {
      // The person may have taken minutes to answer, and the call be over.
      own.getTracks().forEach((track) => track.stop());
      throw noEntry(room, "it is not wanted any more");
    }
    this.exit(true);
    this.own = own;
    this.applyMute();
    this.showOwn();
    await this.enter(room);
  }

  async preview(room: Room): Promise<void> {
    this.ask();
    this.exit();
    await this.enter(room);
  }

  mute({ camera = this.muted.camera, microphone = this.muted.microphone }: Partial<Tracks>): Promise<void> {
    this.muted = { camera, microphone };
    this.applyMute();
    return Promise.resolve();
  }

  /** At once, whatever is under way: nothing here may wait for the network, or for an answer of the person. */
  leave(): Promise<void> {
    this.ask();
    this.exit();
    this.muted = { camera: false, microphone: false };
    return Promise.resolve();
  }

  /** Plays what the browser did not play by itself; call it within a click. */
  hear(): void {
    for (const peer of this.peers.values()) peer.hear();
  }

  /** Something is asked for: what was asked for before is of no use any more. */
  private ask(): AbortSignal {
    this.asked.abort();
    this.asked = new AbortController();
    return this.asked.signal;
  }

  /** Tries for some seconds where there is no connection, until the room is left. */
  private async enter(room: Room): Promise<void> {
    const { signal } = (this.visit = new AbortController());
    const end = performance.now() + ENTER_MS;
    for (;;) {
      try {
        return await this.connect(room, signal);
      } catch (error) {
        if (signal.aborted) throw error;
        if (isRefused(error) || performance.now() >= end) {
          this.exit();
          throw error;
        }
      }
      await pause(AGAIN_MS);
      if (signal.aborted) throw noEntry(room, "it was left");
    }
  }

  private connect(room: Room, visit: AbortSignal): Promise<void> {
    const socket = new WebSocket(this.options.url);
    this.socket = socket;
    return new Promise((entered, failed) => {
      let inside = false;
      const fail = (message: string, cause?: unknown) => {
        clearTimeout(timer);
        socket.onopen = socket.onmessage = socket.onclose = null;
        socket.close();
        failed(noEntry(room, message, cause));
      };
      const timer = setTimeout(() => fail("the server does not answer"), CONNECT_MS);
      visit.addEventListener("abort", () => fail("it was left"));
      socket.onopen = () => socket.send(JSON.stringify({ type: "enter", ...room }));
      socket.onclose = () => (inside ? void this.lost(room, visit) : fail("there is no connection"));
      socket.onmessage = ({ data }) => {
        const message = JSON.parse(String(data)) as FromServer;
        if (message.type === "refused" && !inside) return fail(message.message, REFUSED);
        if (message.type === "entered") {
          inside = true;
          clearTimeout(timer);
          entered();
        }
        this.hears(message);
      };
    });
  }

  /** The connection to the server broke. Who is connected already stays so, until the room is entered again: for want of a
   * connection that is tried again and again, and a refusal ends it. */
  private async lost(room: Room, visit: AbortSignal): Promise<void> {
    await pause(AGAIN_MS);
    if (visit.aborted) return;
    try {
      await this.connect(room, visit);
    } catch (error) {
      if (visit.aborted) return;
      if (!isRefused(error)) return this.lost(room, visit);
      this.exit();
      this.options.onProblem?.(error);
    }
  }

  private hears(message: FromServer): void {
    switch (message.type) {
      case "entered":
        for (const member of message.members) {
          this.meets(member);
          void this.peer(member, message.may_send).offer();
        }
        this.maySend = message.may_send;
        break;
      case "member_entered":
        // The new one offers.
        this.meets(message.user_id);
        break;
      case "member_left":
        this.drop(message.user_id);
        this.options.onOther?.(message.user_id, false);
        break;
      case "signal":
        void this.peer(message.from, this.maySend).hears(message);
        break;
      case "put_out":
        this.exit();
        this.options.onProblem?.(new MediaError("kicked_out", "somebody entered under the same name", { reason: "kick" }));
        break;
      case "refused":
        // For what was sent, or because a credential has expired by now.
        this.exit();
        this.options.onProblem?.(new MediaError("kicked_out", message.message, { reason: message.reason }));
    }
  }

  /** Who was there under this name is gone. */
  private meets(name: string): void {
    this.met = true;
    this.drop(name);
    this.options.onOther?.(name, true);
  }

  private peer(name: string, maySend: Sends): Peer {
    const known = this.peers.get(name);
    if (known !== undefined) return known;
    const peer = new Peer({
      maySend,
      own: this.own,
      remote: this.options.remote,
      send: (signal) => this.signal(name, signal),
      silent: (silent) => this.options.onSilent?.(silent),
      apart: () => this.tellApart(),
    });
    this.peers.set(name, peer);
    this.tellApart();
    return peer;
  }

  /** What is found while the connection is away is of no use after it: each side begins anew when it has entered again. */
  private signal(to: string, signal: object): void {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify({ type: "signal", to, ...signal }));
  }

  private drop(name: string): void {
    this.peers.get(name)?.close();
    this.peers.delete(name);
    this.tellApart();
  }

  /** A phone that only looks may go away while another one talks: what counts is whether anybody is left. */
  private tellApart(): void {
    const apart = this.met && [...this.peers.values()].every((peer) => peer.isApart);
    if (apart === this.apart) return;
    this.apart = apart;
    this.options.onApart?.(apart);
  }

  /** Camera and microphone; each by itself where both together are not to be had, as long as they are `asked` for. */
  private async open(asked: AbortSignal): Promise<MediaStream> {
    const { camera = true, microphone = true } = this.options.sends ?? {};
    const all = new MediaStream();
    const problem = (what: keyof Tracks) => (cause: unknown) => asked.aborted || this.lacks(what, cause);
    const ask = async (constraints: MediaStreamConstraints) => {
      for (const track of (await this.prompts(constraints, asked)).getTracks()) {
        all.addTrack(track);
        // It was pulled out, or the permission was taken back.
        track.addEventListener("ended", () => this.lacks(track.kind === "video" ? "camera" : "microphone", "it has ended"));
      }
    };
    try {
      if (camera && microphone) {
        await ask({ video: VIDEO, audio: true });
        return all;
      }
    } catch {
      // One of them may still be there.
    }
    if (camera && !asked.aborted) await ask({ video: VIDEO }).catch(problem("camera"));
    if (microphone && !asked.aborted) await ask({ audio: true }).catch(problem("microphone"));
    return all;
  }

  /** Asks the browser, and says so where it asks the person. */
  private async prompts(constraints: MediaStreamConstraints, asked: AbortSignal): Promise<MediaStream> {
    const devices = navigator.mediaDevices as MediaDevices | undefined;
    if (devices === undefined) throw new Error("the page was not opened over https or on localhost");
    const over = () => {
      clearTimeout(timer);
      asked.removeEventListener("abort", over);
      this.options.onPrompt?.(false);
    };
    const timer = setTimeout(() => this.options.onPrompt?.(true), PROMPT_MS);
    // An answer that nobody waits for any more changes nothing: another prompt may be open by then.
    asked.addEventListener("abort", over);
    try {
      return await devices.getUserMedia(constraints);
    } finally {
      if (!asked.aborted) over();
    }
  }

  private lacks(what: keyof Tracks, cause: unknown): void {
    this.options.onProblem?.(new MediaError(what, `the ${what} cannot be used: ${String(cause)}`, { cause }));
  }

  private applyMute(): void {
    this.own?.getVideoTracks().forEach((track) => (track.enabled = !this.muted.camera));
    this.own?.getAudioTracks().forEach((track) => (track.enabled = !this.muted.microphone));
  }

  private showOwn(): void {
    const place = this.options.local;
    if (place === undefined || this.own === undefined || this.own.getVideoTracks().length === 0) return;
    const video = document.createElement("video");
    Object.assign(video, { muted: true, autoplay: true, playsInline: true, srcObject: this.own });
    video.setAttribute("part", "local-video");
    this.ownVideo?.remove();
    this.ownVideo = video;
    place.append(video);
  }

  private exit(keepOwn = false): void {
    this.visit.abort();
    this.socket = undefined;
    this.met = false;
    for (const name of [...this.peers.keys()]) this.drop(name);
    this.tellApart();
    this.options.onSilent?.(false);
    if (keepOwn) return;
    this.own?.getTracks().forEach((track) => track.stop());
    this.own = undefined;
    this.ownVideo?.remove();
    this.ownVideo = undefined;
  }
}
