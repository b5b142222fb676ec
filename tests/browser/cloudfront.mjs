// A deployment's CloudFront, as template.yaml describes it: the function's very code, the policy's headers, the pages' files,
// and the API behind the same name, which here is that of `ilock dev`.

import assert from "node:assert/strict";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer, request } from "node:http";
import { runInNewContext } from "node:vm";

import { parse } from "yaml";

const ROOT = new URL("../../", import.meta.url);
const KINDS = { html: "text/html; charset=utf-8", css: "text/css; charset=utf-8", js: "text/javascript; charset=utf-8", svg: "image/svg+xml" };

// Tags are left out: `!Sub [text, values]` reads as a list.
const { Resources: RESOURCES } = parse(await readFile(new URL("template.yaml", ROOT), "utf8"), { logLevel: "error" });

/** `text` of the template with its `${Name}` replaced. */
function filled(text, values) {
  return text.replace(/\$\{([^}]+)\}/g, (_, name) => {
    assert.ok(name in values, `the template has \${${name}}`);
    return values[name];
  });
}

/** What the function makes of a request. */
export function paths(room) {
  const [code] = RESOURCES.PagesPaths.Properties.FunctionCode;
  const handler = runInNewContext(`${filled(code, { Room: room })}; handler`);
  return (uri) => handler({ version: "1.0", request: { method: "GET", uri, querystring: {}, headers: {}, cookies: {} } });
}

function policy(broker) {
  const config = RESOURCES.PagesHeaders.Properties.ResponseHeadersPolicyConfig;
  const [csp] = config.SecurityHeadersConfig.ContentSecurityPolicy.ContentSecurityPolicy;
  const custom = config.CustomHeadersConfig.Items.map(({ Header, Value }) => [Header, Value]);
  return {
    // The broker here speaks no TLS.
    "content-security-policy": filled(csp.replace("wss://", "ws://"), { "IotEndpoint.WebsocketHost": broker.host, TrtcHosts: "" }),
    "referrer-policy": config.SecurityHeadersConfig.ReferrerPolicy.ReferrerPolicy,
    "x-content-type-options": "nosniff",
    ...Object.fromEntries(custom),
  };
}

export class CloudFront {
  /** In front of this stack. */
  static async start(stack, room = "none") {
    const front = new CloudFront(stack, room);
    await once(front.server.listen(0, "127.0.0.1"), "listening");
    front.http = `http://127.0.0.1:${front.server.address().port}`;
    return front;
  }

  constructor(stack, room) {
    this.api = new URL(stack.http);
    this.headers = policy(new URL(stack.process.at.ws));
    this.paths = paths(room);
    /** What was asked, as an access log has it. */
    this.asked = [];
    this.server = createServer((asked, answer) => this.serve(asked, answer).catch((error) => answer.destroy(error)));
  }

  async serve(asked, answer) {
    this.asked.push(`${asked.method} ${asked.url} ${asked.headers.referer ?? ""}`);
    const { pathname } = new URL(asked.url, this.http);
    if (pathname.startsWith("/api/")) return this.passOn(asked, answer);
    if (asked.method !== "GET" && asked.method !== "HEAD") return answer.writeHead(403).end();
    const result = this.paths(pathname);
    if (result.statusCode !== undefined) {
      const headers = Object.entries(result.headers).map(([name, { value }]) => [name, value]);
      return answer.writeHead(result.statusCode, Object.fromEntries(headers)).end(result.body);
    }
    const name = result.uri.replace("/pages/", "");
    const file = await readFile(new URL(`client/pages/dist/${name}`, ROOT)).catch(() => undefined);
    // S3 does not tell who may not list that nothing is there.
    if (file === undefined) return answer.writeHead(403, this.headers).end();
    answer.writeHead(200, { ...this.headers, "content-type": KINDS[name.split(".").at(-1)], "cache-control": "no-cache" }).end(file);
  }

  passOn(asked, answer) {
    const { host: _, ...headers } = asked.headers;
    const passed = request({ host: this.api.hostname, port: this.api.port, method: asked.method, path: asked.url, headers }, (got) => {
      answer.writeHead(got.statusCode, got.headers);
      got.pipe(answer);
    });
    passed.on("error", (error) => answer.destroy(error));
    asked.pipe(passed);
  }

  async stop() {
    this.server.closeAllConnections();
    await new Promise((closed) => this.server.close(closed));
  }
}
