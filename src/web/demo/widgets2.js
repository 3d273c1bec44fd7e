// Three widgets of version 2.0, each as its vendor would write it. None sees a payload: each asks its own server what a message means for it.

import { connect } from "/backplane.mjs";

export const LOGIN = "identity/login";
export const LOGOUT = "identity/logout";

/** What each of them does first: all get one connection. From `start` it begins with what the channel still has. */
export function join() {
  return connect({ version: 2, serverBaseURL: `${location.origin}/v2`, busName: "demo", from: "start" });
}

/** Asks a vendor's server, and resolves to its answer and the time that the broker took, in milliseconds. In life that server is somewhere else. */
export async function ask(vendor, call, form) {
  const answer = await fetch(`/demo/${vendor}/${call}`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(form),
  });
  const said = await answer.json();
  if (!answer.ok) throw new Error(said.error_description);
  const [, took] = /broker;dur=([\d.]+)/.exec(answer.headers.get("Server-Timing")) ?? [];
  return { said, took: Number(took) };
}

/** The channel's name, which a vendor's page hands to its server. */
export function channelOf(bus) {
  if (bus.channelId === undefined) throw new Error("There is no channel yet.");
  return bus.channelId.split("/").pop();
}

/**
 * Who is signed in, as a vendor's widget finds out: `hello` is called with a name, `goodbye` when nobody is any more, `sorry` when the
 * vendor's server cannot say. `told` is told of each step, for the drawing.
 */
function visitor(vendor, told, { hello, goodbye, sorry }) {
  const bus = join();
  // What is heard while a server thinks makes its answer an old one.
  let heard = 0;
  bus.on(LOGIN, async ({ messageURL }) => {
    heard += 1;
    const mine = heard;
    told("url", vendor, messageURL);
    try {
      const { said, took } = await ask(vendor, "session", { messageURL });
      told("payload", vendor, messageURL, took);
      told("name", vendor, messageURL);
      if (mine === heard) hello(said.name);
    } catch (error) {
      if (mine === heard) sorry(error.message);
    }
  });
  const nobody = () => {
    heard += 1;
    goodbye();
  };
  bus.on(LOGOUT, nobody);
  bus.onChannel(nobody);
  return bus;
}

/** login.example: its server posts who has signed in, and who has signed out. `post` does so and draws it. */
export function signInWidget(box, told, post) {
  const [form, signedIn, note] = ["form", ".signed-in", ".hint"].map((part) => box.querySelector(part));
  const [name, out] = ["#name", ".signed-in button"].map((part) => box.querySelector(part));

  /** Whoever uses the keyboard goes on where the form or the button was. */
  const show = (user) => {
    const hadFocus = box.contains(document.activeElement);
    form.hidden = user !== undefined;
    signedIn.hidden = user === undefined;
    box.querySelector(".user").textContent = user ?? "";
    if (hadFocus) (user === undefined ? name : out).focus();
  };
  const bus = visitor("login.example", told, {
    hello: show,
    goodbye: () => show(undefined),
    sorry: (text) => (note.textContent = text),
  });
  const run = async (call, form) => {
    note.textContent = "";
    try {
      await post(call, { channel: channelOf(bus), ...form });
    } catch (error) {
      note.textContent = error.message;
    }
  };
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    run("login", { name: name.value });
  });
  out.addEventListener("click", () => run("logout", {}));
}

/** comments.example: greets who has signed in elsewhere. */
export function commentsWidget(box, told) {
  greeter(box, "comments.example", told, "Sign in to comment.", (name) => `Hello ${name}, what do you think?`);
}

/** share.example: the same, in other words. */
export function shareWidget(box, told) {
  greeter(box, "share.example", told, "Nobody is signed in.", (name) => `${name}, tell your friends about this page.`);
}

function greeter(box, vendor, told, nobody, words) {
  const greeting = box.querySelector(".greeting");
  const say = (text, isTold) => {
    greeting.textContent = text;
    box.classList.toggle("told", isTold);
  };
  visitor(vendor, told, {
    hello: (name) => say(words(name), true),
    goodbye: () => say(nobody, false),
    sorry: (text) => say(text, false),
  });
}
