/** The face that pages have called since 2011: one object of functions (1.0 section 5, JS-1 to JS-9). */

import { framesIn } from "../core/answer";
import type { Environment } from "../engine/environment";
import { Session } from "../engine/session";
import { settingsFrom } from "../engine/settings";
import type { BackplaneGlobal, ConnectOptions, Frame, InitOptions, Message } from "../public";
import { VERSION } from "../version";
import { connectFirst } from "./connect-first";
import { Emitter, guarded } from "./emitter";

/** What `expectMessages` waits at most, in seconds (JS-9). */
const EXPECT_SECONDS = 60;

export function createBackplane(env: Environment): BackplaneGlobal {
  const subscribers = new Emitter<[Message]>(env);
  let session: Session | undefined;
  let channel: { readonly name: string; readonly url: string } | undefined;
  let waiting: Array<() => void> = [];
  let cache: Message[] = [];

  /** Makes the connection of a page; throws if the options are wrong. */
  const sessionFor = (options: Partial<InitOptions>): Session => {
    const cacheMax = Number(options.cacheMax) || 0;
    return new Session(env, settingsFrom({ ...options }, env.pageURL()), {
      named(name, url) {
        channel = { name, url };
        for (const ready of waiting.splice(0)) guarded(env, ready);
      },
      left() {
        channel = undefined;
        cache = [];
      },
      first: options.initFrameFilter && ((frames) => chosen(options.initFrameFilter, frames)),
      message(message) {
        cache.push(message);
        cache = cache.slice(Math.max(0, cache.length - cacheMax));
        subscribers.emit(message);
      },
      gap: () => undefined,
      state: () => undefined,
      error(error) {
        // Only the end is worth a word in the console: everything else goes on by itself.
        if (error.final) env.report(error);
      },
    });
  };

  /** What a page's filter makes of the first frames; nothing if it is none or fails. */
  const chosen = (filter: unknown, frames: Frame[]): Frame[] => {
    let result: unknown;
    guarded(env, () => {
      if (typeof filter === "function") result = (filter as (frames: Frame[]) => unknown)(frames);
    });
    return Array.isArray(result) ? framesIn(result) : [];
  };

  const backplane = (ready: () => void): void => {
    if (typeof ready !== "function") return;
    if (channel) guarded(env, ready);
    else waiting.push(ready);
  };

  const expectMessagesWithin: BackplaneGlobal["expectMessagesWithin"] = (seconds, types) => {
    if (!session || !(Number(seconds) > 0)) return false;
    session.expect(Number(seconds), types);
    return true;
  };

  return Object.assign(backplane, {
    version: VERSION,
    init(options: InitOptions): boolean {
      if (session) return false;
      try {
        session = sessionFor(options ?? {});
      } catch (error) {
        // Pages have always been told by the result; the reason goes to their developer.
        env.report(error);
        return false;
      }
      session.start();
      return true;
    },
    subscribe(callback: (message: Message) => void): number | false {
      if (typeof callback !== "function") return false;
      for (const message of cache) guarded(env, () => callback(message));
      return subscribers.add(callback);
    },
    unsubscribe: (id: number): boolean => subscribers.remove(id),
    getChannelID: (): string | false => channel?.url ?? false,
    getChannelName: (): string | false => channel?.name ?? false,
    expectMessagesWithin,
    expectMessages: (types?: string | readonly string[]): boolean => expectMessagesWithin(EXPECT_SECONDS, types),
    resetCookieChannel: (): void => session?.renew(),
    connect: (options: ConnectOptions) => connectFirst(env, options),
  });
}
