/**
 * One bus of a server on this page: all connections of the page share its reads, its pushes and what is expected.
 */

import type { Next } from "../core/answer";
import type { Told } from "../core/course";
import { Expectations } from "../core/expectations";
import { Ladder, type Push } from "../core/ladder";
import type { State } from "../public";
import { Crew } from "./crew";
import type { Door, DoorHost } from "./door";
import type { Cancel, Environment, Wake } from "./environment";
import { BackplaneError } from "./error";
import { Feed, type FeedHost, type Member } from "./feed";
import { Keeper } from "./keeper";
import { Poller, type Read } from "./poller";
import { Pusher } from "./pusher";
import type { Settings } from "./settings";

/** A connection of the page. */
export interface Client extends Member {
  /** The hub's condition has changed. */
  update(): void;
  /** The server wants it to be over. */
  finish(error: BackplaneError): void;
}

/** What the page knows of a server. */
class Site {
  readonly ladder: Ladder;
  readonly hubs = new Map<string, Hub>();

  constructor(env: Environment) {
    this.ladder = new Ladder(env.stream !== undefined);
  }
}

const sites = new WeakMap<Environment, Map<string, Site>>();

export class Hub implements DoorHost {
  /** How requests go; each client sees it once it has its first answer. */
  condition: State = "connecting";
  readonly over = new AbortController();
  readonly door: Door;
  /** The channel that the page was given last: for pages without cookies. */
  remembered: string | undefined;
  private readonly expectations = new Expectations();
  private readonly clients = new Set<Client>();
  private readonly feeds = new Map<string, Feed>();
  /** Reads of single clients. */
  private readonly reads = new Set<Read>();
  private readonly keeper: Keeper;
  private readonly poller: Poller;
  private pusher: Pusher | undefined;
  private crew: Crew | undefined;
  /** How the leader of the page's crew is pushed to. */
  private leaders: Push | undefined;
  private readonly unlisten: Cancel;

  /** The page's hub for a bus: the one that is there, or a new one. */
  static for(env: Environment, settings: Settings): Hub {
    const { base, bus, transport, scope } = settings;
    const servers = sites.get(env) ?? new Map<string, Site>();
    sites.set(env, servers);
    const site = servers.get(base) ?? new Site(env);
    servers.set(base, site);
    const key = `${transport} ${bus} ${scope}`;
    const hub = site.hubs.get(key) ?? new Hub(env, settings, site.ladder, () => site.hubs.delete(key));
    site.hubs.set(key, hub);
    return hub;
  }

  private constructor(
    private readonly env: Environment,
    private readonly settings: Settings,
    private readonly ladder: Ladder,
    private readonly forget: () => void,
  ) {
    const { base, bus } = settings;
    this.door = settings.door(env, settings, this);
    this.keeper = new Keeper(env, `${base} ${bus}`);
    this.poller = new Poller(env, {
      needed: () => [...this.reads, ...[...this.feeds.values()].filter((feed) => feed.reader.wanting)],
      due: () => (this.way === undefined ? [...this.feeds.values()] : []),
      calm: () => this.expectations.calm(env.now()),
      succeeded: () => this.succeeded(),
      failed: (error) => this.failed(error),
      offline: () => this.become("offline"),
    });
    this.unlisten = env.onWake((wake) => this.wake(wake));
  }

  /** How messages are pushed to the page; `undefined`: it polls. */
  get way(): Push | undefined {
    return this.pusher?.way ?? this.leaders;
  }

  add(client: Client): void {
    this.clients.add(client);
  }

  /** The page's hub ends with its last client. */
  remove(client: Client): void {
    this.clients.delete(client);
    if (this.clients.size === 0) this.dispose();
  }

  /** The feed of a channel, with this client as a member. */
  join(channel: string, client: Client): Feed {
    const host: FeedHost = {
      met: (type) => this.expectations.meet(this.env.now(), type),
      changed: () => this.changed(),
      moved: (name, to) => this.keeper.moved(name, to),
    };
    const feed = this.feeds.get(channel) ?? new Feed(this.env, channel, this.door, host);
    this.feeds.set(channel, feed);
    feed.members.add(client);
    if (this.settings.transport === "fetch") this.push(this.door.crew(channel));
    return feed;
  }

  leave(feed: Feed, client: Client): void {
    feed.members.delete(client);
    if (feed.members.size > 0) return;
    feed.end();
    this.feeds.delete(feed.channel);
    this.changed();
  }

  /** A read of one client's own; it is forgotten once it was answered. */
  read(read: Read): void {
    const gone = (): void => {
      this.reads.delete(once);
      read.over.removeEventListener("abort", gone);
    };
    const once: Read = {
      ...read,
      run: async (signal) => {
        const answered = await read.run(signal);
        return () => {
          gone();
          answered();
        };
      },
    };
    this.reads.add(once);
    read.over.addEventListener("abort", gone);
    this.poller.plan();
  }

  /** Where this visitor's last page stopped in a channel. */
  last(channel: string): Next | undefined {
    return this.keeper.last(channel);
  }

  expect(seconds: number, types?: string | readonly string[]): void {
    this.expectations.expect(this.env.now(), seconds, types);
    this.poller.plan();
  }

  plan(): void {
    this.poller.plan();
  }

  /** A page has left a channel for a new one: what is there on the others goes along. */
  renewed(old: string, fresh: string): void {
    this.crew?.renew(old, this.door.pass(fresh));
  }

  lost(channel: string): void {
    const [member] = this.feeds.get(channel)?.members ?? [];
    member?.renew();
  }

  private moveOn(old: string, pass: string): void {
    const fresh = this.door.admit(pass);
    if (fresh === undefined) return;
    this.remembered = fresh;
    for (const member of [...(this.feeds.get(old)?.members ?? [])]) member.move(fresh);
  }

  /** Joins the pages of this name, and leaves those of another. */
  private push(name: string): void {
    const { env, ladder } = this;
    if (this.crew?.name === name) return;
    this.crew?.stop();
    const ended = (error: BackplaneError): void => {
      crew.end(error.message);
      this.end(error);
    };
    const pusher: Pusher = new Pusher(env, this.door, ladder, {
      points: () => this.points(crew.others()),
      told: (told) => {
        crew.pass(told);
        this.told(told);
      },
      changed: () => {
        crew.beat();
        this.turned();
      },
      probe: () => this.check(),
      failed: (error) => this.tell((client) => client.error(error)),
      ended,
    });
    const crew: Crew = new Crew(env, name, {
      points: () => this.points(),
      leading: () => ({ way: pusher.way, at: pusher.at }),
      lead: (leads) => {
        this.leaders = undefined;
        if (leads) pusher.start();
        else pusher.stop();
      },
      told: (told) => this.told(told),
      pushed: (way) => {
        if (this.leaders === way) return;
        this.leaders = way;
        this.turned();
      },
      wanted: () => pusher.gather(),
      ended: (reason) => this.end(new BackplaneError(reason, { final: true })),
      renewed: (old, fresh) => this.moveOn(old, fresh),
    });
    this.pusher = pusher;
    this.crew = crew;
    crew.start();
  }

  /** Where the page's channels are, and those of others. */
  private points(others: ReadonlyMap<string, Next> = new Map()): ReadonlyMap<string, Next> {
    const points = new Map(others);
    for (const { channel, live, reader } of this.feeds.values()) {
      const { next } = reader.position;
      if (live && next !== undefined && next.since < (points.get(channel)?.since ?? "~")) points.set(channel, next);
    }
    return points;
  }

  private told({ segments, check }: Told): void {
    // What is to be read is held back from what was pushed behind.
    for (const channel of check) this.feeds.get(channel)?.check();
    for (const segment of segments) this.feeds.get(segment.channel)?.take(segment);
  }

  private turned(): void {
    this.poller.rest();
    if (this.way !== undefined) this.become("live");
    this.poller.plan();
  }

  private changed(): void {
    this.pusher?.gather();
    this.crew?.changed();
    this.poller.plan();
  }

  private check(): void {
    for (const feed of this.feeds.values()) feed.reader.check();
    this.poller.plan();
  }

  private succeeded(): void {
    const failing = this.condition !== "live";
    this.become("live");
    if (failing) this.pusher?.hurry();
  }

  private failed(error: BackplaneError): void {
    if (error.final) return this.end(error);
    this.ladder.excuse();
    this.become("retrying");
    this.tell((client) => client.error(error));
  }

  private wake(wake: Wake): void {
    // It may be the last that this page hears.
    if (wake === "suspended" || this.env.isHidden()) this.keeper.keep();
    // A page that stands still must not lead others.
    if (wake === "suspended") this.crew?.stop();
    else if (wake !== "visibility") {
      if (wake === "restored") this.crew?.start();
      this.poller.restart();
      // Online: another network. Restored: what was open is dead. Offline: to see whether that concerns this server.
      if (wake === "online") this.ladder.forget();
      if (wake !== "offline") this.pusher?.again();
      this.check();
    }
    this.poller.plan();
  }

  private become(condition: State): void {
    this.condition = condition;
    this.tell((client) => client.update());
  }

  private end(error: BackplaneError): void {
    const clients = [...this.clients];
    this.dispose();
    for (const client of clients) client.finish(error);
  }

  private dispose(): void {
    // A client that is finished may have made another hub of this name already.
    if (this.over.signal.aborted) return;
    this.over.abort();
    this.keeper.keep();
    this.forget();
    this.unlisten();
    this.poller.end();
    this.crew?.stop();
  }

  private tell(say: (client: Client) => void): void {
    for (const client of [...this.clients]) if (this.clients.has(client)) say(client);
  }
}
