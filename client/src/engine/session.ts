/**
 * One connection of a page, behind both faces: it has a channel, and hears what is new there.
 *
 * start → name the channel (JS-2) → a first read, of which it takes nothing (JS-4), all, or what is behind its last
 * position → what is new. Requests are the hub's, which all connections of the page share.
 */

import type { Answer, Next } from "../core/answer";
import { Position } from "../core/position";
import type { Frame, Gap, Message, RequestError, State, Via } from "../public";
import type { Naming } from "./door";
import type { Environment } from "./environment";
import type { BackplaneError } from "./error";
import { unwrapped, type Feed } from "./feed";
import { Hub, type Client } from "./hub";
import type { Settings } from "./settings";

/** What a session tells a face. None of these may throw. */
export interface Listener {
  /** The channel is known: its name and URL. */
  named(name: string, url: string): void;
  /** The channel was left for another, of which `named` will tell. */
  left(): void;
  /** Which frames of the first read to deliver after all (JS-4, JS-9); without it: as `from` says. */
  first?: ((frames: Frame[]) => readonly Frame[]) | undefined;
  message(message: Message, frame: Frame): void;
  gap(gap: Gap): void;
  state(state: State): void;
  error(error: RequestError): void;
}

/** What is kept until the first read is answered. */
class Opening {
  readonly position = new Position();
  /** Pushed meanwhile. */
  readonly behind: Array<[Message, Frame]> = [];

  /** `last`: where this visitor's last page stopped. */
  constructor(readonly last: Next | undefined) {
    this.position.next = last;
  }
}

export class Session implements Client {
  state: State = "connecting";
  private readonly hub: Hub;
  private readonly naming: Naming;
  private feed: Feed | undefined;
  /** Ends a read of its own. */
  private stay = new AbortController();
  private opening: Opening | undefined;
  /** Frames of the first read: when they come again, they were told. */
  private told = new Set<string>();
  /** Grows with each search for a channel: an answer to an earlier one comes too late. */
  private search = 0;

  constructor(
    private readonly env: Environment,
    private readonly settings: Settings,
    private readonly listener: Listener,
  ) {
    this.hub = Hub.for(env, settings);
    this.hub.add(this);
    this.naming = this.hub.door.naming(settings);
  }

  /** How messages come at this moment. The hub may be pushed to for others already, while this one waits for its first read. */
  get via(): Via {
    return (this.hears && this.hub.way) || "poll";
  }

  /** Whether its first read was answered: what is posted from now on is delivered. */
  private get hears(): boolean {
    return this.feed !== undefined && this.opening === undefined;
  }

  /** Joins the channel of the cookie or the options, else a new one. A known name is told before this returns. */
  start(): void {
    this.join(this.naming.known(), [this]);
  }

  /** Leaves the channel and joins a new one, and with it all of the page that are there (JS-9). */
  renew(): void {
    if (this.state === "closed") return;
    const old = this.feed?.channel;
    const moved = this.feed ? [...this.feed.members].filter((member) => member instanceof Session) : [this];
    for (const session of moved) session.uproot();
    this.naming.leave(old);
    this.join(undefined, moved, old);
  }

  move(fresh: string): void {
    this.uproot();
    this.enter(fresh);
  }

  expect(seconds: number, types?: string | readonly string[]): void {
    if (this.state !== "closed") this.hub.expect(seconds, types);
  }

  close(): void {
    if (this.state === "closed") return;
    this.leave();
    this.hub.remove(this);
    this.become("closed");
  }

  finish(error: BackplaneError): void {
    this.listener.error(error);
    this.close();
  }

  get waitsFor(): string | undefined {
    return this.opening?.position.query;
  }

  opened(frames: readonly Frame[], { resume }: Answer): void {
    const { opening, feed, listener } = this;
    if (!opening || !feed) return;
    this.opening = undefined;
    this.told = new Set(frames.map(({ id }) => id));
    this.update();
    if (opening.last && (resume === "gap" || resume === "reset")) listener.gap({ reason: resume });
    const all = opening.last !== undefined || this.settings.from === "start";
    for (const frame of listener.first?.([...frames]) ?? (all ? frames : [])) {
      const message = unwrapped(this.env, frame);
      // A subscriber may have closed the connection or left the channel.
      if (message && this.feed === feed) listener.message(message, frame);
    }
    for (const [message, frame] of opening.behind) if (this.feed === feed) this.message(message, frame);
  }

  message(message: Message, frame: Frame): void {
    if (this.opening) this.opening.behind.push([message, frame]);
    else if (!this.told.delete(frame.id)) this.listener.message(message, frame);
  }

  gap(gap: Gap): void {
    if (!this.opening) this.listener.gap(gap);
  }

  error(error: RequestError): void {
    this.listener.error(error);
  }

  update(): void {
    const { condition } = this.hub;
    if (this.state !== "closed" && (condition !== "live" || this.hears)) this.become(condition);
  }

  private leave(): void {
    this.search += 1;
    this.stay.abort();
    if (this.feed) this.hub.leave(this.feed, this);
    this.feed = undefined;
  }

  private uproot(): void {
    this.leave();
    this.listener.left();
    this.become("connecting");
  }

  private join(known: string | undefined, sessions: readonly Session[], old?: string): void {
    const name = known ?? this.naming.own();
    if (name === undefined) void this.ask(sessions, old);
    else this.enterAll(name, sessions, old);
  }

  private async ask(sessions: readonly Session[], old?: string): Promise<void> {
    const searches = sessions.map(({ search }) => search);
    const fresh = await this.naming.find();
    // Another tab of the site may have been faster: then both use its channel. Alone, or each might overwrite what
    // the other has just written.
    await this.env.alone(() => {
      const waiting = sessions.filter(({ search, state }, at) => search === searches[at] && state !== "closed");
      if (waiting.length > 0) this.enterAll(this.naming.taken() ?? fresh, waiting, old);
    });
  }

  private enterAll(name: string, sessions: readonly Session[], old?: string): void {
    this.naming.keep(name);
    if (old !== undefined) this.hub.renewed(old, name);
    for (const session of sessions) session.enter(name);
  }

  private enter(name: string): void {
    const feed = this.hub.join(name, this);
    this.feed = feed;
    this.told.clear();
    const opening = new Opening(this.settings.from === "last" ? this.hub.last(name) : undefined);
    this.opening = opening;
    if (feed.untouched && opening.last) feed.begin(opening.last);
    const all = this.listener.first !== undefined || this.settings.from === "start" || opening.last !== undefined;
    // What is new is there already; the rest takes a read of its own, unless the feed makes the same.
    if (feed.live && !all) this.opening = undefined;
    else if (feed.live || feed.query !== opening.position.query) this.readAlone(feed, opening);
    this.listener.named(name, this.hub.door.id(name));
    this.update();
    this.hub.plan();
  }

  private readAlone({ channel }: Feed, { position }: Opening): void {
    this.stay = new AbortController();
    this.hub.read({
      over: this.stay.signal,
      run: async (signal) => {
        const answer = await this.hub.door.read(channel, position.query, signal);
        return () => this.opened(position.take(answer), answer);
      },
      failed: () => undefined,
    });
  }

  private become(state: State): void {
    if (this.state === state) return;
    this.state = state;
    this.listener.state(state);
  }
}
