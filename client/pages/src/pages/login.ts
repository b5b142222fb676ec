// Who a page is: `ilock dev` signs a token for anybody, while it uses the development secret. With a login service of
// one's own the page takes one of its access tokens: out of the address, behind `#token=`, or from the person. The tab
// keeps it while it is open, or until the person logs out.

import { h } from "../elements/dom.js";
import { foreign } from "../elements/foreign.js";
import { inTab } from "../elements/storage.js";
import type { TokenSource } from "../elements/tokens.js";
import { isChinese } from "../elements/language.js";
import { config } from "./config.js";
import { language, showWord } from "./frame.js";
import { tabWord } from "./tab.js";

/** The longest session that the server takes. */
const LONGEST_SESSION_BYTES = 128;

type Role = "user" | "device" | "auditor";

const EN = {
  user: "The access token of {sub}",
  device: "The access token of the door station {sub}",
  auditor: "An auditor's access token",
  refused: "This access token is not accepted. Give another one.",
  another: "This is the access token of {other}, and the page is that of {sub}. Give the token of {sub}.",
  somebody: "somebody else",
  log_in: "Log in",
};

const ZH: typeof EN = {
  user: "{sub} 的访问令牌",
  device: "门口机 {sub} 的访问令牌",
  auditor: "审计员的访问令牌",
  refused: "此访问令牌不被接受，请填入另一个。",
  another: "这是 {other} 的访问令牌，而本页属于 {sub}。请填入 {sub} 的令牌。",
  somebody: "他人",
  log_in: "登录",
};

function place(role: Role, sub: string): string {
  return `ilock.token.${role}.${sub}`;
}

function placeOfLogout(role: Role, sub: string): string {
  return `ilock.logged-out.${role}.${sub}`;
}

/** How often this party was logged out in this tab: each login is a session of its own, because a logout ends the session for good. */
function placeOfCount(role: Role, sub: string): string {
  return `ilock.logouts.${role}.${sub}`;
}

/** Whether this person has logged out in this tab, and not in again. */
export function isLoggedOut(role: Role, sub: string): boolean {
  return inTab.get(placeOfLogout(role, sub)) !== undefined;
}

/** The login has ended. Where the person wished it, the tab forgets their token, and asks for none until they want to log in. */
export function endLogin(role: Role, sub: string, byUser: boolean): void {
  inTab.set(placeOfCount(role, sub), String(logouts(role, sub) + 1));
  if (!byUser) return;
  inTab.remove(place(role, sub));
  inTab.set(placeOfLogout(role, sub), "yes");
}

/** The person wants to log in again. */
export function beginLogin(role: Role, sub: string): void {
  inTab.remove(placeOfLogout(role, sub));
}

function logouts(role: Role, sub: string): number {
  return Number(inTab.get(placeOfCount(role, sub)) ?? 0);
}

/** Tokens for `sub`, another one each time; `undefined` from the person's logout until they want to log in. */
export function tokenFor(role: Role, sub: string): TokenSource {
  takeFromAddress(role, sub);
  let given: string | undefined;
  let asked: Promise<string> | undefined;
  return async () => {
    if ((await config()).login === "demo") return demoToken(role, sub);
    // What the logout itself left to do, before the page was loaded again, asks nobody.
    if (isLoggedOut(role, sub)) return undefined;
    const kept = inTab.get(place(role, sub));
    // Whoever asks once more was refused with this one.
    const why = kept === undefined ? undefined : kept === given ? text().refused : whyNotOf(role, sub, kept);
    if (why !== undefined) inTab.remove(place(role, sub));
    // Whoever asks meanwhile waits for the same form.
    const known = why === undefined ? kept : undefined;
    given = known ?? (await (asked ??= askFor(role, sub, why).finally(() => (asked = undefined))));
    inTab.set(place(role, sub), given);
    inTab.remove(placeOfLogout(role, sub));
    return given;
  };
}

function text(): typeof EN {
  return isChinese(language()) ? ZH : EN;
}

/** A fragment is sent to no server. It leaves the address bar and the history as soon as it is read. */
function takeFromAddress(role: Role, sub: string): void {
  const token = tokenInAddress();
  if (token !== undefined) {
    inTab.set(place(role, sub), token);
    inTab.remove(placeOfLogout(role, sub));
    history.replaceState(history.state, "", location.pathname + location.search);
  }
  // A link to the page that is open already loads nothing.
  addEventListener("hashchange", () => tokenInAddress() !== undefined && location.reload());
}

function tokenInAddress(): string | undefined {
  return new URLSearchParams(location.hash.slice(1)).get("token")?.trim() || undefined;
}

async function demoToken(role: Role, sub: string): Promise<string> {
  const session = sessionOf(await tabWord(), role, sub);
  const answer = await fetch("/dev/token", { method: "POST", body: JSON.stringify({ sub, role, session }) });
  const { message, data } = (await answer.json()) as { message: string; data: { token?: string } | null };
  if (answer.ok && data?.token !== undefined) return data.token;
  // What is refused now is refused the next time, too.
  if (answer.status < 500) showWord("no_token", message);
  throw new Error(`no token for ${sub}: ${answer.status} ${message}`);
}

/** The login session of this tab. The tab's own word stands first: what is cut off is the end of a long id. */
function sessionOf(tab: string, role: Role, sub: string): string {
  const whole = `${tab}-${logouts(role, sub)}-${role}-${sub}`;
  // As many whole characters as there is room for.
  const { read } = new TextEncoder().encodeInto(whole, new Uint8Array(LONGEST_SESSION_BYTES));
  return whole.slice(0, read);
}

/** Why this token is not that of the page's person or door station, where one can see that. Which claim names its owner is the
 * operator's setting, but the id stands somewhere in a token that is theirs. Any auditor's is as good as another. */
function whyNotOf(role: Role, sub: string, token: string): string | undefined {
  const claims = claimsOf(token);
  if (role === "auditor" || claims === undefined || holds(claims, sub)) return undefined;
  const other = claims["sub"] === undefined ? text().somebody : String(claims["sub"]);
  return text().another.replaceAll("{sub}", () => foreign(sub)).replace("{other}", () => foreign(other));
}

/** What a token says; `undefined` where it is no JWT. */
function claimsOf(token: string): Record<string, unknown> | undefined {
  try {
    const payload = atob((token.split(".")[1] ?? "").replaceAll("-", "+").replaceAll("_", "/"));
    const claims: unknown = JSON.parse(new TextDecoder().decode(Uint8Array.from(payload, (c) => c.charCodeAt(0))));
    return typeof claims === "object" && claims !== null ? (claims as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

function holds(claim: unknown, id: string): boolean {
  if (typeof claim === "object" && claim !== null) return Object.values(claim).some((inner) => holds(inner, id));
  return String(claim) === id;
}

/** Asks the person for an access token of the operator's login service; `why` says why the last one was of no use. */
async function askFor(role: Role, sub: string, why: string | undefined): Promise<string> {
  const token = await form(text()[role].replace("{sub}", () => foreign(sub)), why);
  const whyNot = whyNotOf(role, sub, token);
  return whyNot === undefined ? token : askFor(role, sub, whyNot);
}

function form(label: string, why: string | undefined): Promise<string> {
  return new Promise((done) => {
    const field = h("textarea", { id: "token", autocomplete: "off", spellcheck: "false", required: true });
    const made = h("form", { class: "panel login", "data-testid": "login", submit: (event) => {
      event.preventDefault();
      made.remove();
      done(field.value.trim());
    } }, why === undefined ? undefined : h("p", { role: "alert" }, why),
      h("label", { for: "token" }, label), field, h("button", { class: "button main", type: "submit" }, text().log_in));
    document.querySelector("main")?.prepend(made);
  });
}
