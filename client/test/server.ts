/** A made-up server that pushes as docs/PUSH.md says, with a proxy before it that a test may spoil. */

import type { Reply, Sink } from "../src/engine/environment";
import type { Frame } from "../src/public";
import { BASE, BUS, refusal, reply, World } from "./world";

const ROOT = `${BASE}/bus/${BUS}`;

interface Stream {
  readonly url: string;
  readonly channels: readonly string[];
  /** Where it began, and what the next frame or cursor names: the last frame, or a gap's cursor. */
  stands: string;
  last: string | undefined;
  send(event: string, data: unknown, id: string): void;
  end(error?: Error): void;
}

/** What a proxy does with a piece of a stream: any number of pieces come out. */
export type Proxy = (piece: string) => readonly string[];

export class Server {
  epoch = "0T00000000000";
  heartbeat = 15_000;
  capacity = 100;
  streams: Stream[] = [];
  /** The most there ever were. */
  most = 0;
  /** Every request, in order: `stream /channel/a?since=…`. */
  readonly asked: string[] = [];
  proxy: Proxy = (piece) => [piece];
  /** Answers before all else, if it returns or throws something. */
  refuse: (kind: "stream" | "block" | "poll") => Reply | undefined = () => undefined;
  /** Stream requests never get a head. */
  headless = false;
  private counter = 0;
  private windows = new Map<string, Frame[]>();
  private lost = new Map<string, string>();
  private waiting = new Set<() => void>();

  constructor(private readonly world: World) {
    this.serve(world);
  }

  serve(world: World): void {
    world.handler = (url, signal) => this.get(url, signal);
    world.longPolls = true;
    const thawed = ({ head, text }: Sink): Sink => ({
      head: () => world.thawed(head),
      text: (piece) => world.thawed(() => text(piece)),
    });
    world.stream = { open: (url, signal, sink) => this.open(url, signal, thawed(sink)) };
  }

  id(number = this.counter): string {
    return String(number).padStart(13, "0");
  }

  post(channel: string, ...types: readonly string[]): void {
    for (const type of types) {
      this.counter += 1;
      const frame = { id: this.id(), channel_name: channel, message: { source: "http://c", type, payload: null } };
      const window = this.window(channel);
      window.push(frame);
      while (window.length > this.capacity) this.lost.set(channel, window.shift()?.id ?? "");
      for (const stream of this.streams) this.push(stream, frame);
    }
    for (const wake of [...this.waiting]) wake();
  }

  /** Something happened on the bus that no reader of these channels is told. */
  pass(): void {
    this.counter += 1;
  }

  /** The server's word that the position has moved on. */
  cursor(): void {
    for (const { channels, last, send } of this.streams) {
      send("backplane", { cursor: this.text(channels, true), ...(last === undefined ? {} : { prev: last }) }, this.text(channels));
    }
  }

  /** A message comes and goes before any reader has taken it, and all that are left behind are told. */
  overtake(channel: string): void {
    this.counter += 1;
    this.windows.delete(channel);
    this.lost.set(channel, this.id());
    for (const stream of this.streams.filter(({ channels }) => channels.includes(channel))) {
      this.resume(stream, new Map([[channel, "gap"]]), this.id());
    }
  }

  /** Ends all streams with a word. */
  end(reason: string, retry?: number): void {
    for (const stream of this.streams) {
      stream.send("backplane", { end: reason, ...(retry === undefined ? {} : { retry }) }, "");
      stream.end();
    }
  }

  /** Cuts all streams. */
  cut(): void {
    for (const stream of this.streams) stream.end(new TypeError("network error"));
  }

  /** Starts again with its log lost, and ids from here on. */
  loseLog(counter: number): void {
    this.counter = counter;
    this.windows.clear();
    this.lost.clear();
    this.epoch = `0T${String(Number(this.epoch.slice(2)) + 1).padStart(11, "0")}`;
    this.cut();
  }

  private window(channel: string): Frame[] {
    const window = this.windows.get(channel) ?? [];
    this.windows.set(channel, window);
    return window;
  }

  /** A position's text; of several channels the long one names them. */
  private text(channels: readonly string[], long = false, id = this.id()): string {
    const text = `${id}.${this.epoch}`;
    return channels.length === 1 ? text : `${text}.${long ? channels.join("+") : `#${channels.join("+")}`}`;
  }

  private read(url: string): {
    kind: string; channels: string[]; frames: Frame[]; resumes: Map<string, string>; block: number; stands: string; path: string;
  } {
    const { pathname, searchParams } = new URL(url);
    const single = /\/channel\/([^/]+)$/.exec(pathname)?.[1];
    const channels = single === undefined ? searchParams.getAll("channel").sort() : [single];
    const since = searchParams.get("since");
    const [id, epoch = searchParams.get("epoch"), set] = since?.split(".") ?? [];
    const named = (set ?? channels.join("+")).replace("#", "").split("+");
    const plain = channels.length > 1 && id !== undefined && set === undefined;
    const stranger = plain || (set?.startsWith("#") && named.join() !== channels.join());
    const resumes = new Map<string, string>();
    const goOn: string[] = [];
    const frames = channels.flatMap((channel) => {
      const window = this.window(channel);
      resumes.set(channel, stranger ? "reset" : "complete");
      if (id === undefined || stranger || !named.includes(channel)) return window;
      const other = epoch !== null && epoch !== this.epoch;
      const never = !other && id > this.id();
      if (never) resumes.set(channel, "reset");
      else if (other || id < (this.lost.get(channel) ?? "")) resumes.set(channel, "gap");
      else goOn.push(id);
      return window.filter((frame) => other || never || frame.id > id);
    });
    frames.sort((one, other) => (one.id < other.id ? -1 : 1));
    // Whoever goes on from a position stands there, everybody else right before what comes.
    const stands = [this.id(frames[0] && Number(frames[0].id) - 1), ...goOn].sort()[0] ?? "";
    const block = Number(searchParams.get("block") ?? 0);
    return { kind: block > 0 ? "block" : "poll", channels, frames, resumes, block, stands, path: url.slice(ROOT.length) };
  }

  private async get(url: string, signal: AbortSignal): Promise<Reply> {
    const { kind, path, block } = this.read(url);
    this.asked.push(`${kind} ${path}`);
    const refused = this.refuse(kind as "block" | "poll");
    if (refused) return refused;
    if (block > 0 && this.read(url).frames.length === 0) {
      await new Promise<void>((resolve, reject) => {
        const wake = (): void => {
          cancel();
          this.waiting.delete(wake);
          resolve();
        };
        const cancel = this.world.after(block * 1_000, wake);
        this.waiting.add(wake);
        signal.addEventListener("abort", () => {
          wake();
          reject(new Error("aborted"));
        });
      });
    }
    const { frames, resumes, channels } = this.read(url);
    const resume = worst(resumes);
    const next = channels.length === 1 ? `${this.id()}&epoch=${this.epoch}` : encodeURIComponent(this.text(channels, true));
    return reply(frames, { "Backplane-Resume": resume, Link: `<${path.split("?")[0]}?since=${next}>; rel="next"` });
  }

  private open(url: string, signal: AbortSignal, sink: Sink): Promise<boolean> {
    const { channels, frames, resumes, stands, path } = this.read(url);
    this.asked.push(`stream ${path}`);
    return new Promise((resolve, reject) => {
      const gone = (): void => void (this.streams = this.streams.filter((other) => other !== stream));
      const finish = (settle: () => void): void => {
        gone();
        beat();
        settle();
      };
      const write = (text: string): void => {
        try {
          for (const piece of this.proxy(text)) sink.text(piece);
        } catch (error) {
          finish(() => reject(error as Error));
        }
      };
      const stream: Stream = {
        url, channels, stands,
        last: undefined,
        send: (event, data, id) => write(`event: ${event}\nid: ${id}\ndata: ${JSON.stringify(data)}\n\n`),
        end: (error) => finish(() => (error ? reject(error) : resolve(true))),
      };
      let beat = (): void => undefined;
      const pulse = (): void => {
        beat = this.world.after(this.heartbeat, () => {
          write(":\n\n");
          pulse();
        });
      };
      signal.addEventListener("abort", () => finish(() => reject(new Error("aborted"))));
      try {
        const refused = this.refuse("stream");
        if (refused) return resolve(false);
      } catch (error) {
        return reject(error as Error);
      }
      this.streams.push(stream);
      this.most = Math.max(this.most, this.streams.length);
      if (this.headless) return;
      sink.head();
      pulse();
      this.resume(stream, resumes, stands, { heartbeat: 15_000 });
      for (const frame of frames) this.push(stream, frame);
    });
  }

  private resume(stream: Stream, resumes: ReadonlyMap<string, string>, stands: string, more: object = {}): void {
    const { channels, send } = stream;
    stream.stands = stands;
    // Named by what comes next, for the fact itself may be dropped.
    if (worst(resumes) !== "complete") stream.last = stands;
    const missed = [...resumes].filter(([, resume]) => resume !== "complete");
    const told = channels.length > 1 && missed.length > 0 ? { channels: Object.fromEntries(missed) } : {};
    send("backplane", { resume: worst(resumes), cursor: this.text(channels, true, stands), ...more, ...told }, this.text(channels, false, stands));
  }

  private push(stream: Stream, frame: Frame): void {
    const { channels, stands } = stream;
    const channel = frame.channel_name ?? "";
    if (!channels.includes(channel)) return;
    // The first names the one before it in its channel, as far as that is known.
    const own = this.window(channel).filter(({ id }) => id < frame.id).pop()?.id ?? this.lost.get(channel) ?? this.id(0);
    const prev = stream.last ?? (own < stands ? own : stands);
    stream.last = frame.id;
    stream.send("message", { ...frame, prev }, this.text(channels, false, frame.id));
  }
}

/** The worst of what was missed. */
function worst(resumes: ReadonlyMap<string, string>): string {
  const all = [...resumes.values()];
  return ["reset", "gap"].find((resume) => all.includes(resume)) ?? "complete";
}

export { refusal };
