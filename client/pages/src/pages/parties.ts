// The pages of a door and of a phone.

import type { CallInfo } from "@ilock/client";

import type { IlockElement, LinkState } from "../elements/element.js";
import { foreign } from "../elements/foreign.js";
import { isChinese } from "../elements/language.js";
import { faultOf, faultText } from "../elements/rules.js";
import { inTab } from "../elements/storage.js";
import { words } from "../elements/words.js";
import { config } from "./config.js";
import { frame, language, linkTo, showWrong } from "./frame.js";
import { beginLogin, endLogin, isLoggedOut, tokenFor } from "./login.js";
import { tabWord } from "./tab.js";

function query(name: string, otherwise: string): string {
  return new URLSearchParams(location.search).get(name) ?? otherwise;
}

/** The operator's copy of trtc-sdk-v5, beside the pages' own files: trtc.js of that package, or all of it in one module. */
const TRTC = "/pages/trtc.esm.js";

/** What an element must be told of the room. */
async function room(): Promise<Record<string, string>> {
  const { room } = await config();
  return room === "trtc" ? { trtc: TRTC } : room === "none" ? { room } : {};
}

/** Whether somebody can have this id; says what is wrong with it. All other fields are the element's, which checks them. */
function isParty(field: "user" | "device", id: string): boolean {
  const fault = faultOf(field, id);
  if (fault !== undefined) showWrong(faultText(fault, words(language())));
  return fault === undefined;
}

function element(tag: "ilock-door" | "ilock-phone", attributes: Record<string, string>): IlockElement {
  const made = document.createElement(tag) as IlockElement;
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}

/** `/door?device=ID&callee=USER[&client=NAME][&name=…][&location=…][&ring-seconds=…]` */
export async function doorPage(): Promise<void> {
  const chinese = isChinese(language());
  const device = query("device", "front-door");
  const token = tokenFor("device", device);
  const main = frame("door");
  if (!isParty("device", device)) return;
  const client = query("client", "panel");
  const door = element("ilock-door", {
    callee: query("callee", "anna"),
    client,
    name: query("name", chinese ? "前门" : "Front door"),
    location: query("location", chinese ? "小区大门" : "Main entrance"),
    "ring-seconds": query("ring-seconds", "30"),
    keep: `ilock.door.${device}.${client}`,
    ...(await room()),
  });
  door.token = token;
  endsLogin(door, "device", device);
  document.title = `${foreign(door.getAttribute("name") || device)} · iLock Call`;
  main.append(door);
}

/** `/phone?user=ID[&client=NAME][&name=…]`; without a client's name each tab is a phone of its own. */
export async function phonePage(): Promise<void> {
  const user = query("user", "anna");
  const wasOut = isLoggedOut("user", user);
  const token = tokenFor("user", user);
  const main = frame("phone");
  if (!isParty("user", user)) return;
  const client = new URLSearchParams(location.search).get("client") ?? `tab-${await tabWord()}`;
  const name = query("name", user);
  const keep = `ilock.phone.${user}.${client}`;
  // A token in the address is a login: what was kept says that nobody is logged in.
  if (wasOut && !isLoggedOut("user", user)) inTab.remove(keep);
  const phone = element("ilock-phone", { client, name, keep, "story-href": linkTo("/story/{call_id}"), ...(await room()) });
  phone.token = token;
  endsLogin(phone, "user", user);
  showInTitle(phone, name);
  main.append(phone);
}

function endsLogin(element: IlockElement, role: "user" | "device", id: string): void {
  let before: LinkState | undefined;
  listen(element, "ilock-link", ({ link, why }: { link: LinkState; why?: string }) => {
    if (link === "logged_out") endLogin(role, id, why === "by_user");
    else if (before === "logged_out") beginLogin(role, id);
    before = link;
  });
}

function listen<T>(element: HTMLElement, name: string, listener: (detail: T) => void): void {
  element.addEventListener(name, (event) => listener((event as CustomEvent<T>).detail));
}

/** The tab's title says who rings, as long as anybody does, and how many missed calls are unseen. */
function showInTitle(phone: HTMLElement, name: string): void {
  const ringing = new Map<string, string>();
  let unseen = 0;
  const title = () => {
    const [first] = ringing.values();
    document.title = first === undefined ? `${unseen > 0 ? `(${unseen}) ` : ""}${foreign(name)} · iLock Call` : `🔔 ${foreign(first)}`;
  };
  title();
  listen(phone, "ilock-ring", ({ call }: { call: CallInfo }) => {
    ringing.set(call.call_id, call.caller_name);
    title();
  });
  for (const ends of ["ilock-call", "ilock-over"]) {
    listen(phone, ends, ({ callId }: { callId: string }) => {
      ringing.delete(callId);
      title();
    });
  }
  listen(phone, "ilock-unseen", ({ count }: { count: number }) => {
    unseen = count;
    title();
  });
}
