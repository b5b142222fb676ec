// Tones, made by WebAudio: no file is loaded. A browser permits sound after the person has touched the page once.

/** `ring` for a call, `soft` while another phone sounds first or where a second call comes, `ringback` for the caller. */
export type Tone = "ring" | "soft" | "ringback";

interface Pattern {
  /** Start and length of each note, in seconds, and its pitch in hertz. */
  notes: [number, number, number][];
  every: number;
  volume: number;
}

const CHIME: [number, number, number][] = [
  [0, 0.42, 784],
  [0.21, 0.42, 988],
  [0.42, 0.7, 1319],
];

const PATTERNS: Record<Tone, Pattern> = {
  ring: { notes: CHIME, every: 2, volume: 0.28 },
  soft: { notes: CHIME.slice(0, 2), every: 4, volume: 0.08 },
  ringback: { notes: [[0, 1, 425]], every: 4, volume: 0.05 },
};

export class Ringer {
  private audio: AudioContext | undefined;
  private timer: ReturnType<typeof setInterval> | undefined;
  private tone: Tone | undefined;

  /** `blocked` hears whether the browser forbids sound for now. */
  constructor(private readonly blocked: (blocked: boolean) => void) {}

  /** Sounds this tone again and again; none is silence. */
  play(tone: Tone | undefined): void {
    if (tone === this.tone) return;
    this.tone = tone;
    clearInterval(this.timer);
    if (tone === undefined) {
      this.blocked(false);
      return;
    }
    void this.unlock();
    this.once(PATTERNS[tone]);
    this.timer = setInterval(() => this.once(PATTERNS[tone]), PATTERNS[tone].every * 1000);
  }

  /** Tries to be heard: works within a click or key press, or once there was one. */
  async unlock(): Promise<void> {
    const audio = (this.audio ??= new AudioContext());
    const resumed = audio.resume().catch(() => undefined);
    await Promise.race([resumed, new Promise((later) => setTimeout(later, 100))]);
    // It may be closed by now.
    if (this.audio === audio) this.blocked(audio.state !== "running" && this.tone !== undefined);
  }

  /** Silent, until `play` is called again. */
  close(): void {
    this.play(undefined);
    void this.audio?.close();
    this.audio = undefined;
  }

  private once({ notes, volume }: Pattern): void {
    const audio = this.audio;
    if (audio?.state !== "running") return;
    for (const [start, length, pitch] of notes) {
      const from = audio.currentTime + start;
      const gain = audio.createGain();
      gain.gain.setValueAtTime(0, from);
      gain.gain.linearRampToValueAtTime(volume, from + 0.02);
      gain.gain.exponentialRampToValueAtTime(0.0001, from + length);
      const note = new OscillatorNode(audio, { type: "sine", frequency: pitch });
      note.connect(gain).connect(audio.destination);
      note.start(from);
      note.stop(from + length);
    }
  }
}
