import { describe, expect, test } from "vitest";
import { base64url } from "./world";
import { channelNameFrom, channelURL, isChannelName, newChannelURL, RANDOM_BYTES, serverBase } from "../src/core/channel";

const PAGE = "https://www.customer.com/a/b.html?c";

describe("names", () => {
  test("V1-NEW-1 a name of the page's own making has 32 base64url characters and shows every bit", () => {
    const name = (bytes: Uint8Array): string => channelNameFrom(bytes);
    expect(name(new Uint8Array(RANDOM_BYTES))).toBe("A".repeat(32));
    expect(name(new Uint8Array(RANDOM_BYTES).fill(255))).toBe("_".repeat(32));
    const bytes = Uint8Array.from({ length: RANDOM_BYTES }, (_, n) => n * 11);
    expect(name(bytes)).toBe(base64url(bytes));
    expect(isChannelName(name(bytes))).toBe(true);
  });

  test("MSG-8 only base64url characters", () => {
    for (const good of ["a", "A-z_0-9", "x".repeat(128)]) expect(isChannelName(good), good).toBe(true);
    for (const bad of ["", "a b", "a.b", "a\n", "ä", "new", "x".repeat(129), 5, null]) {
      expect(isChannelName(bad), String(bad)).toBe(false);
    }
  });
});

describe("addresses", () => {
  test("the server's address as pages write it", () => {
    for (const [text, base] of [
      ["http://bp.example.com/v1", "http://bp.example.com/v1"],
      [" https://bp.example.com/v1// ", "https://bp.example.com/v1"],
      ["//bp.example.com/v1", "https://bp.example.com/v1"],
      ["bp.example.com/v1", "https://bp.example.com/v1"],
      ["localhost:8080/v1", "https://localhost:8080/v1"],
      ["/backplane/v1/", "https://www.customer.com/backplane/v1"],
    ] as const) {
      expect(serverBase(text, PAGE), text).toBe(base);
    }
    for (const bad of ["", "  ", "https://", "javascript:alert(1)", "https://x/v1?a=b", undefined, 5]) {
      expect(serverBase(bad, PAGE), String(bad)).toBeUndefined();
    }
  });

  test("a channel's URL is its ID", () => {
    expect(channelURL("http://backplane.customer.com/v1", "customer.com", "8ec9")).toBe(
      "http://backplane.customer.com/v1/bus/customer.com/channel/8ec9",
    );
  });

  test("JS-2 new names come from version 1.1 or later of the same server", () => {
    expect(newChannelURL("https://x/v1", "b")).toBe("https://x/v1.1/bus/b/channel/new");
    expect(newChannelURL("https://x/v1.2", "b")).toBe("https://x/v1.2/bus/b/channel/new");
    expect(newChannelURL("https://x/api", "b")).toBeUndefined();
    expect(newChannelURL("https://x/v2", "b")).toBeUndefined();
  });
});
