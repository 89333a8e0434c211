// Times that tick, and the tab's title.
(() => {
  "use strict";

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

  const page = document.body.dataset.title || document.title;

  // The number of active jobs, or how far the page's job is.
  function retitle() {
    const active = document.getElementById("stats")?.dataset.active;
    const job = document.getElementById("job-head");
    let title = page;
    if (Number(active) > 0) title = `(${active}) ${page}`;
    else if (job?.dataset.status === "active") title = `${job.dataset.progress} % ${page}`;
    if (document.title !== title) document.title = title;
  }

  document.addEventListener("htmx:after:swap", () => { tick(); retitle(); });

  tick();
  retitle();
  setInterval(tick, 1000);
})();
