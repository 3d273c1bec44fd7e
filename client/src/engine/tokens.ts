/**
 * The tokens of a page for one bus of version 2.0 (V2-ANON-1). They end after an hour or so, and nobody is told of it: a request that
 * is refused for that gets a new token and is made again.
 *
 * A new one may be asked for as often as one likes, so pages need not agree who does it; what one has got, the others take from the
 * cookie, if there is one.
 */

import { backoff } from "../core/backoff";
import { cookieText, inFiveYears, valueOf } from "../core/cookie";
import { isObject } from "../core/json";
import { MARK_COOKIE, markOf, PASS_COOKIE, passFrom, passIn, passText, readGrant, type Grant, type Pass } from "../core/token";
import type { DoorHost } from "./door";
import type { Environment, Getter, Reply } from "./environment";
import { BackplaneError } from "./error";
import type { CookieSettings, Settings } from "./settings";
import { within } from "./within";

/** What servers say of a token that is over or was never theirs (V2-ERR-1). */
const OVER = "invalid token";
/** A request gets so many new tokens: another page's, then its own. */
const RENEWALS = 2;
const LONG_AGO = "Thu, 01 Jan 1970 00:00:00 GMT";

export class Tokens {
  private readonly passes = new Map<string, Pass>();
  private readonly renewals = new Map<string, Promise<void>>();
  /** The token that a server has told is over. */
  private ended = "";
  /** How the page's channel is kept in the cookie, if it is. */
  private cookie: CookieSettings | undefined;
  /** The channel that was put into the cookie last. */
  private kept: string | undefined;
  /** The channel that was left last: a cookie that cannot be taken away may go on to name it. */
  private left: string | undefined;
  /** Channels that were lost in a row, and until when no other is asked for. */
  private losses = 0;
  private notBefore = -Infinity;

  constructor(
    private readonly env: Environment,
    private readonly settings: Settings,
    private readonly host: DoorHost,
    private readonly getter: Getter,
  ) {}

  /** Makes a request with the channel's token, and again with a new one when that is over. */
  async using<T>(channel: string, run: (token: string) => Promise<T>): Promise<T> {
    for (let renewals = 0; ; renewals += 1) {
      const pass = this.passes.get(channel);
      // The page has left it.
      if (pass === undefined) throw lost();
      try {
        if (pass.token === this.ended) throw lost();
        const result = await run(pass.token);
        this.losses = 0;
        return result;
      } catch (error) {
        if (!isOver(error)) throw error;
        if (renewals === RENEWALS) throw lost();
        await this.renew(pass);
      }
    }
  }

  /** The server has ended a stream because its token is over. */
  expired(channel: string): void {
    this.ended = this.passes.get(channel)?.token ?? "";
  }

  /** Lets the page into a channel: that of the cookie, if it is of this bus, else a new one. */
  async enter(signal: AbortSignal, cookie: CookieSettings | undefined): Promise<string> {
    const wait = this.notBefore - this.env.now();
    if (wait > 0) throw new BackplaneError("the server does not take the tokens that it gives out", { code: "invalid_token", retryAfter: wait });
    return (await this.verified(signal, cookie)) ?? (await this.fresh(signal));
  }

  /** The channel of the cookie, if it is known to be of this bus. */
  known(cookie: CookieSettings | undefined): string | undefined {
    const pass = this.inCookie(cookie);
    if (pass === undefined || valueOf(this.env.readCookie(), MARK_COOKIE) !== this.mark(pass.channel)) return undefined;
    this.passes.set(pass.channel, pass);
    return pass.channel;
  }

  has(channel: string): boolean {
    return this.passes.has(channel);
  }

  /** The page's channel is this one; of others nothing is remembered. What was kept once is not kept again over what others keep. */
  keep(channel: string, cookie: CookieSettings | undefined): void {
    const pass = this.passes.get(channel);
    this.passes.clear();
    if (pass === undefined) return;
    this.passes.set(channel, pass);
    this.cookie = cookie ?? this.cookie;
    if (this.kept !== channel) this.write(pass);
  }

  /** Takes a channel out of the cookie, unless another page has put another one there. */
  leave(channel: string | undefined, cookie: CookieSettings | undefined): void {
    const kept = this.inCookie(cookie);
    this.left = channel ?? kept?.channel;
    if (!cookie || (kept !== undefined && kept.channel !== this.left)) return;
    for (const name of [PASS_COOKIE, MARK_COOKIE]) this.writeCookie(name, "", LONG_AGO, cookie);
  }

  text(channel: string): string {
    const pass = this.passes.get(channel);
    return pass ? passText(pass) : "";
  }

  /** Another page has passed this on. */
  admit(text: string): string | undefined {
    const pass = passFrom(text);
    if (pass === undefined) return undefined;
    this.passes.clear();
    this.passes.set(pass.channel, pass);
    return pass.channel;
  }

  private inCookie(cookie: CookieSettings | undefined): Pass | undefined {
    const pass = cookie ? passIn(this.env.readCookie()) : undefined;
    return pass?.channel === this.left ? undefined : pass;
  }

  /** The channel of the cookie, if the server says that it is of this bus. */
  private async verified(signal: AbortSignal, cookie: CookieSettings | undefined): Promise<string | undefined> {
    const kept = this.inCookie(cookie);
    if (!kept?.refresh) return undefined;
    try {
      const { pass, bus, filters } = await this.ask(`refresh_token=${kept.refresh}`, signal);
      if (bus !== this.settings.bus || filters !== this.settings.scope || pass.channel !== kept.channel) return undefined;
      this.passes.set(pass.channel, pass);
      return pass.channel;
    } catch (error) {
      if (isOver(error)) return undefined;
      throw error;
    }
  }

  private async fresh(signal: AbortSignal): Promise<string> {
    const { bus, scope } = this.settings;
    const asked = `bus=${encodeURIComponent(bus)}${scope === "" ? "" : `&scope=${encodeURIComponent(scope)}`}`;
    const grant = await this.ask(asked, signal).catch((error: unknown) => {
      throw hopeless(error);
    });
    if (grant.bus !== bus) throw new SyntaxError("the server's token is of another bus");
    this.passes.set(grant.pass.channel, grant.pass);
    return grant.pass.channel;
  }

  private async ask(query: string, signal: AbortSignal): Promise<Grant> {
    const { body } = checked(await this.getter.get(`${this.settings.base}/token?${query}`, signal));
    return readGrant(body);
  }

  /** One request for all who wait for it. */
  private renew(pass: Pass): Promise<void> {
    const { channel } = pass;
    const current = this.passes.get(channel);
    if (current !== undefined && current.token !== pass.token) return Promise.resolve();
    const renewal = this.renewals.get(channel) ?? this.renewed(pass).finally(() => this.renewals.delete(channel));
    this.renewals.set(channel, renewal);
    return renewal;
  }

  private async renewed({ token, channel, refresh }: Pass): Promise<void> {
    const others = this.inCookie(this.cookie);
    if (others?.channel === channel && others.token !== token) {
      this.passes.set(channel, others);
      return;
    }
    try {
      if (refresh === "") throw lost();
      const { pass } = await within(this.env, this.host.over.signal, (signal) => this.ask(`refresh_token=${refresh}`, signal));
      if (pass.channel !== channel) throw new SyntaxError("the server's new token is of another channel");
      if (!this.passes.has(channel)) return;
      this.passes.set(channel, pass);
      // Who waits for the token need not wait for the other pages.
      void this.env.alone(() => {
        // The page may have left the channel since, or another page.
        if (this.passes.has(channel) && passIn(this.env.readCookie())?.channel === channel) this.write(pass);
      });
    } catch (error) {
      if (!isOver(error)) throw error;
      this.lose(channel);
      throw lost();
    }
  }

  /** A server that takes back what it has just given is not asked for more and more. */
  private lose(channel: string): void {
    if (!this.passes.delete(channel)) return;
    if (this.losses > 0) this.notBefore = this.env.now() + backoff(this.losses, this.env.random());
    this.losses += 1;
    this.host.lost(channel);
  }

  private mark(channel: string): string {
    return markOf(channel, this.settings.bus, this.settings.scope);
  }

  private write(pass: Pass): void {
    const { cookie, env } = this;
    if (!cookie) return;
    this.kept = pass.channel;
    const expires = cookie.expires ?? inFiveYears(new Date(env.date()));
    this.writeCookie(PASS_COOKIE, passText(pass), expires, cookie);
    this.writeCookie(MARK_COOKIE, this.mark(pass.channel), expires, cookie);
    // As for the channels of 1.x (`Names`): reading waits for what was written.
    env.readCookie();
  }

  private writeCookie(name: string, value: string, expires: string, { scope }: CookieSettings): void {
    const secure = this.env.pageURL().startsWith("https:");
    this.env.writeCookie(cookieText(name, value, expires, secure, scope));
  }
}

/** Padded answers bring their errors as bodies (V2-PAD-1). */
export function checked(reply: Reply): Reply {
  const { body } = reply;
  if (!isObject(body) || typeof body["error"] !== "string") return reply;
  const { error: code, error_description: text } = body;
  const description = typeof text === "string" ? text : "";
  throw new BackplaneError(`the server answered ${code}${description ? `: ${description}` : ""}`, { code, description });
}

function isOver(error: unknown): boolean {
  return error instanceof BackplaneError && error.description === OVER;
}

/** Without a status, which would say something of the way by which it was asked. */
function lost(): BackplaneError {
  return new BackplaneError("the server does not take this page's token", { code: "invalid_token", description: OVER });
}

/** What will not be given tomorrow either, such as a channel of a bus that is not there, is not asked for again. */
function hopeless(thrown: unknown): BackplaneError {
  const error = BackplaneError.from(thrown);
  const { message, status, code = "", description } = error;
  if (!/^(access_denied|invalid_|unauthorized_|unsupported_|unknown_bus)/.test(code)) return error;
  return new BackplaneError(message, { status, code, description, final: true });
}
