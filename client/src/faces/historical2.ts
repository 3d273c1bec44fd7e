/** The face of the library of version 2.0, as pages have called it since 2012 (V2-JS-1, and JS-1 to JS-9 as far as they apply). */

import { isObject } from "../core/json";
import { keptIn, keptText, keptWith, unexpired } from "../core/kept";
import type { Environment } from "../engine/environment";
import { Session } from "../engine/session";
import { settingsFrom2 } from "../engine/settings2";
import type { Backplane2Global, Frame, Header, Init2Options } from "../public";
import { connectAny } from "./connect-any";
import { Emitter, guarded } from "./emitter";

/** Widgets ask for `2.0`, some for three numbers: this is the last library of that name. */
const SPOKEN = "2.0.6";
/** What `expectMessages` waits at most, in seconds (JS-9). */
const EXPECT_SECONDS = 60;
/** How many of the last messages a late subscriber gets, where the page does not say. */
const CACHED = 10;

/** A function that is called with each channel, and the subscriptions that it has made. */
interface Ready {
  readonly run: () => void;
  made: number[];
}

export function createBackplane2(env: Environment): Backplane2Global {
  const subscribers = new Emitter<[Header]>(env);
  const readies: Ready[] = [];
  let running: Ready | undefined;
  let session: Session | undefined;
  let channel: { readonly name: string; readonly url: string } | undefined;
  let options: Partial<Init2Options> = {};
  /** Where the channel's headers are kept for later pages, and those that there are. */
  let key = "";
  let headers: Header[] = [];
  /** Whether the first read was answered. */
  let read = false;

  const cached = (): Header[] => unexpired(headers, env.date());

  const keep = (beyond = true): void => env.keep(key, channel ? keptText(channel.name, headers) : "", beyond);

  /**
   * A function that subscribes again each time that it is called has its former subscriptions taken off, or it would hear each message
   * twice; one that subscribes only the first time keeps them.
   */
  const call = (ready: Ready): void => {
    const before = ready.made;
    ready.made = [];
    running = ready;
    guarded(env, ready.run);
    running = undefined;
    if (ready.made.length === 0) ready.made = before;
    else for (const id of before) subscribers.remove(id);
  };

  /** What a page's filter makes of the first messages; nothing if it is none or fails. */
  const first = (frames: Frame[]): Frame[] => {
    read = true;
    const { initFrameFilter: filter } = options;
    if (filter === undefined) return frames;
    let chosen: unknown;
    guarded(env, () => (chosen = filter(frames.map(({ message }) => message as unknown as Header))));
    return Array.isArray(chosen) ? frames.filter(({ message }) => (chosen as unknown[]).includes(message)) : [];
  };

  const sessionFor = (): Session => {
    const settings = settingsFrom2({ ...options }, env.pageURL());
    key = `backplane 2 ${settings.base} ${settings.bus}`;
    return new Session(env, settings, {
      named(name, url) {
        channel = { name, url };
        headers = keptIn(env.recall(key), name, env.date());
        for (const ready of [...readies]) call(ready);
      },
      left() {
        channel = undefined;
        headers = [];
        // What other pages keep may be the next channel's already.
        keep(false);
      },
      first,
      message(message) {
        const header = message as unknown as Header;
        headers = keptWith(headers, header);
        keep();
        subscribers.emit(header);
      },
      gap: () => undefined,
      state: () => undefined,
      error(error) {
        // Only the end is worth a word in the console: everything else goes on by itself.
        if (error.final) env.report(error);
      },
    });
  };

  const expectMessagesWithin: Backplane2Global["expectMessagesWithin"] = (seconds, types) => {
    if (!session || !(Number(seconds) > 0)) return false;
    session.expect(Number(seconds), types);
    return true;
  };

  const backplane = (run: () => void): void => {
    if (typeof run !== "function") return;
    const ready = { run, made: [] };
    readies.push(ready);
    if (channel) call(ready);
  };

  return Object.assign(backplane, {
    version: SPOKEN,
    init(given: Init2Options): boolean {
      if (session) return false;
      options = isObject(given) ? given : {};
      try {
        session = sessionFor();
      } catch (error) {
        // Pages have always been told by the result; the reason goes to their developer.
        env.report(error);
        return false;
      }
      session.start();
      return true;
    },
    subscribe(callback: (header: Header) => void, replay: unknown = options.replayOnPageLoad): number | false {
      if (typeof callback !== "function") return false;
      const id = subscribers.add(callback);
      running?.made.push(id);
      const cacheMax = Number(options.cacheMax) || CACHED;
      if (read || replay) for (const header of cached().slice(-cacheMax)) guarded(env, () => callback(header));
      return id;
    },
    unsubscribe: (id: number): boolean => subscribers.remove(id),
    getCachedMessages: cached,
    getChannelID: (): string | false => channel?.url ?? false,
    getChannelName: (): string | false => channel?.name ?? false,
    expectMessagesWithin,
    expectMessages: (types?: string | readonly string[]): boolean => expectMessagesWithin(EXPECT_SECONDS, types),
    resetCookieChannel(): void {
      if (!session) return;
      session.renew();
      // After a logout nothing of it is left.
      keep();
    },
    connect: ((given) => connectAny(env, given as never)) as Backplane2Global["connect"],
  });
}
