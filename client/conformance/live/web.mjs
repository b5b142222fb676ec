// The client in Node, as the live cases drive it: see README.md.

import { createInterface } from "node:readline";

import { Client } from "../../web/dist/index.js";

const { CLIENT_SERVER: server, CLIENT_TOKEN: token, CLIENT_ID: clientId, CLIENT_ROLE: role } = process.env;
const tell = (event, fields = {}) => process.stdout.write(`${JSON.stringify({ event, ...fields })}\n`);

const client = await Client.create({ server, token: () => token, clientId, role });
for (const event of ["online", "offline", "taken_over", "logged_out"]) client.on(event, () => tell(event));
client.on("ring", ({ call }) => tell("ring", { call_id: call.call_id, caller_name: call.caller_name }));
client.on("enter_room", ({ call_id, room }) => tell("enter_room", { call_id, room_id: room.room_id }));
for (const event of ["stop_ringing", "leave_room", "call_over"]) client.on(event, ({ call_id }) => tell(event, { call_id }));
client.on("progress", ({ progress, call_id }) => tell("progress", { progress, call_id }));
client.on("problem", ({ problem }) => tell("problem", { code: problem.code }));
await client.start();

const verbs = {
  answer: ({ call_id }) => client.answer(call_id),
  reject: ({ call_id }) => client.reject(call_id),
  decline: ({ call_id }) => client.decline(call_id),
  hang_up: ({ call_id }) => client.hangUp(call_id),
  press: ({ callee }) => client.press(callee, { callerInfo: { name: "前门设备" } }),
};
createInterface(process.stdin)
  .on("line", (line) => {
    const command = JSON.parse(line);
    verbs[command.do]?.(command);
  })
  .on("close", () => client.close());
