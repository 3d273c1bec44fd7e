/** The face for pages of today: an object per connection, handlers by type, iteration, a signal. */

import type { Environment } from "../engine/environment";
import { Session } from "../engine/session";
import type { Settings } from "../engine/settings";
import type { Bus, Frame, Gap, Message, RequestError, State, Unsubscribe } from "../public";
import { Emitter } from "./emitter";
import { Queue } from "./queue";

/** A promise of the channel's URL. */
interface Ready {
  readonly promise: Promise<string>;
  known(url: string): void;
  never(error: Error): void;
}

/** Of version 2.0 the messages are headers: see `HeaderBus`. */
export function connectWith(env: Environment, settings: Settings, signal: AbortSignal | undefined): Bus {
  const messages = new Emitter<[Message, Frame]>(env);
  const channels = new Emitter<[string]>(env);
  const gaps = new Emitter<[Gap]>(env);
  const states = new Emitter<[State]>(env);
  const errors = new Emitter<[RequestError]>(env);
  const queues = new Set<Queue<Message>>();
  let channelId: string | undefined;
  let ready = pending();

  const session = new Session(env, settings, {
    named(_name, url) {
      channelId = url;
      ready.known(url);
      channels.emit(url);
    },
    left() {
      channelId = undefined;
      ready = pending();
    },
    message(message, frame) {
      messages.emit(message, frame);
      for (const queue of [...queues]) queue.push(message);
    },
    gap: (gap) => gaps.emit(gap),
    state(state) {
      states.emit(state);
      if (state === "closed") end();
    },
    error: (error) => errors.emit(error),
  });

  const close = (): void => session.close();
  const end = (): void => {
    signal?.removeEventListener("abort", close);
    ready.never(closed());
    for (const queue of [...queues]) queue.close();
    for (const emitter of [messages, channels, gaps, states, errors]) emitter.clear();
  };
  signal?.addEventListener("abort", close);
  if (signal?.aborted) close();
  else session.start();

  return {
    get channelId() {
      return channelId;
    },
    get ready() {
      return ready.promise;
    },
    get state() {
      return session.state;
    },
    get via() {
      return session.via;
    },
    on<Payload>(type: string, handler: (message: Message<Payload>, frame: Frame) => void) {
      if (typeof type !== "string" || typeof handler !== "function") {
        throw new TypeError("Backplane: on takes a message type and a function");
      }
      return messages.on((message, frame) => {
        if (message.type === type) handler(message as Message<Payload>, frame);
      });
    },
    onAny: adder("onAny", messages),
    onChannel: adder("onChannel", channels),
    onGap: adder("onGap", gaps),
    onState: adder("onState", states),
    onError: adder("onError", errors),
    expect(seconds, types) {
      const list = typeof types === "string" ? [types] : (types ?? []);
      if (!(seconds > 0) || !Array.isArray(list) || list.some((type) => typeof type !== "string")) {
        throw new TypeError("Backplane: expect takes a number of seconds above 0, and message types");
      }
      session.expect(seconds, list);
    },
    reset() {
      if (session.state === "closed") return Promise.reject(closed());
      session.renew();
      return ready.promise;
    },
    close,
    [Symbol.asyncIterator]() {
      const queue: Queue<Message> = new Queue(() => queues.delete(queue));
      if (session.state === "closed") queue.close();
      else queues.add(queue);
      return queue;
    },
  };
}

function closed(): Error {
  return new Error("Backplane: the connection was closed before it had a channel");
}

function pending(): Ready {
  let settle: Omit<Ready, "promise"> | undefined;
  const promise = new Promise<string>((known, never) => (settle = { known, never }));
  // Whoever does not wait for it need not care that it never comes.
  promise.catch(() => undefined);
  return { promise, known: (url) => settle?.known(url), never: (error) => settle?.never(error) };
}

/** The function of a bus that adds a handler. */
function adder<Arguments extends readonly unknown[]>(
  name: string,
  emitter: Emitter<Arguments>,
): (handler: (...values: Arguments) => void) => Unsubscribe {
  return (handler) => {
    if (typeof handler !== "function") throw new TypeError(`Backplane: ${name} takes a function`);
    return emitter.on(handler);
  };
}
