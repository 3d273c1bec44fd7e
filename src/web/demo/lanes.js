// The drawing of what goes where: this page, Backplane, the vendors' servers. All times in it are measured.

/** The steps after a header has come: what each vendor's widget and server do by themselves. */
const ASKING = ["url", "payload", "name"];
const STEPS = ["form", "post", "header", ...ASKING];

const step = (name) => document.getElementById(`step-${name}`);

/** The message whose steps are shown: its URL once that is known, when it began, and whether this tab asked for it. */
let shown = { url: undefined, began: 0, isOwn: false };
let said = {};

/** A form was sent; `post` says what the vendor's server is going to post. */
export function begin(post) {
  shown = { url: undefined, began: performance.now(), isOwn: true };
  said = {};
  name(post);
  tell("form", "at 0 ms");
}

/** The vendor's server has answered. `took`: what the broker took of it, in milliseconds. */
export function posted(took) {
  tell("post", `answered after ${since()}, of which Backplane took ${took.toFixed(2)} ms`);
}

/** It has refused: nothing will come. */
export function refused() {
  said = {};
  for (const name of STEPS) tell(name, "");
}

/** A header has come to the page. */
export function headed({ messageURL, type }) {
  const isAwaited = shown.isOwn && shown.url === undefined;
  if (!isAwaited) {
    shown = { began: performance.now(), isOwn: false };
    said = {};
    name(type);
    for (const name of ["form", "post"]) tell(name, "not by this tab, or before it was here");
  }
  shown.url = messageURL;
  tell("header", isAwaited ? `after ${since()}` : `at ${new Date().toLocaleTimeString()}`);
  const asks = type === "identity/login";
  for (const name of ASKING) {
    tell(name, asks ? "" : "not needed: the header says it all");
    step(name).classList.toggle("spared", !asks);
  }
}

/** A vendor's widget or server has done its part for a message. */
export function vendorDid(what, vendor, url, took) {
  // Of an older message: its steps are not those that are shown.
  if (url !== shown.url) return;
  const time = took === undefined ? since() : `${took.toFixed(2)} ms`;
  const times = (said[what] ??= []);
  times.push(`${vendor.replace(".example", "")} ${took === undefined ? "after " : "in "}${time}`);
  tell(what, times.join(", "));
}

function since() {
  return `${(performance.now() - shown.began).toFixed(1)} ms`;
}

function name(type) {
  step("post").querySelector("code").textContent = type;
}

function tell(name, text) {
  step(name).querySelector(".time").textContent = text;
  step(name).classList.toggle("reached", text !== "");
}
