// <media-status media-id="…">: how far a media of Dailies is, on any page. Needs nothing else.
//
// docs/embedding.md tells what it takes and gives. It listens to the event feed over a WebSocket,
// and asks every few seconds wherever that does not work.
(() => {
  "use strict";
  if (customElements.get("media-status")) return;

  const POLL = 3000; // milliseconds between two questions while nothing is heard
  const SAFETY = 30000; // the same while the socket tells what happens
  const SILENCE = 45000; // a socket that says nothing for so long is gone; its heart beats every 15 s
  const LONGEST = 30000; // longest wait before another try
  const OVER = ["READY", "FAILED"];
  // Asking again the same way cannot help: the session, the token, the origin or the question.
  const REFUSED = [400, 401, 403, 404, 422];
  const CLOSED_FOR_GOOD = [4400, 4401, 4403];

  // Where this script came from; nothing where a bundler put it into another.
  const source = document.currentScript?.src || "";
  const HOME = /\/static\/media-status\.js(\?.*)?$/.test(source)
    ? source.replace(/\/static\/media-status\.js(\?.*)?$/, "")
    : location.origin;

  const styles = new CSSStyleSheet();
  styles.replaceSync(`
    :host {
      --media-status-background: #fff; --media-status-border: #dadfe5; --media-status-text: #1d2733;
      --media-status-second: #5f6b7a; --media-status-track: #e6e7e9;
      --media-status-waiting: #667382; --media-status-active: #206bc4;
      --media-status-completed: #2fb344; --media-status-failed: #d63939;
      display: block; font: 14px/1.4 system-ui, sans-serif; color: var(--media-status-text);
      font-variant-numeric: tabular-nums;
    }
    @media (prefers-color-scheme: dark) {
      :host {
        --media-status-background: #222427; --media-status-border: #3a3e45;
        --media-status-text: #e8ebee; --media-status-second: #a4adb8;
        --media-status-track: #3b3f46; --media-status-waiting: #8a97a6;
        --media-status-active: #3b82e0; --media-status-failed: #e5484d;
      }
    }
    :host([hidden]), [hidden] { display: none !important; }
    .box {
      display: flex; gap: 12px; align-items: center; padding: 12px; border-radius: 6px;
      border: 1px solid var(--media-status-border); background: var(--media-status-background);
    }
    img { width: 96px; height: 54px; object-fit: cover; border-radius: 4px; flex: none;
      background: var(--media-status-track); }
    .main { flex: 1; min-width: 0; }
    .line { display: flex; gap: 12px; justify-content: space-between; }
    .name { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; font-weight: 500; }
    .state { display: flex; gap: 6px; align-items: center; white-space: nowrap; }
    .dot { width: 8px; height: 8px; border-radius: 50%; background: var(--tone); }
    .percent, .message { color: var(--media-status-second); }
    .message { margin-top: 6px; overflow-wrap: anywhere; }
    progress {
      appearance: none; display: block; width: 100%; height: 6px; margin-top: 8px; border: 0;
      border-radius: 3px; overflow: hidden; background: var(--media-status-track);
    }
    progress::-webkit-progress-bar { background: var(--media-status-track); }
    progress::-webkit-progress-value { background: var(--tone); transition: inline-size .25s; }
    progress::-moz-progress-bar { background: var(--tone); }
    .box { --tone: var(--media-status-waiting); }
    .box[data-status="PROCESSING"] { --tone: var(--media-status-active); }
    .box[data-status="READY"] { --tone: var(--media-status-completed); }
    .box[data-status="FAILED"] { --tone: var(--media-status-failed); }
    @media (prefers-reduced-motion: reduce) { progress::-webkit-progress-value { transition: none; } }
  `);

  function make(tag, parent, part, attributes = {}) {
    const element = document.createElement(tag);
    element.className = part;
    element.setAttribute("part", part);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    parent.append(element);
    return element;
  }

  // Without the addresses, which are signed anew in each answer.
  const gist = (status) => status && [
    status.mediaId, status.status, status.fileName, status.jobId, status.jobState, status.progress, status.error,
  ].join("\n");

  class Refusal extends Error {}

  class MediaStatus extends HTMLElement {
    static observedAttributes = [
      "media-id", "server", "token", "poll-interval", "disabled", "file-name",
    ];

    #parts;
    #token = "";
    #status = null;
    #message = ""; // why nothing is known, in a sentence
    #told = ""; // what `complete` or `error` has been told of
    #watching = false;
    #asking = null; // the question that is on its way
    #askAgain = false;
    #aborter = null;
    #failures = 0; // questions that were not answered, in a row
    #timer = 0;
    #socket = null;
    #live = false;
    #heard = 0;
    #sockets = 0; // sockets that failed, in a row
    #socketTimer = 0;
    #turn = 0; // of connecting; another one makes what is on its way worthless
    #soon = 0;

    constructor() {
      super();
      const root = this.attachShadow({ mode: "open" });
      root.adoptedStyleSheets = [styles];
      const box = make("div", root, "box");
      const poster = make("img", box, "poster", { alt: "", hidden: "" });
      poster.addEventListener("error", () => { poster.hidden = true; });
      const main = make("div", box, "main");
      const line = make("div", main, "line");
      const name = make("span", line, "name");
      const state = make("span", line, "state");
      make("span", state, "dot", { "aria-hidden": "true" });
      const word = make("span", state, "word", { role: "status" });
      const percent = make("span", state, "percent", { "aria-hidden": "true" });
      const bar = make("progress", main, "bar", { max: "100", value: "0" });
      const message = make("div", main, "message", { hidden: "" });
      this.#parts = { box, poster, name, word, percent, bar, message };
    }

    connectedCallback() {
      // What a page set before this script was there lies on the element, before the setters.
      for (const name of ["mediaId", "server", "token", "pollInterval", "disabled"]) {
        if (!Object.hasOwn(this, name)) continue;
        const value = this[name];
        delete this[name];
        this[name] = value;
      }
      this.#restart();
    }

    disconnectedCallback() { this.#rest(); }

    attributeChangedCallback(name, before, now) {
      if (before === now || !this.isConnected) return;
      if (name === "file-name") { this.#show(); return; }
      if (name === "media-id" || name === "server") this.#forget();
      this.#restart();
    }

    // What a page may ask and set.

    /** The last answer of `GET /api/admin/media/jobs`, or null before the first. */
    get status() { return this.#status; }

    get mediaId() { return this.getAttribute("media-id") || ""; }
    set mediaId(value) { this.setAttribute("media-id", value); }

    /** Where Dailies is; without it, where this script came from. */
    get server() { return (this.getAttribute("server") || HOME).replace(/\/+$/, ""); }
    set server(value) { this.setAttribute("server", value); }

    /** An API token; kept out of the document where it is set as a property. */
    get token() { return this.#token || this.getAttribute("token") || ""; }
    set token(value) {
      this.#token = value || "";
      if (this.isConnected) this.#restart();
    }

    get pollInterval() {
      const value = Number(this.getAttribute("poll-interval"));
      return value >= 500 ? value : POLL;
    }
    set pollInterval(value) { this.setAttribute("poll-interval", value); }

    get disabled() { return this.hasAttribute("disabled"); }
    set disabled(value) { this.toggleAttribute("disabled", Boolean(value)); }

    /** Asks now; the answer, or what was known before where there is none. Never rejects. */
    refresh() {
      if (!this.mediaId) return Promise.resolve(this.#status);
      if (this.#asking) {
        this.#askAgain = true;
        return this.#asking;
      }
      const asking = this.#ask().finally(() => { if (this.#asking === asking) this.#asking = null; });
      this.#asking = asking;
      return asking;
    }

    // Asking.

    #forget() {
      this.#status = null;
      this.#told = "";
      this.#parts.poster.hidden = true;
      this.#parts.poster.removeAttribute("src");
    }

    #restart() {
      this.#rest();
      this.#message = "";
      this.#failures = this.#sockets = 0;
      this.#show();
      if (this.disabled || !this.mediaId || !this.isConnected) return;
      this.#watching = true;
      this.refresh();
    }

    #rest() {
      this.#watching = false;
      this.#aborter?.abort();
      this.#aborter = this.#asking = null;
      this.#askAgain = false;
      clearTimeout(this.#timer);
      this.#hangUp();
    }

    async #ask() {
      this.#aborter ??= new AbortController();
      const aborter = this.#aborter;
      do {
        this.#askAgain = false;
        clearTimeout(this.#timer);
        try {
          const address = `/api/admin/media/jobs?mediaId=${encodeURIComponent(this.mediaId)}`;
          const status = await this.#fetch(address, { signal: aborter.signal });
          if (aborter.signal.aborted) return this.#status;
          this.#failures = 0;
          this.#message = "";
          this.#take(status);
        } catch (error) {
          if (aborter.signal.aborted) return this.#status;
          if (error instanceof Refusal) { this.#refuse(error.message); return this.#status; }
          this.#failures += 1;
          this.#message = "Dailies cannot be reached. Trying again…";
          this.#show();
        }
      } while (this.#askAgain && this.#watching);
      this.#schedule();
      return this.#status;
    }

    async #fetch(address, options = {}) {
      const url = this.server + address;
      const own = new URL(url, location.href).origin === location.origin;
      const headers = { Accept: "application/json" };
      if (this.token) headers.Authorization = `Bearer ${this.token}`;
      const response = await fetch(url, {
        headers, cache: "no-store", credentials: own && !this.token ? "same-origin" : "omit", ...options,
      });
      if (response.ok) return response.json();
      const said = await response.json().catch(() => ({}));
      const sentence = said.error || `The server answered ${response.status}.`;
      throw REFUSED.includes(response.status) ? new Refusal(sentence) : new Error(sentence);
    }

    #schedule() {
      clearTimeout(this.#timer);
      if (!this.#watching) return;
      const pause = this.#live && !this.#failures ? SAFETY : this.pollInterval;
      const wait = Math.min(Math.max(LONGEST, pause), pause * 2 ** Math.min(this.#failures, 10));
      this.#timer = setTimeout(() => this.refresh(), wait);
    }

    #refuse(sentence) {
      this.#message = sentence;
      this.#rest();
      this.#show();
      this.#tell("error", `refused ${sentence}`, { mediaId: this.mediaId, status: null, error: sentence });
    }

    #take(status) {
      const changed = gist(status) !== gist(this.#status);
      this.#status = status;
      this.#show();
      if (changed) this.#dispatch("update", status);
      if (!this.isConnected) return;
      const over = OVER.includes(status.status);
      if (!over) {
        this.#told = "";
        // Asked by hand, it may have been taken up again since it was over.
        this.#watching = !this.disabled;
        if (this.#watching && !this.#socket && !this.#socketTimer) this.#connect();
        return;
      }
      this.#watching = false;
      this.#hangUp();
      const name = status.status === "READY" ? "complete" : "error";
      this.#tell(name, `${name} ${status.jobId}`, status);
    }

    #tell(name, what, detail) {
      if (this.#told === what) return;
      this.#told = what;
      this.#dispatch(name, detail);
    }

    #dispatch(name, detail) {
      this.dispatchEvent(new CustomEvent(name, { detail, bubbles: true, composed: true }));
    }

    // Listening.

    async #connect() {
      this.#turn += 1;
      const turn = this.#turn;
      this.#socketTimer = -1; // nobody else connects meanwhile
      const url = new URL(`${this.server}/ws/events?mediaId=${encodeURIComponent(this.mediaId)}`, location.href);
      const protocols = [];
      try {
        // The token itself stays out of the handshake: proxies log what they don't know.
        if (this.token) {
          const answer = await this.#fetch("/api/feed-tickets", { method: "POST" });
          protocols.push("ticket", answer.ticket);
        }
      } catch {
        if (turn === this.#turn) this.#lost();
        return;
      }
      if (turn !== this.#turn) return; // hung up, or begun anew, meanwhile
      url.protocol = url.protocol.replace("http", "ws");
      let socket;
      try {
        socket = new WebSocket(url, protocols);
      } catch {
        this.#lost();
        return;
      }
      this.#socket = socket;
      this.#socketTimer = 0;
      socket.addEventListener("message", (event) => { if (socket === this.#socket) this.#hear(event.data); });
      socket.addEventListener("close", (event) => { if (socket === this.#socket) this.#lost(event.code); });
    }

    #hear(text) {
      let message;
      try { message = JSON.parse(text); } catch { return; }
      clearTimeout(this.#heard);
      this.#heard = setTimeout(() => this.#socket?.close(), SILENCE);
      if (message.event === "heartbeat") return;
      if (message.event === "hello") {
        this.#live = true;
        this.#sockets = 0;
      }
      const progressed = message.event === "transcodeProgress" && message.jobId === this.#status?.jobId;
      if (progressed && this.#status.status === "PROCESSING" && message.status === this.#status.jobState) {
        const progress = Math.max(this.#status.progress, Math.min(99, Math.floor(message.progress)));
        if (progress !== this.#status.progress) this.#take({ ...this.#status, progress });
        return;
      }
      // Several events come with one change: one question is enough for them.
      if (!this.#soon) this.#soon = setTimeout(() => { this.#soon = 0; this.refresh(); }, 150);
    }

    #lost(code) {
      const was = this.#live;
      this.#hangUp();
      if (!this.#watching) return;
      if (was) this.refresh();
      else this.#schedule();
      if (CLOSED_FOR_GOOD.includes(code)) { this.#socketTimer = -1; return; }
      const wait = Math.min(LONGEST, 1000 * 2 ** Math.min(this.#sockets, 10)) * (0.75 + Math.random() / 2);
      this.#sockets += 1;
      this.#socketTimer = setTimeout(() => { this.#socketTimer = 0; this.#connect(); }, wait);
    }

    #hangUp() {
      clearTimeout(this.#heard);
      clearTimeout(this.#soon);
      clearTimeout(this.#socketTimer);
      this.#soon = this.#socketTimer = 0;
      this.#turn += 1;
      this.#live = false;
      const socket = this.#socket;
      this.#socket = null;
      socket?.close();
    }

    // Showing.

    #show() {
      const { box, poster, name, word, percent, bar, message } = this.#parts;
      const status = this.#status;
      const file = status?.fileName || this.getAttribute("file-name") || "Video";
      box.dataset.status = status?.status || "";
      name.textContent = name.title = file;
      word.textContent = this.#word(status);
      percent.textContent = status?.status === "PROCESSING" ? `${status.progress} %` : "";
      bar.value = status?.progress || 0;
      bar.setAttribute("aria-label", `Progress of ${file}`);
      const sentence = this.#message || (status?.status === "FAILED" && status.error) || "";
      message.textContent = sentence;
      message.hidden = !sentence;
      const picture = status?.thumbnails?.[0];
      // Its address is signed anew in each answer: the picture is loaded once.
      if (picture && !poster.hasAttribute("src")) {
        poster.src = picture;
        poster.hidden = false;
      }
    }

    #word(status) {
      if (!status) return this.#message || this.disabled ? "Unknown" : "Loading…";
      if (status.status === "PROCESSING") return status.jobState === "waiting" ? "In line" : "Processing";
      return { UPLOADED: "Uploaded", READY: "Ready", FAILED: "Failed" }[status.status] || status.status;
    }
  }

  customElements.define("media-status", MediaStatus);
})();
