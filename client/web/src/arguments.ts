// What the app hands in. A mistake of the program is a TypeError that names the argument and says what would be right, whichever
// method it is; what only the backend can know comes as a `problem`.

interface Rule {
  /** What would be right. */
  says: string;
  holds: (value: unknown) => boolean;
}

const isText = (value: unknown) => typeof value === "string";
const isAbsent = (value: unknown) => value === undefined || value === null;

function isWhole(value: unknown, least: number, most: number): boolean {
  return Number.isSafeInteger(value) && (value as number) >= least && (value as number) <= most;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** JSON holds no circle and no BigInt. */
function isJsonObject(value: unknown): boolean {
  try {
    return isObject(value) && JSON.stringify(value) !== undefined;
  } catch {
    return false;
  }
}

const text: Rule = { says: "a text", holds: isText };
const json: Rule = { says: "an object that JSON can hold", holds: isJsonObject };
const oneOf = (...values: string[]): Rule => ({ says: values.map((value) => JSON.stringify(value)).join(" or "), holds: (value) => values.includes(value as string) });
const whole = (least: number, most: number): Rule => ({ says: `a whole number, ${least} to ${most}`, holds: (value) => isWhole(value, least, most) });
const optional = ({ says, holds }: Rule): Rule => ({ says: `${says}, or be left out`, holds: (value) => isAbsent(value) || holds(value) });

const RULES = {
  server: text,
  token: { says: "a function", holds: (value) => typeof value === "function" },
  role: oneOf("phone", "door"),
  clientId: text,
  appVersion: optional(text),
  language: optional(text),
  saved: optional(text),
  callId: text,
  reason: optional(text),
  callees: { says: "a text or a list of texts", holds: (value) => [value].flat().every(isText) },
  callerInfo: optional(json),
  invitationData: optional(json),
  ringSeconds: optional(whole(5, 120)),
  until: { says: "a whole number of milliseconds since 1970", holds: (value) => isWhole(value, 0, Number.MAX_SAFE_INTEGER) },
  status: oneOf("active", "background", "offline"),
  priority: whole(0, 10),
  push_token: optional(text),
  voip_token: optional(text),
  environment: optional(oneOf("production", "sandbox")),
  tokens: { says: "an object", holds: isObject },
  data: json,
  online: { says: "true or false", holds: (value) => typeof value === "boolean" },
} satisfies Record<string, Rule>;

/** Throws where one of these is wrong. */
export function check(given: Partial<Record<keyof typeof RULES, unknown>>): void {
  for (const [name, value] of Object.entries(given)) {
    const { says, holds } = RULES[name as keyof typeof RULES];
    if (!holds(value)) throw new TypeError(`${name} must be ${says}, not ${shown(value)}`);
  }
}

function shown(value: unknown): string {
  return typeof value === "string" ? JSON.stringify(value.slice(0, 40)) : isObject(value) ? "an object" : String(value);
}
