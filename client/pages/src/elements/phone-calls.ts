// The calls that a phone shows.

import type { CallInfo } from "@ilock/client";

type Phase = "ringing" | "answering" | "active";

interface Shown {
  info: CallInfo;
  phase: Phase;
  /** Whether another phone of the person is to sound first. */
  holdsBack?: boolean;
}

export class PhoneCalls {
  private readonly shown = new Map<string, Shown>();
  /** The call that is looked at before the answer. */
  previewed: string | undefined;

  /** The calls that ring, the oldest first. */
  get ringing(): CallInfo[] {
    return [...this.shown.values()].filter(({ phase }) => phase === "ringing").map(({ info }) => info);
  }

  /** The call that was answered here. */
  get talking(): CallInfo | undefined {
    return this.answered?.info;
  }

  /** Whether its room has been entered. */
  get connected(): boolean {
    return this.answered?.phase === "active";
  }

  rings(info: CallInfo): void {
    // One that has held back already does so no more.
    const holdsBack = this.shown.get(info.call_id)?.holdsBack ?? info.secondary;
    this.shown.set(info.call_id, { info, phase: "ringing", holdsBack });
  }

  /** Whether another phone of the person is to sound first, still. */
  holdsBack(callId: string): boolean {
    return this.shown.get(callId)?.holdsBack === true;
  }

  /** The other phone has sounded for long enough. Whether that changes anything. */
  holdBackNoMore(callId: string): boolean {
    const call = this.shown.get(callId);
    if (call?.holdsBack !== true) return false;
    call.holdsBack = false;
    return true;
  }

  /** Whether it rang. */
  answering(callId: string): boolean {
    const call = this.shown.get(callId);
    if (call?.phase !== "ringing") return false;
    call.phase = "answering";
    return true;
  }

  silent(callId: string, answered: boolean): void {
    if (answered) {
      this.answering(callId);
      return;
    }
    const call = this.shown.get(callId);
    // What is said of its end comes right after.
    if (call !== undefined) this.past.set(callId, call.info);
    this.forget(callId);
  }

  entered(callId: string): void {
    const call = this.shown.get(callId);
    if (call !== undefined) call.phase = "active";
    else this.shown.set(callId, { info: unknown(callId), phase: "active" });
    if (this.previewed === callId) this.previewed = undefined;
  }

  /** Forgets a call; what was shown of it. */
  over(callId: string): CallInfo | undefined {
    const known = this.past.get(callId) ?? this.shown.get(callId)?.info;
    this.forget(callId);
    this.past.delete(callId);
    return known;
  }

  /** What is to be kept over a reload: the calls that were answered. Those that ring, ring again. */
  save(): CallInfo[] {
    return [...this.shown.values()].filter(({ phase }) => phase !== "ringing").map(({ info }) => ({ ...info, room: undefined }));
  }

  restore(saved: CallInfo[]): void {
    for (const info of saved) this.shown.set(info.call_id, { info, phase: "answering" });
  }

  /** Forgets all calls. */
  clear(): void {
    this.shown.clear();
    this.past.clear();
    this.previewed = undefined;
  }

  private readonly past = new Map<string, CallInfo>();

  /** Nobody looks at it any more, either. */
  private forget(callId: string): void {
    this.shown.delete(callId);
    if (this.previewed === callId) this.previewed = undefined;
  }

  private get answered(): Shown | undefined {
    return [...this.shown.values()].find(({ phase }) => phase !== "ringing");
  }
}

/** A call of which only the id is known, after a reload without a kept state. */
function unknown(callId: string): CallInfo {
  return { call_id: callId, caller_id: "", caller_name: "", caller_info: "{}", waiting: false, secondary: false };
}
