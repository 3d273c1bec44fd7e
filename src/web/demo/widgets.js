// Three widgets, each as its vendor would write it. Neither knows of the others: they share a page, and with it a channel.

import { connect } from "/backplane.mjs";
import { send } from "./way.js";

const LOGIN = "identity/login";
const COMMENT = "comments/new";
/** Longest list of comments. */
const COMMENTS = 6;

/** What each of them does first: all get one connection. From `start` it begins with what the channel still has. */
export function join(from = "start") {
  return connect({ serverBaseURL: `${location.origin}/v1`, busName: "demo", from });
}

const nameIn = ({ identities }) => String(identities?.entry?.displayName ?? "somebody");

/** Calls `run` with what was typed, or tells what the vendor's server has against it. */
function submitted(form, note, run) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    try {
      await run(form.elements);
    } catch (error) {
      note.textContent = error.message;
    }
  });
}

/** login.example: its server posts who has signed in. To sign out is to leave the channel, in all tabs. */
export function signInWidget(box) {
  const bus = join();
  const [form, signedIn, note] = ["form", ".signed-in", ".hint"].map((part) => box.querySelector(part));
  const [name, out] = ["#name", ".signed-in button"].map((part) => box.querySelector(part));

  const show = (user) => {
    form.hidden = user !== undefined;
    signedIn.hidden = user === undefined;
    box.querySelector(".user").textContent = user ?? "";
  };
  submitted(form, note, async () => {
    await send("login.example", "/demo/sign-in", { channel: channelOf(bus), name: name.value });
    note.textContent = "The provider’s server has posted identity/login to this visitor’s channel.";
  });
  out.addEventListener("click", async () => {
    await bus.reset();
    note.textContent = "Signed out: this visitor has a new channel, which knows nothing of the old one.";
    name.focus();
  });
  bus.on(LOGIN, ({ payload }) => {
    const hadFocus = form.contains(document.activeElement);
    show(nameIn(payload));
    // Whoever uses the keyboard goes on where the form was.
    if (hadFocus) out.focus();
  });
  bus.onChannel(() => {
    show(undefined);
    note.textContent = "The provider’s server will post identity/login.";
  });
}

/** comments.example: greets who has signed in elsewhere, and its server posts each new comment. */
export function commentsWidget(box) {
  const bus = join();
  const [greeting, form, list] = [".greeting", "form", ".list"].map((part) => box.querySelector(part));
  let user;

  bus.on(LOGIN, ({ payload }) => {
    user = nameIn(payload);
    greeting.textContent = `Hello ${user}, what do you think?`;
    form.hidden = false;
    box.classList.add("told");
  });
  bus.on(COMMENT, ({ payload }) => {
    const item = document.createElement("li");
    item.textContent = `${payload.author}: ${payload.text}`;
    list.prepend(item);
    list.children[COMMENTS]?.remove();
  });
  submitted(form, greeting, ({ text }) =>
    send("comments.example", "/demo/comment", { channel: channelOf(bus), name: user, text: text.value }),
  );
  bus.onChannel(() => {
    greeting.textContent = "Sign in to comment.";
    form.hidden = true;
    list.replaceChildren();
    box.classList.remove("told");
  });
}

/** share.example: has no server here. It hears of sign-ins and of comments. */
export function shareWidget(box) {
  const bus = join();
  const greeting = box.querySelector(".greeting");

  bus.on(LOGIN, ({ payload }) => {
    greeting.textContent = `${nameIn(payload)}, tell your friends about this page.`;
    box.classList.add("told");
  });
  bus.on(COMMENT, ({ payload }) => {
    greeting.textContent = `Share what ${payload.author} said: “${payload.text}”`;
    box.classList.add("told");
  });
  bus.onChannel(() => {
    greeting.textContent = "Nobody is signed in.";
    box.classList.remove("told");
  });
}

/** The channel's name, which a vendor's page hands to its server. */
export function channelOf(bus) {
  if (bus.channelId === undefined) throw new Error("There is no channel yet.");
  return bus.channelId.split("/").pop();
}
