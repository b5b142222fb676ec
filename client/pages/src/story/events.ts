// What `GET /api/audit/calls/{call_id}/events` answers.

export type Party = { kind: "user" | "device"; id: string };
export type Actor = { kind: "user"; id: string; client?: string } | { kind: "device"; id: string } | { kind: "timer" | "system" };
export type State = "ringing" | "active" | "rejected" | "cancelled" | "missed" | "ended" | "failed";

export interface Commit {
  call_id: string;
  n: number;
  prev: string;
  cmd: { kind: string };
  events: { type: string; v: number; data?: Record<string, unknown> }[];
  state: State;
  actor: Actor;
  at: number;
  hash: string;
}

export interface Outcome {
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
}

export interface Personal {
  salt: string;
  text: string;
  digest: string;
}

export interface CallEvents {
  call_id: string;
  commits: Commit[];
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
  return (text === undefined ? undefined : said(text).caller_info?.name) || (parties?.caller.id ?? "");
}

/** What a push says where no phone has a push token: nothing was to be sent. */
const NOBODY = "no phone to tell";

/** Whether there was nobody to tell. */
export function hadNobody({ error }: Outcome): boolean {
  return error === NOBODY;
}

/** The outcomes of all rounds of delivering one commit's notices, each notice once: the one that was handed over. */
export function outcomes({ receipts }: CallEvents, n: number): (Outcome & { path: string })[] {
  const all = new Map<string, Outcome & { path: string }>();
  for (const receipt of receipts.filter((receipt) => receipt.n === n)) {
    for (const [index, outcome] of Object.entries(receipt.notices)) {
      const known = all.get(index);
      if (known === undefined || known.error !== undefined) all.set(index, { ...outcome, path: receipt.path });
    }
  }
  return [...all.values()];
}
