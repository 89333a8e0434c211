// The line to the server by which a page stays true.
(() => {
  "use strict";

  const { dailies } = window;

  const live = document.getElementById("live");
  const list = document.getElementById("job-list");
  const held = document.getElementById("held");
  // Seconds without any message (the server says something at least every ten) until a connection
  // counts as dead, as that of a laptop that slept.
  const SILENCE = 25;
  let socket = null;
  let told = "";
  let heard = Date.now();
  let failures = 0;
  let holding = false;
  // Whether the list was asked for, so that what comes may move rows whoever points at them.
  let asked = false;
  let pointer = null;

  // The row under the mouse. Asked of the place, since `:hover` is not true of an element that has
  // just been swapped in until the mouse moves again.
  function pointedAt() {
    return pointer && document.elementFromPoint(...pointer)?.closest("#job-list .job");
  }

  function view() {
    const base = new URLSearchParams(live.getAttribute("hx-ws:connect").split("?")[1]);
    if (!list) return base.toString();
    const now = new URLSearchParams(location.search);
    now.set("page", "jobs");
    const open = dailies.openIds();
    if (open.length) now.set("open", open.join(","));
    return now.toString();
  }

  function tellView(again = false) {
    const now = view();
    if (!socket || socket.readyState !== WebSocket.OPEN || (now === told && !again)) return;
    told = now;
    socket.send(JSON.stringify({ view: now }));
  }

  function say(state, words) {
    if (live.dataset.state === state) return;
    live.dataset.state = state;
    live.querySelector(".live-word").textContent = words;
  }

  function release() {
    if (!holding) return;
    holding = false;
    held.hidden = true;
    asked = true;
    tellView(true); // the server answers with all there is now
  }

  if (live) {
    live.addEventListener("htmx:ws:before:connection", (event) => {
      told = view();
      event.detail.connection.url =
        `${location.protocol === "https:" ? "wss:" : "ws:"}//${location.host}/ws/panels?${told}`;
    });
    live.addEventListener("htmx:ws:after:connection", (event) => {
      socket = event.detail.connection.socket;
      heard = Date.now();
      failures = 0;
      holding = false;
      if (held) held.hidden = true;
      tellView();
      say("live", "Live");
    });
    live.addEventListener("htmx:ws:close", (event) => {
      socket = null;
      if (event.detail.reason === "removed") return;
      if (event.detail.code === 4401) return location.reload(); // signed out: to the sign-in page
      say("lost", "Reconnecting…");
      // Refused again and again may mean that the session has ended.
      if (++failures % 3 === 0) {
        fetch("/jobs", { method: "HEAD", redirect: "manual", headers: { Accept: "text/html" } })
          .then((answer) => { if (answer.type === "opaqueredirect") location.reload(); })
          .catch(() => {});
      }
    });
    // A refused connection is said in the header; the browser notes it in the console by itself.
    live.addEventListener("htmx:ws:before:message:incoming", (event) => {
      heard = Date.now();
      let message;
      try { message = JSON.parse(event.detail.message.data); } catch { return; }
      if (!message.rows || !list) return;
      // No row moves while the pointer is on one, or the keyboard in one.
      const busy = pointedAt() || list.querySelector(".job:has(:focus-visible)");
      const shown = [...list.querySelectorAll(".job")].map((job) => job.dataset.job);
      if (!busy || asked || shown.join() === message.rows.join()) {
        asked = holding = false;
        held.hidden = true;
        return;
      }
      event.preventDefault();
      holding = true;
      held.textContent = "List has changed · show";
      held.hidden = false;
    });
    held?.addEventListener("click", release);
    list?.addEventListener("pointermove", (event) => {
      pointer = event.pointerType === "mouse" ? [event.clientX, event.clientY] : null;
    });
    list?.addEventListener("pointerleave", () => { pointer = null; release(); });

    setInterval(() => {
      if (socket && Date.now() - heard > SILENCE * 1000) socket.close(4000, "silence");
    }, 5000);
  }

  dailies.tellView = tellView;
  document.addEventListener("htmx:after:history:push", () => tellView());
  document.addEventListener("htmx:after:history:replace", () => tellView());
})();
