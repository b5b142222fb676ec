// What `GET /api/audit/calls/{call_id}/events` answers.

export type Party = { kind: "user" | "device"; id: string };
export type Actor = { kind: "user"; id: string; client?: string } | { kind: "device"; id: string } | { kind: "timer" | "system" };
export type State = "ringing" | "active" | "rejected" | "cancelled" | "missed" | "ended" | "failed";

export interface Commit {
  call_id: string;
  n: number;
  prev: string;
  tenant: string;
  cmd: { kind: string };
  events: { type: string; v: number; data?: Record<string, unknown> }[];
  state: State;
  actor: Actor;
  at: number;
  /** The last day on which the text beside it is kept: `2026-11-27`. */
  personal_until?: string;
  hash: string;
}

/** One more phone rang, after the first, whose word is a commit. */
export interface Alert {
  callee: string;
  client_id?: string;
  /** Whether it could look and listen before the answer. */
  preview?: boolean;
  at: number;
}

export interface Outcome {
  /** A topic; of a push whose phones, or which push service. */
  target: string;
  carrier: "mqtt" | "push";
  ms: number;
  error?: string;
}

export interface Receipt {
  n: number;
  path: "fast" | "projector";
  at: number;
  notices: Record<string, Outcome>;
  /** What became of the push to each phone, by the phone's name. */
  phones?: Record<string, Outcome>;
}

export interface Personal {
  salt: string;
  text: string;
  digest: string;
}

export interface CallEvents {
  call_id: string;
  commits: Commit[];
  alerts: Alert[];
  receipts: Receipt[];
  personal?: Personal[];
}

export interface PlacedData {
  caller: Party;
  callees: { id: string }[];
}

export function isOver({ commits }: CallEvents): boolean {
  const state = commits.at(-1)?.state;
  return state !== undefined && state !== "ringing" && state !== "active";
}

export function isRinging({ commits }: CallEvents): boolean {
  return commits.at(-1)?.state === "ringing";
}

/** Who is in the call: of a call without its first commit nobody. */
export function placed({ commits }: CallEvents): PlacedData | undefined {
  return commits[0]?.events.find(({ type }) => type === "CallPlaced")?.data as PlacedData | undefined;
}

/** Who did it; nobody where it was the timer or the backend. */
export function partyOf(step: Commit | Alert): Party | undefined {
  if (!("n" in step)) return { kind: "user", id: step.callee };
  return "id" in step.actor ? { kind: step.actor.kind, id: step.actor.id } : undefined;
}

/** What a personal text says. One that was tampered with may say anything, or be no JSON. */
export function said(text: string): { caller_info?: { name?: string; location?: string }; reason?: string } {
  try {
    return (JSON.parse(text) as object | null) ?? {};
  } catch {
    return {};
  }
}

/** How the caller showed itself: by its name, while that is kept, else by its id. */
export function callerName(call: CallEvents): string {
  const parties = placed(call);
  const first = (call.commits[0]?.events ?? []).map(({ data }) => data?.["personal"]);
  const text = call.personal?.find(({ digest }) => first.includes(digest))?.text;
  return String((text === undefined ? undefined : said(text).caller_info?.name) || (parties?.caller.id ?? ""));
}

const DAY_MS = 86_400_000;

/** What a push says where no phone has a push token: nothing was to be sent. */
const NOBODY = "no phone to tell";

/** Whether there was nobody to tell. */
export function hadNobody({ error }: Outcome): boolean {
  return error === NOBODY;
}

/** What somebody was told of a commit; with a phone it is the push to that phone alone. */
export interface Told extends Outcome {
  phone?: string;
}

/** The outcomes of all rounds of delivering one commit's notices, each notice and each phone once: the one that was handed over. */
export function outcomes({ receipts }: CallEvents, n: number): Told[] {
  const rounds = receipts.filter((receipt) => receipt.n === n);
  const all = new Map<string, Told>();
  const note = (name: string, told: Told) => {
    const known = all.get(name);
    if (known === undefined || known.error !== undefined) all.set(name, told);
  };
  for (const { phones = {} } of rounds) for (const [phone, outcome] of Object.entries(phones)) note(phone, { ...outcome, phone });
  for (const { notices } of rounds) for (const [index, outcome] of Object.entries(notices)) note(`#${index}`, outcome);
  return [...all.values()];
}

/** The commits in the order of their chain, and between them, by their time, the phones that rang after the first. */
export function steps({ commits, alerts }: CallEvents): (Commit | Alert)[] {
  const waiting = [...alerts].sort((a, b) => a.at - b.at);
  const before = (at: number) => waiting.splice(0, waiting.filter((alert) => alert.at < at).length);
  return [...commits.flatMap((commit) => [...before(commit.at), commit]), ...waiting];
}

/** Why a text that a commit names is not there any more. A mark says that one was forgotten, which this answer does not have. */
export function whyGone({ personal_until: until }: Commit): "text_expired" | "text_gone" {
  const isPast = until !== undefined && Date.parse(until) + DAY_MS <= Date.now();
  return isPast ? "text_expired" : "text_gone";
}
