/** A server of version 2.0 in the tests' own hands: its tokens are over when a test says so. */

import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import type { AddressInfo } from "node:net";

const SCRIPT = new URL("../../dist/backplane2.js", import.meta.url);
const EPOCH = "0T00000000000";
const FIRST = "0000000000000";

interface Message {
  readonly id: string;
  readonly type: string;
}

export class Two {
  /** What was asked, in order: `token`, `refresh`, `poll`, `stream`. */
  readonly asked: string[] = [];
  private readonly channels = new Map<string, Message[]>();
  private readonly tokens = new Map<string, string>();
  private readonly refreshes = new Map<string, string>();
  private readonly streams = new Map<ServerResponse, { channel: string; last: string }>();
  private counter = 0;

  private constructor(private readonly server: Server) {}

  static async start(): Promise<Two> {
    const server = createServer();
    const two = new Two(server);
    server.on("request", (request, response) => two.answer(request, response));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return two;
  }

  get origin(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  get base(): string {
    return `${this.origin}/v2`;
  }

  /** Streams that are open at this moment. */
  get open(): number {
    return this.streams.size;
  }

  post(channel: string, type: string): void {
    this.counter += 1;
    const message = { id: String(this.counter).padStart(13, "0"), type };
    this.channels.get(channel)?.push(message);
    for (const [response, stream] of this.streams) if (stream.channel === channel) this.send(response, message);
  }

  /** The tokens of a channel are over. */
  expire(channel: string): void {
    for (const [token, of] of this.tokens) if (of === channel) this.tokens.delete(token);
    for (const [response, stream] of this.streams) {
      if (stream.channel !== channel) continue;
      this.streams.delete(response);
      response.end(event("backplane", "", { end: "expired", retry: 0 }));
    }
  }

  /** No refresh token of the channel is taken any more. */
  revoke(channel: string): void {
    for (const [refresh, of] of this.refreshes) if (of === channel) this.refreshes.delete(refresh);
    this.expire(channel);
  }

  async end(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private answer(request: IncomingMessage, response: ServerResponse): void {
    const { pathname, searchParams } = new URL(request.url ?? "/", this.origin);
    response.setHeader("Access-Control-Allow-Origin", "*");
    if (pathname === "/backplane2.js") response.setHeader("Content-Type", "text/javascript").end(readFileSync(SCRIPT));
    else if (pathname === "/v2/token") this.token(searchParams, response);
    else if (pathname === "/v2/messages") this.messages(request, searchParams, response);
    else response.writeHead(404).end("{}");
  }

  private token(asked: URLSearchParams, response: ServerResponse): void {
    const refresh = asked.get("refresh_token");
    this.asked.push(refresh === null ? "token" : "refresh");
    const channel = refresh === null ? randomBytes(24).toString("base64url") : this.refreshes.get(refresh);
    if (channel === undefined) return refuse(response, 400);
    if (!this.channels.has(channel)) this.channels.set(channel, []);
    const [token, next] = [randomBytes(24).toString("base64url"), randomBytes(24).toString("base64url")];
    this.tokens.set(token, channel);
    this.refreshes.set(next, channel);
    const scope = `bus:${asked.get("bus") ?? "customer.com"} channel:${channel}`;
    json(response, 200, { token_type: "Bearer", access_token: token, refresh_token: next, expires_in: 3_600, scope });
  }

  private messages(request: IncomingMessage, asked: URLSearchParams, response: ServerResponse): void {
    const isStream = request.headers.accept === "text/event-stream";
    this.asked.push(isStream ? "stream" : "poll");
    const channel = this.tokens.get(asked.get("access_token") ?? "");
    if (channel === undefined) return refuse(response, 401);
    const [since = FIRST] = asked.get("since")?.split(".") ?? [];
    const newer = (this.channels.get(channel) ?? []).filter(({ id }) => id > since);
    if (!isStream) {
      const last = newer[newer.length - 1]?.id ?? since;
      const messages = newer.map((message) => header(this.base, channel, message));
      return json(response, 200, { nextURL: `${this.base}/messages?since=${last}.${EPOCH}`, messages, moreMessages: false });
    }
    response.writeHead(200, { "Content-Type": "text/event-stream", "Cache-Control": "no-store" });
    response.write(event("backplane", `${since}.${EPOCH}`, { resume: "complete", cursor: `${since}.${EPOCH}`, heartbeat: 15_000 }));
    this.streams.set(response, { channel, last: since });
    response.on("close", () => this.streams.delete(response));
    for (const message of newer) this.send(response, message);
  }

  private send(response: ServerResponse, message: Message): void {
    const stream = this.streams.get(response);
    if (stream === undefined) return;
    const data = { message: header(this.base, stream.channel, message), prev: stream.last };
    stream.last = message.id;
    response.write(event("message", `${message.id}.${EPOCH}`, data));
  }
}

function header(base: string, channel: string, { id, type }: Message): object {
  const expire = "2100-01-01T00:00:00Z";
  return { messageURL: `${base}/message/${id}`, source: "http://client.example", type, bus: "customer.com", channel, sticky: true, expire };
}

function event(name: string, id: string, data: object): string {
  return `event: ${name}\n${id === "" ? "" : `id: ${id}\n`}data: ${JSON.stringify(data)}\n\n`;
}

function json(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { "Content-Type": "application/json" }).end(JSON.stringify(body));
}

function refuse(response: ServerResponse, status: number): void {
  json(response, status, { error: "invalid_request", error_description: "invalid token" });
}
