import { describe, expect, test } from "vitest";
import { unwrap } from "../src/core/envelope";
import { base64url } from "./world";

const INSIDE = { source: "http://client.com", type: "t", payload: { text: "Grüße, 世界 🦀", n: 1.5 } };

function envelope(data: string): Record<string, unknown> {
  return { data, data_type: "application/json", encoding: "base64url", alg: "RSA-SHA256", sigs: [{ value: "c2ln" }] };
}

describe("MSG-7 envelopes", () => {
  test("a bare message stays as it is, also with only one of the two fields", () => {
    for (const bare of [INSIDE, { ...INSIDE, data: "x" }, { ...INSIDE, sigs: [] }]) expect(unwrap(bare)).toBe(bare);
  });

  test("JS-8 the message inside comes out, with or without padding or white space", () => {
    for (let extra = 0; extra < 3; extra += 1) {
      const message = { ...INSIDE, extra: "x".repeat(extra) };
      const data = base64url(JSON.stringify(message));
      const padded = data + "=".repeat((4 - (data.length % 4)) % 4);
      const spaced = [...padded].join(" \n");
      for (const text of [data, padded, spaced]) expect(unwrap(envelope(text))).toEqual(message);
    }
  });

  test("what holds no message throws", () => {
    for (const bad of ["!", base64url("{"), base64url("[]"), base64url("null"), base64url(Uint8Array.of(0x22, 0xff, 0x22))]) {
      expect(() => unwrap(envelope(bad)), bad).toThrow();
    }
  });
});
