// A minimal client of Lambda's Runtime API. Amazon's own client (npm aws-lambda-ric) compiles curl when it is
// installed, and does more, so this favours Node.

import http from "node:http";
import { handler } from "./get-call.mjs";

const [host, port] = process.env.AWS_LAMBDA_RUNTIME_API.split(":");
const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });

const ask = (method, path, body) =>
  new Promise((resolve, reject) => {
    const request = http.request({ host, port, agent, method, path: `/2018-06-01/runtime/invocation/${path}` }, (answer) => {
      let text = "";
      answer.setEncoding("utf8");
      answer.on("data", (part) => (text += part));
      answer.on("end", () => resolve({ id: answer.headers["lambda-runtime-aws-request-id"], text }));
      answer.on("error", reject);
    });
    request.on("error", reject);
    request.end(body);
  });

for (;;) {
  const { id, text } = await ask("GET", "next");
  try {
    await ask("POST", `${id}/response`, JSON.stringify(await handler(JSON.parse(text))));
  } catch (error) {
    await ask("POST", `${id}/error`, JSON.stringify({ errorType: error.name, errorMessage: error.message }));
  }
}
