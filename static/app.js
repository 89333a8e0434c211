// What every page does: live panels, times that tick, rows that open, menus and toasts.
(() => {
  "use strict";

  const page = document.body.dataset.title || document.title;
  const csrf = document.querySelector('meta[name="csrf-token"]')?.content;

  // ---- requests ---------------------------------------------------------------------------

  document.addEventListener("htmx:config:request", (event) => {
    const request = event.detail.ctx.request;
    if (csrf) request.headers["X-CSRFToken"] = csrf;
    // An address without `q=` and `status=` is the one that the cards link to.
    if (request.method === "GET" && request.body instanceof FormData) {
      for (const [name, value] of [...request.body]) if (value === "") request.body.delete(name);
    }
  });

  document.addEventListener("htmx:error", (event) => {
    // A request that got no answer; one that got a bad answer brings its own toast.
    const ctx = event.detail.ctx;
    if (ctx && !ctx.response) toast("Dailies cannot be reached. Try again in a moment.", "refused");
  });

  // ---- toasts -----------------------------------------------------------------------------

  const toasts = document.getElementById("toasts");

  function toast(words, tone) {
    const card = document.createElement("div");
    card.className = `toast-card ${tone}`;
    card.dataset.toast = "";
    const text = document.createElement("span");
    text.textContent = words;
    const close = document.createElement("button");
    close.type = "button";
    close.className = "btn-close";
    close.setAttribute("aria-label", "Dismiss");
    close.dataset.dismiss = "";
    card.append(text, close);
    toasts.append(card);
  }

  new MutationObserver((records) => {
    for (const record of records) {
      for (const node of record.addedNodes) {
        if (!(node instanceof HTMLElement)) continue;
        while (toasts.children.length > 4) toasts.firstElementChild.remove();
        // The row of a job that was deleted, if no live update has taken it away yet.
        if (node.dataset.gone) document.getElementById(node.dataset.gone)?.remove();
        if (node.hasAttribute("data-stays")) continue;
        let left = node.classList.contains("refused") ? 12 : 5;
        const timer = setInterval(() => {
          // Reading takes as long as it takes: the clock stands still under pointer and focus.
          if (!node.matches(":hover, :focus-within") && --left <= 0) node.remove();
          if (!node.isConnected) clearInterval(timer);
        }, 1000);
      }
    }
  }).observe(toasts, { childList: true });

  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-dismiss]")) event.target.closest("[data-toast]")?.remove();
  });

  // ---- menus ------------------------------------------------------------------------------

  function closeMenus(except) {
    for (const menu of document.querySelectorAll("details.menu[open]")) {
      if (menu !== except) menu.open = false;
    }
  }

  document.addEventListener("click", (event) => {
    // What was chosen in a menu closes it.
    const chosen = event.target.closest("button.menu-item");
    closeMenus(chosen ? null : event.target.closest("details.menu"));
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    const menu = document.activeElement?.closest("details.menu[open]");
    closeMenus();
    menu?.querySelector("summary").focus();
  });

  // ---- questions ----------------------------------------------------------------------------

  const ask = document.getElementById("ask");

  document.addEventListener("htmx:confirm", (event) => {
    const { ctx, issueRequest, dropRequest } = event.detail;
    const button = ctx.sourceElement;
    if (!ask || !button.dataset.ask) return; // the browser's own question will do
    event.preventDefault();
    closeMenus();
    ask.querySelector("#ask-words").textContent =
      ctx.confirm.replace("{}", document.getElementById("bulk-count")?.dataset.words ?? "");
    ask.querySelector("#ask-yes").textContent = button.dataset.ask;
    const choice = ask.querySelector("#ask-outputs");
    const box = choice.querySelector("input");
    choice.hidden = !button.dataset.askOutputs;
    choice.querySelector("span").textContent = button.dataset.askOutputs ?? "";
    box.checked = false;
    ask.returnValue = "";
    ask.addEventListener("close", () => {
      if (ask.returnValue !== "yes") return dropRequest();
      if (box.checked) ctx.request.body.set("outputs", "1");
      issueRequest();
    }, { once: true });
    ask.showModal();
  });

  document.addEventListener("htmx:after:request", (event) => {
    // What a dialog shows has come from the server before it opens.
    const dialog = document.getElementById(event.detail.ctx?.sourceElement?.dataset?.dialog ?? "");
    if (dialog && event.detail.ctx.response?.raw?.ok && !dialog.open) dialog.showModal();
  });

  // ---- times ------------------------------------------------------------------------------

  const exact = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });
  const clock = new Intl.DateTimeFormat(undefined, { timeStyle: "medium", hourCycle: "h23" });
  const date = new Intl.DateTimeFormat(undefined, { dateStyle: "medium" });

  function ago(seconds, moment) {
    if (seconds < 60) return "now";
    if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
    if (seconds < 86400) return `${Math.floor(seconds / 3600)} h`;
    if (seconds < 2 * 86400) return "yesterday";
    if (seconds < 14 * 86400) return `${Math.floor(seconds / 86400)} d`;
    return date.format(moment);
  }

  function until(seconds) {
    if (seconds <= 1) return "now";
    if (seconds < 90) return `in ${Math.round(seconds)} s`;
    return `in ${Math.round(seconds / 60)} min`;
  }

  const says = {
    ago: (seconds, moment) => ago(seconds, moment),
    "ago-long": (seconds, moment) => {
      const words = ago(seconds, moment);
      if (words === "now") return "just now";
      return / (min|h|d)$/.test(words) && seconds < 14 * 86400 ? `${words} ago` : words;
    },
    until: (seconds) => until(-seconds),
    clock: (_seconds, moment) => clock.format(moment),
  };

  function tick(root = document) {
    const now = Date.now();
    for (const element of root.querySelectorAll("time[data-time]")) {
      const moment = new Date(element.dateTime);
      const words = says[element.dataset.time]((now - moment) / 1000, moment);
      // Only what differs is touched: a write where nothing changed would drop a selection.
      if (element.textContent !== words) element.textContent = words;
      const title = exact.format(moment);
      if (element.title !== title) element.title = title;
    }
  }

  // ---- the page's title carries the number of active jobs, or how far its job is ---------------

  function retitle() {
    const active = document.getElementById("stats")?.dataset.active;
    const job = document.getElementById("job-head");
    let title = page;
    if (Number(active) > 0) title = `(${active}) ${page}`;
    else if (job?.dataset.status === "active") title = `${job.dataset.progress} % ${page}`;
    if (document.title !== title) document.title = title;
  }

  // ---- rows that open in place ---------------------------------------------------------------

  const list = document.getElementById("job-list");

  function openIds() {
    return [...document.querySelectorAll(".job[data-open]")].map((job) => job.dataset.job);
  }

  async function toggle(job) {
    const opener = job.querySelector(".opener");
    const place = job.querySelector(".job-open");
    if (job.hasAttribute("data-open")) {
      job.removeAttribute("data-open");
      opener.setAttribute("aria-expanded", "false");
      place.replaceChildren();
    } else {
      await htmx.ajax("GET", job.dataset.details, {
        source: job,
        target: place,
        swap: "innerHTML",
      });
      job.setAttribute("data-open", "");
      opener.setAttribute("aria-expanded", "true");
    }
    tellView();
  }

  list?.addEventListener("click", (event) => {
    const row = event.target.closest(".job-row");
    if (!row) return;
    const pressed = event.target.closest("a, button, summary, .menu-panel, input, label");
    if (pressed && !event.target.closest("[data-opens]")) return;
    if (!pressed && String(getSelection())) return; // somebody selects text
    toggle(row.closest(".job"));
  });

  // ---- filters, folded where there is little room --------------------------------------------

  const filters = document.querySelector(".filters");
  const filterButton = document.getElementById("filter-button");

  function countFilters() {
    if (!filterButton) return;
    const set = [...filters.querySelectorAll("select:not([name=sort], [name=size])")]
      .filter((select) => select.value).length;
    setText(filterButton.querySelector(".filter-count"), set ? `· ${set}` : "");
  }

  filterButton?.addEventListener("click", () => {
    const shown = filters.toggleAttribute("data-shown");
    filterButton.setAttribute("aria-expanded", String(shown));
  });
  filters?.addEventListener("input", countFilters);
  countFilters();

  // ---- two times in place of a span --------------------------------------------------------------

  document.getElementById("filter-span")?.addEventListener("input", (event) => {
    if (event.target.value === "between") return;
    for (const field of document.querySelectorAll("#between input")) field.value = "";
  });

  // ---- rows that are chosen ------------------------------------------------------------------

  const bulk = document.getElementById("bulk");
  const number = new Intl.NumberFormat("en");

  function rowBoxes() {
    return [...document.querySelectorAll('.job input[name="ids"]')];
  }

  function recount() {
    if (!bulk) return;
    const boxes = rowBoxes();
    const checked = boxes.filter((box) => box.checked);
    const matching = bulk.querySelector("#matching");
    const pager = document.getElementById("pager");
    // "All that match" means what was on screen: another filter, or an unchecked row, ends it.
    if (matching.value && (matching.value !== pager?.dataset.matching || checked.length < boxes.length)) {
      matching.value = "";
    }
    const total = pager?.dataset.total;
    const count = matching.value ? (total ? number.format(total) : "All") : number.format(checked.length);
    bulk.hidden = checked.length === 0;
    const said = bulk.querySelector("#bulk-count");
    const noun = said.dataset.noun + (count === "1" ? "" : "s");
    said.dataset.words = count === "All" ? `all ${noun} that match` : `${count} ${noun}`;
    setText(said, count === "All" ? "All that match selected" : `${count} selected`);
    const all = bulk.querySelector("#bulk-all");
    const more = pager && (!total || Number(total) > boxes.length);
    all.hidden = Boolean(matching.value) || !more || checked.length < boxes.length;
    setText(all, total ? `Select all ${number.format(total)} that match` : "Select all that match");
    const every = document.getElementById("check-all");
    every.checked = boxes.length > 0 && checked.length === boxes.length;
    every.indeterminate = checked.length > 0 && !every.checked;
  }

  function setText(element, words) {
    if (element.textContent !== words) element.textContent = words;
  }

  function checkAll(checked) {
    for (const box of rowBoxes()) box.checked = checked;
    recount();
  }

  if (bulk) {
    document.addEventListener("change", (event) => {
      if (event.target.id === "check-all") checkAll(event.target.checked);
      else if (event.target.name === "ids") recount();
    });
    bulk.querySelector("#bulk-none").addEventListener("click", () => checkAll(false));
    bulk.querySelector("#bulk-all").addEventListener("click", () => {
      bulk.querySelector("#matching").value = document.getElementById("pager").dataset.matching;
      recount();
    });
    document.getElementById("check-all").addEventListener("input", (event) => event.stopPropagation());
    document.addEventListener("htmx:after:request", (event) => {
      const ctx = event.detail.ctx;
      if (bulk.contains(ctx?.sourceElement) && ctx.response?.raw?.ok) checkAll(false);
    });
    recount();
  }

  // ---- live panels ------------------------------------------------------------------------------

  const live = document.getElementById("live");
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
    const open = openIds();
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

  // ---- after each swap ----------------------------------------------------------------------------

  document.addEventListener("htmx:after:swap", () => { tick(); retitle(); recount(); countFilters(); });
  document.addEventListener("htmx:after:history:push", () => tellView());
  document.addEventListener("htmx:after:history:replace", () => tellView());

  tick();
  retitle();
  setInterval(tick, 1000);

  window.dailies = { toast, csrf };
})();
