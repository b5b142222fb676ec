// The network between the client and the backend: it breaks, and loses answers.

import { createServer, request } from "node:http";
import { connect, createServer as createTcpServer } from "node:net";
import { once } from "node:events";

async function listen(server) {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return server.address().port;
}

/** What listens on a port, and can be cut. */
class Breakable {
  sockets = new Set();
  isCut = false;

  /** Breaks every connection, and lets none come about. */
  cut() {
    this.isCut = true;
    this.drop();
  }

  drop() {
    this.sockets.forEach((socket) => socket.destroy());
  }

  mend() {
    this.isCut = false;
  }

  close() {
    this.cut();
    this.server.close();
  }
}

/** Passes on what comes to its port to another one, until it is cut. */
export class Wire extends Breakable {
  static async open() {
    const wire = new Wire();
    wire.server = createTcpServer((near) => wire.join(near));
    wire.port = await listen(wire.server);
    return wire;
  }

  join(near) {
    near.on("error", () => {});
    if (this.isCut || this.to === undefined) return near.destroy();
    const far = connect(this.to, "127.0.0.1");
    for (const [socket, other] of [[near, far], [far, near]]) {
      this.sockets.add(socket);
      socket.on("error", () => other.destroy());
      socket.on("close", () => {
        this.sockets.delete(socket);
        other.destroy();
      });
      socket.on("end", () => other.end());
      socket.pipe(other);
    }
  }
}

/** Passes on requests, and does to some of them what a test asks for. */
export class Gateway extends Breakable {
  /** What is done to the next request that fits: `{ fits, lose }` or `{ fits, answer: { status, headers, body } }`. */
  plans = [];
  /** `POST /api/calls`, with the Idempotency-Key. */
  seen = [];

  static async open() {
    const gateway = new Gateway();
    gateway.server = createServer((asked, answer) => void gateway.pass(asked, answer));
    gateway.server.on("connection", (socket) => {
      gateway.sockets.add(socket);
      socket.on("close", () => gateway.sockets.delete(socket));
      if (gateway.isCut) socket.destroy();
    });
    gateway.port = await listen(gateway.server);
    return gateway;
  }

  async pass(asked, answer) {
    const chunks = [];
    try {
      for await (const chunk of asked) chunks.push(chunk);
    } catch {
      return;
    }
    const body = Buffer.concat(chunks).toString();
    const { method, url, headers } = asked;
    this.seen.push({ what: `${method} ${url}`, key: headers["idempotency-key"], body, at: performance.now() });
    const index = this.plans.findIndex(({ fits }) => fits(`${method} ${url}`, body));
    const [plan] = index < 0 ? [] : this.plans.splice(index, 1);
    if (plan?.answer !== undefined) {
      answer.writeHead(plan.answer.status, plan.answer.headers);
      return answer.end(plan.answer.body ?? "");
    }
    const onwards = request({ port: this.to, host: "127.0.0.1", method, path: url, headers }, (came) => {
      if (plan?.lose) {
        came.resume();
        came.on("end", () => answer.destroy());
        return;
      }
      answer.writeHead(came.statusCode, came.headers);
      came.pipe(answer);
    });
    onwards.on("error", () => answer.destroy());
    onwards.end(body);
  }
}
