// The connection to one other party of a room.

export interface Signal {
  description?: RTCSessionDescriptionInit;
  candidate?: RTCIceCandidateInit;
}

export interface Sends {
  audio: boolean;
  video: boolean;
}

export interface PeerOptions {
  /** What this side's credential permits to send. */
  maySend: Sends;
  /** What this side sends, if anything. */
  own: MediaStream | undefined;
  /** Where the other side is shown. */
  remote: HTMLElement;
  send: (signal: Signal) => void;
  /** Whether the browser forbids the sound for now. */
  silent: (silent: boolean) => void;
  /** `isApart` has changed. */
  apart: () => void;
}

const KINDS = ["audio", "video"] as const;
/** A line of SDP that names an offer, and that its answer repeats: who has left and come back under the same name may
 * still be sent the answer to an earlier one. Browsers pass over lines that they do not know. */
const OFFER = /^a=ilock-offer:(\S+)/m;

export class Peer {
  private readonly connection = new RTCPeerConnection();
  private readonly stream = new MediaStream();
  private video: HTMLVideoElement | undefined;
  private offered: string = crypto.getRandomValues(new Uint32Array(2)).join("-");
  private last: Promise<unknown> = Promise.resolve();
  /** Whether the other side cannot be reached: for a moment, or for good. */
  isApart = false;

  constructor(private readonly options: PeerOptions) {
    this.connection.onicecandidate = ({ candidate }) => {
      if (candidate !== null) options.send({ candidate: candidate.toJSON() });
    };
    this.connection.ontrack = ({ track }) => {
      this.stream.addTrack(track);
      track.onunmute = () => this.showStream();
    };
    this.connection.onconnectionstatechange = () => this.watch();
  }

  /** Who comes in offers to those who are there. */
  offer(): Promise<void> {
    return this.inTurn(async () => {
      for (const kind of KINDS) {
        const track = this.track(kind);
        const transceiver = this.connection.addTransceiver(track ?? kind, { direction: this.direction(kind) });
        if (track !== undefined) transceiver.sender.setStreams(this.stream);
      }
      await this.connection.setLocalDescription();
      this.describe();
    });
  }

  /** Takes what the other side says. */
  hears({ description, candidate }: Signal): Promise<void> {
    return this.inTurn(async () => {
      if (description !== undefined) {
        const offer = OFFER.exec(description.sdp ?? "")?.[1] ?? "";
        if (description.type === "offer") this.offered = offer;
        else if (offer !== this.offered) return;
        await this.connection.setRemoteDescription(description);
        if (description.type === "offer") {
          await this.answer();
        }
      }
      if (candidate !== undefined) await this.connection.addIceCandidate(candidate);
    });
  }

  hear(): void {
    if (this.video === undefined) return;
    this.video.muted = false;
    void this.video.play().catch(() => undefined);
    this.options.silent(false);
  }

  close(): void {
    this.connection.close();
    this.video?.remove();
    this.video = undefined;
  }

  private watch(): void {
    const { connectionState } = this.connection;
    // What it does to come about, or to come back, changes nothing yet.
    if (!["disconnected", "failed", "connected"].includes(connectionState)) return;
    this.isApart = connectionState !== "connected";
    this.options.apart();
  }

  private inTurn(work: () => Promise<void>): Promise<void> {
    const done = this.last.then(work);
    // What comes after the connection was closed is not an error.
    this.last = done.catch(() => undefined);
    return done.catch((error: unknown) => {
      if (this.connection.signalingState !== "closed") console.warn("a party of the room cannot be connected", error);
    });
  }

  private async answer(): Promise<void> {
    for (const transceiver of this.connection.getTransceivers()) {
      const kind = transceiver.receiver.track.kind as (typeof KINDS)[number];
      await transceiver.sender.replaceTrack(this.track(kind) ?? null);
      transceiver.direction = this.direction(kind);
    }
    await this.connection.setLocalDescription();
    this.describe();
  }

  private describe(): void {
    const description = this.connection.localDescription;
    if (description === null) return;
    const sdp = `${description.sdp}a=ilock-offer:${this.offered}\r\n`;
    this.options.send({ description: { type: description.type, sdp } });
  }

  private track(kind: (typeof KINDS)[number]): MediaStreamTrack | undefined {
    if (!this.options.maySend[kind]) return undefined;
    return this.options.own?.getTracks().find((track) => track.kind === kind);
  }

  private direction(kind: (typeof KINDS)[number]): RTCRtpTransceiverDirection {
    return this.track(kind) === undefined ? "recvonly" : "sendrecv";
  }

  private showStream(): void {
    if (this.video !== undefined) return;
    const video = document.createElement("video");
    Object.assign(video, { autoplay: true, playsInline: true, srcObject: this.stream });
    video.setAttribute("part", "remote-video");
    video.dataset["testid"] = "remote-video";
    this.video = video;
    this.options.remote.append(video);
    video.play().catch((error: unknown) => {
      if (!(error instanceof DOMException) || error.name !== "NotAllowedError") return;
      video.muted = true;
      this.options.silent(true);
      void video.play().catch(() => undefined);
    });
  }
}
