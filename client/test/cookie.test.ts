import { describe, expect, test } from "vitest";
import { channelIn, cookieWith, inFiveYears } from "../src/core/cookie";

describe("JS-3 the cookie", () => {
  test("holds the channel of each bus", () => {
    const cookies = "a=b; backplane-channel=example.com:123|example.org:456; c=d";
    expect(channelIn(cookies, "example.com")).toBe("123");
    expect(channelIn(cookies, "example.org")).toBe("456");
    expect(channelIn(cookies, "example.net")).toBeUndefined();
  });

  test("is not mistaken for others whose names end like it", () => {
    expect(channelIn("xbackplane-channel=b:1; backplane-channel2=b:2", "b")).toBeUndefined();
    expect(channelIn("backplane-channel", "b")).toBeUndefined();
    expect(channelIn("", "b")).toBeUndefined();
  });

  test("escaped names of older libraries are understood, and bad names are none", () => {
    expect(channelIn("backplane-channel=my%2Dbus:abc%2D1", "my-bus")).toBe("abc-1");
    for (const bad of ["", "a b", "a%2Fb", "ä", "%zz", "a:b", "new", "x".repeat(129)]) {
      expect(channelIn(`backplane-channel=b:${bad}`, "b"), bad).toBeUndefined();
    }
  });

  test("entries of other buses are kept as they are, also those that nobody understands", () => {
    const written = cookieWith("backplane-channel=x:1|b:old|%zz|y%2F:2", "b", "chan", "", false);
    expect(written).toBe("backplane-channel=x:1|%zz|y%2F:2|b:chan;path=/;SameSite=Lax");
    expect(cookieWith("backplane-channel=x:1|b:old", "b", undefined, "", false)).toMatch(/^backplane-channel=x:1;/);
  });

  test("lasts five years, on path /, without a domain, secure on secure pages", () => {
    const expires = inFiveYears(new Date(Date.UTC(2026, 1, 3, 4, 5, 6)));
    expect(cookieWith("", "b", "c", expires, true)).toBe(
      "backplane-channel=b:c;expires=Mon, 03 Feb 2031 04:05:06 GMT;path=/;SameSite=Lax;Secure",
    );
  });

  test("what is written is read back, for any history of buses", () => {
    let cookie = "";
    for (const [bus, channel] of [["a", "1"], ["b", "2"], ["a", "3"], ["c.com", "x-_"], ["b", "4"]] as const) {
      cookie = cookieWith(cookie, bus, channel, "", false).split(";")[0] ?? "";
    }
    expect(["a", "b", "c.com"].map((bus) => channelIn(cookie, bus))).toEqual(["3", "4", "x-_"]);
  });
});
