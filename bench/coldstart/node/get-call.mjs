// GET /api/calls/{call_id}, minimally: the token, one Query, the envelope. No hash chain, no ended logins, no UserSig.

import { createHmac, timingSafeEqual } from "node:crypto";
import { DynamoDBClient, QueryCommand } from "@aws-sdk/client-dynamodb";

const LEEWAY = 60;

const { EVENTS_TABLE, AUTH_SECRET, AUTH_AUDIENCE, COLDSTART_WARM } = process.env;
const dynamodb = new DynamoDBClient({});

const query = (pk) =>
  dynamodb.send(
    new QueryCommand({
      TableName: EVENTS_TABLE,
      KeyConditionExpression: "pk = :pk",
      ExpressionAttributeValues: { ":pk": { S: pk } },
      ConsistentRead: true,
    }),
  );

// In init, as the binary does it.
if (COLDSTART_WARM === "on") await query("-");

export async function handler(event) {
  const caller = verified(event.headers.authorization);
  if (!caller) return answer(401, { code: 40101, message: "未通过身份验证", data: null });
  const callId = event.rawPath.slice("/api/calls/".length);
  const { Items } = await query(`call#${callId}`);
  const call = view(callId, Items.map((item) => plain({ M: item })));
  if (!call || call.tenant !== (caller.tenant ?? "default") || !call.parties.includes(caller.sub))
    return answer(404, { code: 40401, message: "通话不存在", data: null });
  return answer(200, { code: 0, message: "成功", data: call.seenBy(caller.sub) });
}

const answer = (statusCode, envelope) => ({
  statusCode,
  headers: { "content-type": "application/json" },
  body: JSON.stringify(envelope),
});

// The claims of an HS256 token that is signed, meant for us, and valid now.
function verified(authorization = "") {
  const [header, claims, signature] = authorization.replace(/^bearer /i, "").split(".");
  if (!signature) return;
  const read = (part) => JSON.parse(Buffer.from(part, "base64url"));
  const right = createHmac("sha256", AUTH_SECRET).update(`${header}.${claims}`).digest();
  const given = Buffer.from(signature, "base64url");
  if (read(header).alg !== "HS256" || given.length !== right.length || !timingSafeEqual(given, right)) return;
  const { exp, aud, ...rest } = read(claims);
  const now = Date.now() / 1000;
  if (exp + LEEWAY > now && [aud].flat().includes(AUTH_AUDIENCE)) return rest;
}

// What DynamoDB means by a typed value.
function plain(value) {
  const [[kind, it]] = Object.entries(value);
  if (kind === "M") return Object.fromEntries(Object.entries(it).map(([name, value]) => [name, plain(value)]));
  if (kind === "L") return it.map(plain);
  if (kind === "NULL") return null;
  return kind === "N" ? Number(it) : it;
}

function view(callId, items) {
  const commits = items.filter(({ sk }) => sk.startsWith("commit#"));
  const [first] = commits;
  if (!first) return;
  const last = commits.at(-1);
  const { data: placed } = first.events[0];
  const personal = items.find(({ sk, digest }) => sk.startsWith("personal#") && digest === placed.personal);
  const text = personal && JSON.parse(personal.text);
  const callees = placed.callees.map(({ id }) => id);
  const accepted = commits.find(({ events }) => events.some(({ type }) => type === "CallAccepted"));
  const reason = last.events.at(-1).data.reason;
  return {
    tenant: first.tenant,
    parties: [placed.caller.id, ...callees],
    seenBy: (party) => ({
      call_id: callId,
      state: last.state,
      seq: last.n,
      caller_id: placed.caller.id,
      callee_id: callees.includes(party) ? party : callees[0],
      ...(party === placed.caller.id && { callee_ids: callees }),
      repeated: false,
      caller_info: text?.caller_info ?? {},
      ...(text?.invitation_data && { invitation_data: text.invitation_data }),
      timestamp: first.at,
      expires_at: placed.deadline,
      remaining_ms: last.state === "ringing" ? Math.max(0, placed.deadline - Date.now()) : 0,
      ...(accepted && { answered_by: accepted.actor.client ?? accepted.actor.id, answered_at: accepted.at }),
      ...(reason && { reason }),
    }),
  };
}
