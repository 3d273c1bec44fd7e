/** A proxy between pages and the broker, that does what proxies do to streams, and counts them. */

import { createServer, request as ask, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";

/**
 * What it does with streams:
 * - `pass`: hands on what comes as it comes
 * - `buffer`: keeps it, as a proxy that gathers answers
 * - `forbid`: answers 403
 */
export type Mood = "pass" | "buffer" | "forbid";

/** What one stream's reader is sent in place of what the broker has sent. */
export interface Wire {
  send(text: string): void;
  /** Ends the connection without a word. */
  cut(): void;
}

/** Takes a stream's events, each with the empty line at its end. */
export type Tamper = (wire: Wire) => (event: string) => void;

export class Proxy {
  mood: Mood = "pass";
  /** Stands between the events of each stream and its reader, where it is set. */
  tamper: Tamper | undefined;
  /** Streams that are open at this moment, and how many there ever were. */
  streams = 0;
  opened = 0;
  private readonly sockets = new Set<Socket>();

  private constructor(
    private readonly server: Server,
    private readonly target: string,
  ) {}

  static async before(origin: string): Promise<Proxy> {
    const server = createServer();
    const proxy = new Proxy(server, origin);
    server.on("request", (request, response) => proxy.handle(request, response));
    server.on("connection", (socket) => {
      proxy.sockets.add(socket);
      socket.on("close", () => proxy.sockets.delete(socket));
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return proxy;
  }

  get origin(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** What pages take as `serverBaseURL`. */
  get base(): string {
    return `${this.origin}/v1`;
  }

  /** Cuts every connection, without a word. */
  cut(): void {
    for (const socket of this.sockets) socket.destroy();
  }

  async end(): Promise<void> {
    this.cut();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private handle(request: IncomingMessage, response: ServerResponse): void {
    const isStream = request.headers.accept === "text/event-stream";
    const { mood } = this;
    if (isStream && mood === "forbid") {
      response.writeHead(403, { "Access-Control-Allow-Origin": "*" }).end();
      return;
    }
    const { method, headers, url = "/" } = request;
    const asked = ask(this.target + url, { ...(method === undefined ? {} : { method }), headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      if (isStream) response.flushHeaders();
      answer.on("error", () => response.destroy());
      if (isStream && mood === "buffer") answer.resume();
      else if (isStream && this.tamper) spoil(answer, response, this.tamper);
      else answer.pipe(response);
    });
    asked.on("error", () => response.destroy());
    response.on("close", () => asked.destroy());
    if (isStream) {
      this.streams += 1;
      this.opened += 1;
      response.on("close", () => (this.streams -= 1));
    }
    request.pipe(asked);
  }
}

function spoil(answer: IncomingMessage, response: ServerResponse, tamper: Tamper): void {
  const hand = tamper({ send: (text) => response.write(text), cut: () => response.destroy() });
  let rest = "";
  answer.setEncoding("utf8").on("data", (piece: string) => {
    const events = (rest + piece).split(/(?<=\n\n)/);
    rest = events.at(-1)?.endsWith("\n\n") === true ? "" : (events.pop() ?? "");
    events.forEach(hand);
  });
  answer.on("end", () => response.end());
}
