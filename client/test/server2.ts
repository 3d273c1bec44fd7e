/** A made-up server of version 2.0, in front of the one of 1.x: tokens, headers, and the same pushes. */

import type { Reply } from "../src/engine/environment";
import { BackplaneError } from "../src/engine/error";
import { Server } from "./server";
import { BASE, BUS, reply, World } from "./world";

export const BASE2 = "https://bp.example.com/v2";

interface Given {
  readonly channel: string;
  readonly bus: string;
  readonly scope: string;
}

export class Server2 {
  readonly inner: Server;
  /** Every request, in order, without what is behind `access_token=`. */
  readonly asked: string[] = [];
  /** Of each request for messages, its token. */
  readonly shown: string[] = [];
  /** How many messages one answer has at most. */
  atOnce = 100;
  /** No token is good; nor is what is for a new one. */
  denies: false | "tokens" | "all" = false;
  /** Answers before all else, if it returns or throws something. */
  refuse: (kind: "token" | "messages" | "stream") => Reply | undefined = () => undefined;
  private readonly tokens = new Map<string, Given>();
  private readonly refreshes = new Map<string, Given>();
  private made = 0;

  constructor(world: World) {
    this.inner = new Server(world);
    this.serve(world);
  }

  serve(world: World): void {
    this.inner.serve(world);
    const { handler, stream } = world;
    world.handler = (url, signal) => this.get(url, (to) => Promise.resolve(handler(to, signal)));
    world.stream = {
      open: async (url, signal, sink) => {
        this.note("stream", url);
        if (this.refuse("stream")) return false;
        const { channel } = this.holder(url);
        const text = (piece: string): void => sink.text(withHeaders(piece));
        return (await stream?.open(this.old(channel, url), signal, { head: () => sink.head(), text })) ?? false;
      },
    };
    // Padded answers have no status, and their errors are bodies (V2-PAD-1).
    world.jsonp = {
      get: (url, signal) =>
        world.fetch.get(url, signal).catch((error: unknown) => {
          if (!(error instanceof BackplaneError)) throw error;
          return reply({ error: error.code, error_description: error.description });
        }),
    };
  }

  post(channel: string, ...types: readonly string[]): void {
    this.inner.post(channel, ...types);
  }

  /** All tokens of a channel are over, and who is pushed to is told. */
  expire(channel: string): void {
    for (const [token, given] of this.tokens) if (given.channel === channel) this.tokens.delete(token);
    this.inner.end("expired");
  }

  /** The channel is over for good: not even its refresh tokens are taken. */
  revoke(channel: string): void {
    for (const [token, given] of this.refreshes) if (given.channel === channel) this.refreshes.delete(token);
    this.expire(channel);
  }

  /** What a page's cookie would hold. */
  give(bus = BUS, scope = ""): { token: string; channel: string; refresh: string } {
    return this.grant({ bus, scope, channel: this.name("c") });
  }

  /** How often tokens were asked for. */
  get asks(): number {
    return this.asked.filter((asked) => asked.startsWith("token")).length;
  }

  private name(kind: string): string {
    this.made += 1;
    return `${kind}${String(this.made).padStart(31, "0")}`;
  }

  private grant(given: Given): { token: string; channel: string; refresh: string } {
    const [token, refresh] = [this.name("t"), this.name("r")];
    this.tokens.set(token, given);
    this.refreshes.set(refresh, given);
    return { token, channel: given.channel, refresh };
  }

  private note(kind: string, url: string): void {
    const { searchParams, search } = new URL(url);
    this.asked.push(`${kind} ${search.replace(/access_token=.*/, "access_token=")}`);
    if (kind !== "token") this.shown.push(searchParams.get("access_token") ?? "");
  }

  private async get(url: string, old: (url: string) => Promise<Reply>): Promise<Reply> {
    const { pathname, searchParams } = new URL(url);
    if (pathname === "/v2/token") return this.token(url, searchParams);
    this.note("messages", url);
    const refused = this.refuse("messages");
    if (refused) return refused;
    const { channel } = this.holder(url);
    const { body, header } = await old(this.old(channel, url));
    const frames = body as readonly Frame2[];
    const some = frames.slice(0, this.atOnce);
    const [, query = ""] = /\?([^>]*)>/.exec(header("Link") ?? "") ?? [];
    const next = some.length < frames.length ? `since=${some[some.length - 1]?.id}.${this.inner.epoch}` : query;
    const answer = {
      nextURL: `${BASE2}/messages?${next}`,
      messages: some.map(headerOf),
      moreMessages: some.length < frames.length,
    };
    return reply(answer, { "Backplane-Resume": header("Backplane-Resume") ?? "" });
  }

  private token(url: string, asked: URLSearchParams): Reply {
    this.note("token", url);
    const refused = this.refuse("token");
    if (refused) return refused;
    const refresh = asked.get("refresh_token");
    if (refresh === null && asked.get("bus") !== BUS) throw refusal("invalid_request", "Invalid bus", 400);
    const given = refresh === null ? { bus: BUS, scope: asked.get("scope") ?? "", channel: this.name("c") } : this.refreshes.get(refresh);
    if (given === undefined || (refresh !== null && this.denies === "all")) throw refusal("invalid_request", "invalid token", 400);
    const made = this.grant(given);
    return reply({
      token_type: "Bearer",
      access_token: made.token,
      refresh_token: made.refresh,
      expires_in: 3_600,
      scope: `bus:${given.bus} ${given.scope}${given.scope === "" ? "" : " "}channel:${given.channel}`,
    });
  }

  private holder(url: string): Given {
    const given = this.tokens.get(new URL(url).searchParams.get("access_token") ?? "");
    if (given === undefined || this.denies !== false) throw refusal("invalid_token", "invalid token", 401);
    return given;
  }

  private old(channel: string, url: string): string {
    const query = new URL(url).search.replace(/[?&]access_token=[^&]*/, "").replace(/^&/, "?");
    return `${BASE}/bus/${BUS}/channel/${channel}${query}`;
  }
}

interface Frame2 {
  readonly id: string;
  readonly channel_name?: string;
  readonly message: { readonly type: string; readonly source: string };
  readonly prev?: string;
}

function headerOf({ id, channel_name: channel, message: { type, source } }: Frame2): object {
  return { messageURL: `${BASE2}/message/${id}`, source, type, bus: BUS, channel, sticky: false, expire: "2026-06-01T00:00:00Z" };
}

/** The frames in a piece of a stream, as this version has them. */
function withHeaders(piece: string): string {
  return piece.replace(/(?<=^event: message\nid: .*\ndata: )(.*)$/gm, (data) => {
    const frame = JSON.parse(data) as Frame2;
    return JSON.stringify({ message: headerOf(frame), prev: frame.prev });
  });
}

export function refusal(code: string, description: string, status: number): BackplaneError {
  return new BackplaneError(`the server answered ${status} (${code}): ${description}`, { status, code, description });
}
