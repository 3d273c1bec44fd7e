/** Tokens, where requests cross each other. */

import { describe, expect, test } from "vitest";
import { passText } from "../src/core/token";
import type { Getter } from "../src/engine/environment";
import { strictSettings2 } from "../src/engine/settings2";
import { Tokens } from "../src/engine/tokens";
import { BASE2, refusal } from "./server2";
import { BUS, reply, World } from "./world";

const CHANNEL = "c".repeat(32);
const OVER = refusal("invalid_token", "invalid token", 401);
const COOKIE = { expires: "", scope: {} };

/** A page with a token, before a server that a test answers for. */
async function page(cookie: typeof COOKIE | undefined): Promise<{ world: World; tokens: Tokens; asked: string[]; lost: string[]; answers: Array<(body: unknown) => void> }> {
  const world = new World();
  const [asked, lost, answers]: [string[], string[], Array<(body: unknown) => void>] = [[], [], []];
  const getter: Getter = {
    get: (url) => {
      asked.push(new URL(url).search);
      return new Promise((resolve) => answers.push((body) => resolve(reply(body))));
    },
  };
  const host = { over: new AbortController(), remembered: undefined, read: () => undefined, lost: (channel: string) => void lost.push(channel) };
  const settings = strictSettings2({ version: 2, serverBaseURL: BASE2, busName: BUS }, world.pageURL());
  const tokens = new Tokens(world, settings, host, getter);
  tokens.admit(`${"t".repeat(20)}:${CHANNEL}:${"r".repeat(20)}`);
  tokens.keep(CHANNEL, cookie);
  return { world, tokens, asked, lost, answers };
}

function grant(letter: string, channel = CHANNEL): unknown {
  return { access_token: letter.repeat(20), refresh_token: "r".repeat(20), scope: `bus:${BUS} channel:${channel}` };
}

/** A request that is good with this token only. */
function only(letter: string): (token: string) => Promise<string> {
  return async (token) => {
    if (!token.startsWith(letter)) throw OVER;
    return token;
  };
}

describe("a token that is over", () => {
  test.each([COOKIE, undefined])("is renewed once for all requests that wait for it, and for one that fails late (%j)", async (cookie) => {
    const { world, tokens, asked, answers } = await page(cookie);
    let fail = (): void => undefined;
    const late = tokens.using(CHANNEL, async (token) => {
      if (token.startsWith("t")) await new Promise((_resolve, reject) => (fail = () => reject(OVER)));
      return token;
    });
    const both = [tokens.using(CHANNEL, only("u")), tokens.using(CHANNEL, only("u"))];
    await world.settle();
    answers[0]?.(grant("u"));
    expect(await Promise.all(both)).toEqual(["u".repeat(20), "u".repeat(20)]);
    fail();
    expect(await late).toBe("u".repeat(20));
    expect(asked).toEqual([`?refresh_token=${"r".repeat(20)}`]);
  });

  test("is not renewed into another channel", async () => {
    const { world, tokens, answers, lost } = await page(COOKIE);
    const result = tokens.using(CHANNEL, only("u"));
    await world.settle();
    answers[0]?.(grant("u", "d".repeat(32)));
    await expect(result).rejects.toThrow("the server's new token is of another channel");
    expect([lost, tokens.has("d".repeat(32))]).toEqual([[], false]);
  });

  test("is forgotten if the page has left its channel meanwhile, and the cookie is the new one's", async () => {
    const { world, tokens, answers } = await page(COOKIE);
    const result = tokens.using(CHANNEL, only("u"));
    await world.settle();
    const other = { token: "o".repeat(20), channel: "d".repeat(32), refresh: "r".repeat(20) };
    tokens.admit(passText(other));
    tokens.keep(other.channel, COOKIE);
    answers[0]?.(grant("u"));
    await expect(result).rejects.toMatchObject({ code: "invalid_token" });
    expect([tokens.has(CHANNEL), tokens.has(other.channel)]).toEqual([false, true]);
    expect(world.cookie).toContain(passText(other));
  });

  test("leaves the cookie as it is if another page has put another channel there", async () => {
    const { world, tokens, answers } = await page(COOKIE);
    const result = tokens.using(CHANNEL, only("u"));
    await world.settle();
    world.cookie = `backplane2-channel=${"o".repeat(20)}:${"d".repeat(32)}:${"r".repeat(20)}`;
    const before = world.cookie;
    answers[0]?.(grant("u"));
    await result;
    tokens.leave(CHANNEL, COOKIE);
    expect(world.cookie).toBe(before);
  });

  test("for good is told, and after a request that went well the next loss is as the first", async () => {
    const { world, tokens, answers, lost, asked } = await page(COOKIE);
    for (const channel of [CHANNEL, "d".repeat(32)]) {
      const result = tokens.using(channel, only("u")).catch((error: unknown) => error);
      await world.settle();
      answers[answers.length - 1]?.({ error: "invalid_request", error_description: "invalid token" });
      expect(await result).toMatchObject({ code: "invalid_token" });
      expect(lost[lost.length - 1]).toBe(channel);
      tokens.leave(channel, COOKIE);
      const fresh = tokens.enter(new AbortController().signal, COOKIE);
      await world.settle();
      answers[answers.length - 1]?.(grant("v", channel === CHANNEL ? "d".repeat(32) : "e".repeat(32)));
      const entered = await fresh;
      tokens.keep(entered, COOKIE);
      expect(await tokens.using(entered, only("v"))).toBe("v".repeat(20));
    }
    expect(asked.filter((query) => query === `?bus=${BUS}`)).toHaveLength(2);
  });
});

test("V2-ERR-1 a server's words for a token that is over are these, and no others", async () => {
  const { tokens, asked } = await page(COOKIE);
  const denied = refusal("invalid_request", "Invalid token", 403);
  await expect(tokens.using(CHANNEL, () => Promise.reject(denied))).rejects.toBe(denied);
  expect(asked).toEqual([]);
});
