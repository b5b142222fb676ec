// How the elements look. Their colours are custom properties, so that a page can set its own.

import { sheet } from "./dom.js";

export const STYLE = sheet(`
:host {
  --_accent: var(--ilock-accent, light-dark(#0f6b5c, #4fc3a9));
  --_on-accent: var(--ilock-on-accent, light-dark(#ffffff, #06231d));
  --_ink: var(--ilock-ink, light-dark(#14211d, #ecf2ef));
  --_soft: var(--ilock-soft-ink, light-dark(#53635d, #a3b3ac));
  --_surface: var(--ilock-surface, light-dark(#ffffff, #17201d));
  --_sunken: var(--ilock-sunken, light-dark(#eef2f0, #0f1614));
  --_line: var(--ilock-line, light-dark(#dbe3df, #293631));
  --_green: var(--ilock-green, #12805c);
  --_red: var(--ilock-red, #c5303b);
  color-scheme: light dark;
  display: block;
  color: var(--_ink);
  font: 400 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", sans-serif;
}
:host([hidden]), [hidden] { display: none !important; }
* { box-sizing: border-box; margin: 0; }
button { font: inherit; color: inherit; border: 0; background: none; padding: 0; cursor: pointer; }
button:disabled { cursor: default; opacity: .45; }
:focus-visible { outline: 3px solid var(--_accent); outline-offset: 3px; }
.sr { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.icon { width: 24px; height: 24px; fill: none; stroke: currentColor; stroke-width: 1.8; stroke-linecap: round; stroke-linejoin: round; display: block; }

.shell { background: var(--_surface); border: 1px solid var(--_line); border-radius: 24px; overflow: hidden; }
.stage { position: relative; overflow: hidden; background: #101816; color: #f2f7f5; }
.remote, .remote video { position: absolute; inset: 0; width: 100%; height: 100%; }
.remote video { object-fit: cover; background: #101816; }
.local { position: absolute; top: 16px; right: 16px; width: 26%; max-width: 148px; border-radius: 14px; overflow: hidden; box-shadow: 0 4px 20px #0006; z-index: 2; }
.local video { display: block; width: 100%; aspect-ratio: 4 / 3; object-fit: cover; transform: scaleX(-1); }
.note { min-height: 24px; padding: 0 20px; text-align: center; color: var(--_soft); font-size: 14px; overflow-wrap: anywhere; }
.error { padding: 8px 20px 0; text-align: center; color: light-dark(#b02832, #ff8b92); font-size: 15px; font-weight: 550; white-space: pre-line; overflow-wrap: anywhere; }
.note:empty { visibility: hidden; }
.time { font-variant-numeric: tabular-nums; }
.chip { font-size: 14px; font-weight: 550; padding: 6px 14px; border-radius: 99px; background: var(--_accent); color: var(--_on-accent); display: inline-flex; align-items: center; gap: 6px; }
.chip .icon { width: 18px; height: 18px; }
.chip.hear { position: absolute; z-index: 3; top: 16px; left: 16px; }
/* Below the call that rings, where nobody can press it: the button that switches the ring tone on does the same. */
:host([ringing]:not([in-call])) .chip.hear { display: none; }
.round { width: 60px; height: 60px; border-radius: 50%; display: grid; place-items: center; color: #fff; transition: filter .15s, transform .15s; }
.round .icon { width: 28px; height: 28px; }
button.round:hover, .choice:hover .round { filter: brightness(1.12); }
button.round:active, .choice:active .round { transform: scale(.95); }
.round.red, .red .round { background: var(--_red); }
.round.green, .green .round { background: var(--_green); }
.round.quiet, .quiet .round { background: #ffffff2e; }
.round.quiet[aria-pressed=false] { background: #fff; color: #14211d; }
.controls { display: flex; justify-content: center; gap: 20px; }
/* However long a name is, what one can press stays where it is. */
.plate-name, .plate-place, .peer, .name, .caller-name, .caller-place { display: -webkit-box; -webkit-box-orient: vertical; -webkit-line-clamp: 2; overflow: hidden; overflow-wrap: anywhere; }

.door .stage { aspect-ratio: 4 / 3; border-radius: 23px 23px 0 0; }
.door .remote video { border-radius: inherit; }
.door .remote { border-radius: inherit; }
.plate { position: absolute; inset: 0; display: grid; grid-template-columns: minmax(0, 1fr); align-content: center; justify-items: center; gap: 4px; padding: 24px; text-align: center; background: radial-gradient(120% 120% at 50% 0%, #24433b 0%, #101816 70%); }
.plate-name { font-size: 28px; line-height: 1.3; font-weight: 650; letter-spacing: -.01em; -webkit-line-clamp: 3; }
.plate-place { color: #b9cbc4; }
@media (max-width: 400px) {
  /* Below the picture of oneself. */
  .stage:has(.local video) .plate { align-content: end; padding: 84px 16px 16px; }
  .stage:has(.local video) .plate-name { font-size: 22px; -webkit-line-clamp: 2; }
}
.door .time { position: absolute; left: 16px; bottom: 12px; padding: 2px 10px; border-radius: 99px; background: #0009; font-size: 14px; z-index: 2; }
.door .state { padding: 24px 20px 4px; text-align: center; font-size: 18px; font-weight: 600; }
.door .back { margin: 8px auto; }
.door .back:not([hidden]) { display: flex; width: fit-content; }
.door .controls { padding: 16px 20px 8px; }
.door .controls .round.quiet { background: var(--_sunken); color: var(--_ink); border: 1px solid var(--_line); }
.door .controls .round.quiet[aria-pressed=false] { background: var(--_ink); color: var(--_surface); }
.door .note { padding: 4px 20px 20px; min-height: 48px; }
.bell { position: relative; display: grid; place-items: center; width: 120px; height: 120px; margin: 16px auto 8px; border-radius: 50%; color: var(--_on-accent); background: var(--_accent); box-shadow: 0 0 0 10px color-mix(in srgb, var(--_accent) 14%, transparent); transition: transform .15s, box-shadow .2s; }
.bell .icon { width: 48px; height: 48px; stroke-width: 1.5; }
.bell:hover:enabled { box-shadow: 0 0 0 14px color-mix(in srgb, var(--_accent) 18%, transparent); }
.bell:active:enabled { transform: scale(.96); }

.phone { display: grid; grid-template-columns: minmax(0, 1fr); }
.header { display: flex; flex-wrap: wrap; align-items: center; gap: 10px; padding: 16px 20px; }
.name { font-size: 20px; font-weight: 650; letter-spacing: -.01em; margin-right: auto; min-width: 0; }
.pill { font-size: 14px; font-weight: 550; padding: 4px 12px; border-radius: 99px; background: var(--_sunken); display: inline-flex; align-items: center; gap: 8px; white-space: nowrap; }
.pill::before { content: ""; width: 8px; height: 8px; border-radius: 50%; background: #b8860b; }
.pill[data-link=ready]::before { background: var(--_green); }
.pill[data-link=offline]::before, .pill[data-link=logged_out]::before, .pill[data-link=taken_over]::before { background: var(--_red); }
.phone .stage { height: min(72vh, 580px); min-height: 440px; margin: 0 12px; border-radius: 18px; background: radial-gradient(120% 100% at 50% 0%, #24433b 0%, #101816 70%); }
.phone .remote video { border-radius: 18px; }
.phone .remote::after { content: ""; position: absolute; inset: 0; pointer-events: none; border-radius: 18px; }
:host([ringing]) .phone .remote::after, :host([in-call]) .phone .remote::after { background: linear-gradient(#000b 0%, #0008 22%, #0000 42%, #0000 52%, #000c 100%); }
.idle { position: absolute; inset: 0; display: grid; align-content: center; justify-items: center; gap: 4px; padding: 24px; text-align: center; color: #b9cbc4; }
.idle:focus-visible { outline-offset: -8px; border-radius: 18px; }
.idle .icon { width: 56px; height: 56px; stroke-width: 1.2; color: #6fd0b8; margin-bottom: 12px; }
.idle-title { font-size: 20px; font-weight: 600; color: #f2f7f5; }
.caption { position: absolute; top: 20px; left: 24px; right: 32%; z-index: 2; text-shadow: 0 1px 6px #000a; }
.peer { font-size: 22px; line-height: 1.3; font-weight: 650; }
.phone .controls { position: absolute; bottom: 28px; left: 0; right: 0; z-index: 2; }
/* What does not fit is scrolled to. In a call it ends above the buttons of the call. */
.incoming-list { position: absolute; inset: 0; z-index: 3; display: flex; flex-direction: column; gap: 8px; overflow: hidden auto; pointer-events: none; }
.incoming-list:empty { display: none; }
:host([in-call]) .incoming-list { bottom: 100px; }
.incoming { pointer-events: auto; flex: none; display: flex; flex-direction: column; gap: 20px; min-width: 0; }
.incoming:not(.second) { flex: 1 0 auto; justify-content: space-between; padding: 32px 20px 28px; text-align: center; text-shadow: 0 1px 8px #000b; animation: in .25s ease-out; }
.kind { font-size: 14px; color: #d5e4de; text-wrap: balance; }
.caller-name { font-size: 32px; line-height: 1.2; font-weight: 700; letter-spacing: -.015em; margin-top: 4px; -webkit-line-clamp: 3; }
.caller-place { color: #d5e4de; font-size: 17px; }
.actions { display: flex; justify-content: space-around; align-items: start; gap: 8px; }
.choice { display: grid; justify-items: center; gap: 8px; width: 96px; font-size: 14px; line-height: 1.3; font-weight: 550; color: #fff; }
.choice .round { width: 68px; height: 68px; }
.choice.green .round { animation: pulse 1.6s infinite; }
.incoming.second { margin: 12px 12px 0; padding: 14px 16px; border-radius: 16px; background: #0d1513f2; box-shadow: 0 8px 30px #0008; gap: 12px; }
.incoming:not(.second) + .second { margin: 0 12px 12px; }
.second .caller-name { font-size: 20px; margin: 0; -webkit-line-clamp: 1; }
.second .caller-place { font-size: 14px; -webkit-line-clamp: 1; }
.second .choice .round { width: 48px; height: 48px; animation: none; }
.second .choice { font-size: 12px; }
@media (max-height: 760px), (max-width: 400px) {
  /* Two that ring, on a small screen. */
  .incoming:not(.second):has(+ .second) { gap: 8px; padding: 16px 20px 8px; }
  .incoming:not(.second):has(+ .second) .caller-name { font-size: 24px; -webkit-line-clamp: 2; }
  .incoming:not(.second):has(+ .second) .caller-place { font-size: 15px; -webkit-line-clamp: 1; }
  .incoming:not(.second):has(+ .second) .choice { gap: 4px; }
  .incoming:not(.second):has(+ .second) .choice .round { width: 56px; height: 56px; }
  .incoming.second { padding: 10px 16px; gap: 8px; }
  .second .choice { gap: 4px; }
  .second .choice .round { width: 44px; height: 44px; }
}
@keyframes pulse { 0% { box-shadow: 0 0 0 0 #12805cb0; } 80%, 100% { box-shadow: 0 0 0 18px #12805c00; } }
@keyframes in { from { opacity: 0; transform: translateY(8px); } }

.calls { padding: 8px 12px 16px; border-top: 1px solid var(--_line); min-width: 0; }
.phone .note { padding-block: 8px; min-height: 40px; }
.calls-head { display: flex; flex-wrap: wrap; align-items: center; justify-content: space-between; gap: 0 10px; padding: 0 8px; }
.calls-title { font-size: 15px; font-weight: 600; padding: 8px 0; display: flex; align-items: center; gap: 10px; border-radius: 8px; }
.link { font-size: 14px; font-weight: 550; padding: 4px 0; color: var(--_accent); text-decoration: underline; text-underline-offset: 3px; white-space: nowrap; border-radius: 6px; }
.logins { margin: 12px 20px 0; padding: 12px 16px; border: 1px solid var(--_line); border-radius: 14px; background: var(--_sunken); font-size: 15px; overflow-wrap: anywhere; }
.main > .link { display: block; margin: 0 auto 12px; }
.badge { font-size: 13px; font-weight: 550; padding: 1px 10px; border-radius: 99px; white-space: nowrap; color: #fff; background: var(--_red); }
.none { padding: 8px; color: var(--_soft); }
.rows { list-style: none; padding: 0; max-height: 420px; overflow: auto; }
.row { position: relative; display: flex; align-items: center; gap: 12px; padding: 10px 8px; border-radius: 12px; color: inherit; text-decoration: none; }
a.row:hover { background: var(--_sunken); }
.way { flex: none; width: 36px; height: 36px; border-radius: 50%; display: grid; place-items: center; background: var(--_sunken); color: var(--_accent); }
.way.missed { color: light-dark(var(--_red), #ff8b92); }
.way .icon { width: 18px; height: 18px; }
.what { flex: 1; min-width: 0; display: grid; }
.what strong { font-weight: 600; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.what small, .row time { font-size: 14px; color: var(--_soft); }
.new { font-size: 12px; font-weight: 600; margin-left: 8px; padding: 0 7px; border-radius: 99px; color: #fff; background: var(--_red); }
li[data-unseen] .what strong { font-weight: 750; }
li[data-state=missed] .what small { color: light-dark(#b02832, #ff8b92); }
@media (min-width: 860px) {
  .phone { grid-template-columns: minmax(0, 1fr) 336px; }
  .calls { border-top: 0; border-left: 1px solid var(--_line); }
  .rows { max-height: 560px; }
}
@media (prefers-reduced-motion: reduce) {
  * { animation: none !important; transition: none !important; }
}
`);
