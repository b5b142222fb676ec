// The fold of a call with @castore/core: fold.mjs FILE CALLS. It prints what it measured, a JSON object a line.

import { createReadStream, readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { EventStore, EventType } from "@castore/core";

const [path, most] = [process.argv[2], Number(process.argv[3])];
const { version } = JSON.parse(readFileSync(new URL("./node_modules/@castore/core/package.json", import.meta.url)));

const names = ["Placed", "Alerted", "Declined", "Accepted", "Rejected", "Cancelled", "Missed", "Ended", "Failed"];

/** The call after somebody is out of it: rejected once everybody is. */
function withoutThem(call, version, winner) {
  const isOut = ({ id, clients }) => call.rejected.has(id) || clients.every((client) => call.declined.has(client));
  return call.callees.every(isOut) ? { ...call, version, state: "rejected", winner } : { ...call, version };
}

function reducer(call, { aggregateId, version, type, payload }) {
  const { actor } = payload;
  switch (type) {
    case "CallPlaced":
      return {
        ...payload, aggregateId, version, state: "ringing", winner: actor, rejected: new Set(), declined: new Set(),
      };
    case "CallAlerted":
      return { ...call, version, alerted: payload.client_id };
    case "CallDeclined":
      call.declined.add(payload.client_id);
      return withoutThem(call, version, actor);
    case "CallAccepted":
      return { ...call, version, state: "active", winner: actor, answeredBy: actor };
    case "CallRejected":
      call.rejected.add(payload.callee);
      return withoutThem(call, version, actor);
    case "CallCancelled":
      return { ...call, version, state: "cancelled", winner: actor };
    case "CallMissed":
      return { ...call, version, state: "missed", winner: actor };
    case "CallEnded":
      return { ...call, version, state: "ended", winner: actor };
    case "CallFailed":
      return { ...call, version, state: "failed", winner: actor };
    default:
      throw new Error(type);
  }
}

const calls = new EventStore({
  eventStoreId: "calls",
  eventTypes: names.map((name) => new EventType({ type: `Call${name}` })),
  reducer,
});

/** The events of a line, as the library has them. */
function eventsOf(line) {
  const events = [];
  for (const { n, at, actor, events: stored } of line.commits) {
    for (const { type, data } of stored) {
      const timestamp = new Date(at).toISOString();
      events.push({ aggregateId: line.call, version: n, type, timestamp, payload: { ...data, actor } });
    }
  }
  return events;
}

async function eachLine(take) {
  const input = createReadStream(path, { highWaterMark: 1 << 18 });
  let number = 0;
  for await (const text of createInterface({ input, crlfDelay: Infinity })) {
    if (number > 0) take(text);
    if (number++ === most) break;
  }
  input.destroy();
}

function say(what, commits, since, bytes, states) {
  const { user, system } = process.cpuUsage(since);
  const seconds = (user + system) / 1e6;
  const peak_kb = process.resourceUsage().maxRSS;
  console.log(JSON.stringify({ who: `@castore/core ${version}`, what, commits, seconds, bytes, peak_kb, states }));
}

let [states, commits, bytes] = [{}, 0, 0];
let since = process.cpuUsage();
await eachLine((text) => {
  bytes += text.length;
  const events = eventsOf(JSON.parse(text));
  const { state } = calls.buildAggregate(events);
  states[state] = (states[state] ?? 0) + 1;
  commits += events.length;
});
say("replay", commits, since, bytes, states);

const read = [];
await eachLine((text) => read.push(eventsOf(JSON.parse(text))));
[states, commits] = [{}, 0];
since = process.cpuUsage();
for (const events of read) {
  const { state } = calls.buildAggregate(events);
  states[state] = (states[state] ?? 0) + 1;
  commits += events.length;
}
say("fold", commits, since, 0, states);
