// MQTT.js by itself, as an app that connects and rings: what a maker gets who writes the signalling by hand. It waits one second between
// attempts, which is the library's own choice, subscribes at each connect, and registers again when it is refused.

import mqtt from "../../../web/node_modules/mqtt/build/index.js";

const { CLIENT_SERVER: server, CLIENT_TOKEN: token, CLIENT_ID: client_id } = process.env;
const tell = (event, fields = {}) => process.stdout.write(`${JSON.stringify({ event, ...fields })}\n`);

async function register() {
  const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
  const answer = await fetch(`${server}/api/mqtt/clients/register`, { method: "POST", headers, body: JSON.stringify({ client_id }) });
  return (await answer.json()).data;
}

const { mqtt_credentials: login, topics } = await register();
const client = mqtt.connect(login.websocket_url, {
  clientId: login.client_id,
  username: login.username,
  password: login.password,
  protocolVersion: 5,
  clean: false,
  properties: { sessionExpiryInterval: 3600 },
  keepalive: 60,
});
client.on("connect", () => client.subscribe(Object.values(topics), { qos: 1 }, () => tell("online")));
client.on("close", () => tell("offline"));
client.on("error", async ({ code }) => {
  if (code !== 0x87 && code !== 5) return;
  const fresh = (await register()).mqtt_credentials;
  client.options.password = fresh.password;
  client.reconnect();
});
client.on("message", (topic, payload) => {
  if (!topic.endsWith("/calls/incoming")) return;
  const call = JSON.parse(payload);
  tell("ring", { call_id: call.call_id, caller_name: call.caller_info.name });
});
process.stdin.resume();
process.stdin.on("end", () => process.exit());
