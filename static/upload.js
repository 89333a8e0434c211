// The upload page: a queue of files, each with its bar; a few go at the same time.
(() => {
  "use strict";

  // More at once would only share the same line, and let each wait longer for its job.
  const AT_ONCE = 2;
  const { csrf } = window.dailies;
  const drop = document.getElementById("drop");
  const picker = document.getElementById("files");
  const list = document.getElementById("uploads");
  const card = document.getElementById("uploads-card");
  const template = document.getElementById("upload-template");
  const queue = [];
  let running = 0;

  // Words.

  function scaled(value, units) {
    let index = 0;
    while (value >= 999.5 && index < units.length - 1) { value /= 1000; index++; }
    return `${index && value < 9.95 ? value.toFixed(1).replace(/\.0$/, "") : Math.round(value)} ${units[index]}`;
  }
  const size = (bytes) => scaled(bytes, ["B", "kB", "MB", "GB", "TB"]);

  function left(seconds) {
    if (seconds < 1) return "a moment left";
    if (seconds < 90) return `${Math.round(seconds)} s left`;
    if (seconds < 5400) return `${Math.round(seconds / 60)} min left`;
    return `${Math.round(seconds / 3600)} h left`;
  }

  // One file.

  class Upload {
    constructor(file) {
      this.file = file;
      this.subtitles = []; // files that are sent after the video, before its job is made
      this.row = template.content.firstElementChild.cloneNode(true);
      this.bar = this.row.querySelector("progress");
      this.words = this.row.querySelector(".upload-words");
      this.row.querySelector(".upload-name").textContent = file.name;
      this.row.querySelector(".upload-name").title = file.name;
      this.bar.setAttribute("aria-label", `Upload of ${file.name}`);
      this.cancel = this.button("cancel", () => this.stop());
      this.retry = this.button("retry", () => this.wait());
      this.remove = this.button("remove", () => { this.row.remove(); showCard(); });
      this.link = this.row.querySelector("[data-link]");
      list.append(this.row);
    }

    button(name, action) {
      const button = this.row.querySelector(`[data-${name}]`);
      button.addEventListener("click", action);
      return button;
    }

    show(state, words, tone = "") {
      this.state = state;
      this.words.textContent = words;
      this.words.className = `upload-words ${tone}`;
      this.row.dataset.state = state;
      this.cancel.hidden = !["queued", "sending", "starting"].includes(state);
      this.retry.hidden = !["refused", "cancelled"].includes(state);
      this.remove.hidden = !["refused", "cancelled", "done"].includes(state);
      this.link.hidden = state !== "done";
      this.bar.className = { done: "completed", refused: "failed", cancelled: "cancelled" }[state]
        || (state === "queued" ? "waiting" : "active");
    }

    wait() {
      this.bar.value = 0;
      this.show("queued", `Waiting its turn · ${size(this.file.size)}`);
      queue.push(this);
      next();
    }

    stop() {
      if (this.state === "queued") queue.splice(queue.indexOf(this), 1);
      this.stopped = true;
      this.request?.abort();
      this.controller?.abort();
      this.show("cancelled", "Cancelled.");
    }

    async run() {
      this.stopped = false;
      try {
        if (!this.video) this.video = await this.send();
        if (this.stopped) return;
        await this.sendSubtitles();
        if (this.stopped) return;
        if (this.moduleId) {
          this.link.href = `/modules/${this.moduleId}/processing`;
          this.link.textContent = "Watch its module";
        } else {
          this.show("starting", "Stored · starting its job");
          await this.convert();
          if (this.stopped) return;
          this.link.href = `/jobs/of/${this.video.id}`;
        }
        this.bar.value = 100;
        this.show("done", `Stored, ${size(this.file.size)}${this.refusals()}`);
        this.showMedia();
      } catch (error) {
        if (!this.stopped) this.show("refused", error.message, "refused");
      }
    }

    // From here on the partial speaks for the media, and renews itself until it is ready.
    showMedia() {
      const place = document.createElement("div");
      place.className = "upload-media";
      this.row.append(place);
      htmx.ajax("GET", `/partials/media-status/${this.video.id}`, { target: place, swap: "innerHTML" });
    }

    // A subtitle that is refused is said, and keeps no video from its job.
    async sendSubtitles() {
      for (const subtitle of this.subtitles.filter((each) => !each.sent)) {
        this.show("starting", `Stored · sending ${subtitle.file.name}`);
        const body = new FormData();
        const language = languageIn(subtitle.file.name, this.file.name);
        if (language) body.append("language", language);
        body.append("subtitle", subtitle.file, subtitle.file.name);
        this.controller = new AbortController();
        try {
          let answer = await this.sendSubtitle(body);
          if (answer.status === 422 && language) {
            body.delete("language"); // what stands before the ending was no language after all
            answer = await this.sendSubtitle(body);
          }
          const said = await answer.json().catch(() => ({}));
          subtitle.problem = answer.ok ? "" : said.error || `The server answered ${answer.status}.`;
        } catch {
          subtitle.problem = "The connection was lost.";
        }
        if (this.stopped) return;
        subtitle.sent = true;
      }
    }

    sendSubtitle(body) {
      return fetch(`/api/media/${this.video.id}/subtitles`, {
        method: "POST",
        signal: this.controller.signal,
        headers: { Accept: "application/json", "X-CSRFToken": csrf },
        body,
      });
    }

    refusals() {
      const sent = this.subtitles.filter((each) => !each.problem).length;
      const refused = this.subtitles.filter((each) => each.problem);
      return (sent ? ` · with ${sent} subtitle file${sent > 1 ? "s" : ""}` : "")
        + refused.map((each) => ` · ${each.file.name} was refused: ${each.problem}`).join("");
    }

    send() {
      return new Promise((resolve, reject) => {
        const request = new XMLHttpRequest();
        this.request = request;
        const began = performance.now();
        let speed = 0;
        let before = { at: began, sent: 0 };
        request.upload.addEventListener("progress", (event) => {
          if (this.stopped) return;
          const at = performance.now();
          if (at - before.at < 250 && event.loaded < event.total) return;
          const now = (event.loaded - before.sent) / Math.max(0.001, (at - before.at) / 1000);
          speed = speed ? 0.7 * speed + 0.3 * now : now;
          before = { at, sent: event.loaded };
          this.bar.value = (100 * event.loaded) / event.total;
          this.show("sending", event.loaded < event.total
            ? `${size(event.loaded)} of ${size(event.total)} · ${size(speed)}/s · ${left((event.total - event.loaded) / speed)}`
            : `${size(event.total)} sent · being stored`);
        });
        request.addEventListener("load", () => {
          let answer = {};
          try { answer = JSON.parse(request.responseText); } catch { /* not JSON: said below */ }
          this.moduleId = answer.moduleId;
          if (request.status === 201) resolve(answer.video ?? { id: answer.videoId });
          else reject(new Error(answer.error || `The server answered ${request.status}.`));
        });
        request.addEventListener("error", () =>
          reject(new Error("The connection was lost, or the server refused the file before it had all of it.")));
        request.addEventListener("abort", () => reject(new Error("Cancelled.")));
        const body = new FormData();
        if (this.titleId) body.append("titleId", this.titleId);
        body.append("video", this.file, this.file.name);
        request.open("POST", this.asModule ? "/api/upload/module" : "/api/upload/video");
        request.setRequestHeader("X-CSRFToken", csrf);
        request.setRequestHeader("Accept", "application/json");
        this.show("sending", "Starting…");
        request.send(body);
      });
    }

    async convert() {
      this.controller = new AbortController();
      const answer = await post(
        `/api/upload/convert-to-hls/${this.video.id}`,
        { s3Key: this.video.s3Key },
        this.controller.signal,
      );
      return answer;
    }
  }

  async function post(path, body, signal) {
    let response;
    try {
      response = await fetch(path, {
        method: "POST",
        signal,
        headers: { "Content-Type": "application/json", Accept: "application/json", "X-CSRFToken": csrf },
        body: JSON.stringify(body),
      });
    } catch {
      throw new Error("Dailies cannot be reached. Try again in a moment.");
    }
    const answer = await response.json().catch(() => ({}));
    if (!response.ok) throw new Error(answer.error || `The server answered ${response.status}.`);
    return answer;
  }

  function next() {
    while (running < AT_ONCE && queue.length) {
      running++;
      queue.shift().run().finally(() => { running--; next(); });
    }
  }

  function showCard() {
    card.hidden = !list.children.length;
  }

  // What they belong to.

  const form = document.getElementById("title-form");
  const problem = document.getElementById("title-problem");
  const seasons = document.getElementById("season");
  const existing = document.getElementById("existing");
  const known = new Map();

  function kind() {
    return form.elements.kind.value;
  }

  function showKind() {
    for (const part of form.querySelectorAll("[data-for]")) {
      part.hidden = !part.dataset.for.split(" ").includes(kind());
    }
    if (kind() === "existing" || kind() === "episode") searchTitles();
  }

  async function searchTitles() {
    const words = kind() === "existing" ? existing.value : "";
    const response = await fetch(`/api/titles?limit=100&q=${encodeURIComponent(known.has(words) ? "" : words)}`, {
      headers: { Accept: "application/json" },
    }).catch(() => null);
    if (!response?.ok) return;
    const { titles } = await response.json();
    const options = document.getElementById("titles");
    options.replaceChildren();
    for (const title of titles) {
      known.set(title.label, title.id);
      const option = document.createElement("option");
      option.value = title.label;
      options.append(option);
    }
    const chosen = seasons.value;
    seasons.replaceChildren(...titles.filter((title) => title.kind === "season").map((title) => {
      const option = document.createElement("option");
      option.value = title.id;
      option.textContent = title.label;
      option.selected = title.id === chosen;
      return option;
    }));
    if (!seasons.options.length) seasons.append(new Option("No season yet: make one first", ""));
  }

  // The id of the title that is chosen or made; undefined for none. Throws with a sentence.
  async function titleId() {
    const fields = form.elements;
    const name = (input) => input.value.trim();
    const number = (input) => Number.parseInt(input.value, 10) || null;
    switch (kind()) {
      case "existing": {
        const id = known.get(existing.value);
        if (!id) throw new Error("Choose a title from the list, or make a new one.");
        return id;
      }
      case "film":
        if (!name(fields.filmName)) throw new Error("Give the film a name.");
        return (await post("/api/titles", { kind: "film", name: name(fields.filmName) })).id;
      case "season": {
        const season = number(fields.seasonNumber);
        if (!name(fields.series) || !season) throw new Error("Give the series and the season’s number.");
        return (await post("/api/titles", {
          kind: "season", series: name(fields.series), number: season, name: `Season ${season}`,
        })).id;
      }
      case "episode": {
        const episode = number(fields.episodeNumber);
        if (!seasons.value) throw new Error("An episode belongs to a season: make one first.");
        if (!name(fields.episodeName) || !episode) throw new Error("Give the episode’s name and number.");
        return (await post("/api/titles", {
          kind: "episode", parentId: seasons.value, number: episode, name: name(fields.episodeName),
        })).id;
      }
      default:
        return undefined;
    }
  }

  // Subtitles beside their videos.

  const isSubtitle = (file) => /\.(vtt|srt)$/i.test(file.name);
  const stem = (name) => name.replace(/\.[^.]*$/, "").toLowerCase();

  // "tides.de.srt" belongs to "tides.mp4"; where there is one video, every subtitle is its own.
  function belongs(subtitle, video, videos) {
    const name = stem(subtitle.name);
    return videos.length === 1 || name === stem(video.name) || name.startsWith(`${stem(video.name)}.`);
  }

  // "pt-BR" of "tides.pt-BR.srt"; nothing of "tides.srt".
  function languageIn(subtitle, video) {
    const rest = subtitle.replace(/\.[^.]*$/, "");
    const found = /\.([a-z]{2,3}(-[a-z0-9]{2,8})*)$/i.exec(rest);
    return found && rest.toLowerCase() !== stem(video) ? found[1] : "";
  }

  function refuse(words) {
    problem.textContent = words;
    problem.hidden = false;
    problem.scrollIntoView({ block: "nearest" });
  }

  async function add(files) {
    if (!files.length) return;
    problem.hidden = true;
    const subtitles = files.filter(isSubtitle);
    const videos = files.filter((file) => !isSubtitle(file));
    const lone = subtitles.filter((each) => !videos.some((video) => belongs(each, video, videos)));
    if (lone.length) {
      refuse(`${lone.map((each) => each.name).join(", ")}: choose subtitles together with their video, and`
        + " name them like it (tides.de.srt beside tides.mp4). To a video that is here already they"
        + " are added on its page.");
      if (!videos.length) return;
    }
    let id;
    try {
      id = await titleId();
    } catch (error) {
      refuse(error.message);
      return;
    }
    for (const video of videos) {
      const upload = new Upload(video);
      upload.titleId = id;
      upload.asModule = document.getElementById("make-module").checked;
      upload.subtitles = subtitles.filter((each) => belongs(each, video, videos)).map((each) => ({ file: each }));
      upload.wait();
    }
    showCard();
  }

  form.addEventListener("change", (event) => { if (event.target.name === "kind") showKind(); });
  form.addEventListener("submit", (event) => event.preventDefault());
  existing.addEventListener("input", searchTitles);
  showKind();

  // Drop and choose.

  picker.addEventListener("change", () => { add([...picker.files]); picker.value = ""; });
  document.getElementById("choose").addEventListener("click", () => picker.click());

  function filesIn(transfer) {
    // A folder has no bytes to send; it looks like a file until its entry is asked.
    const items = [...(transfer.items || [])].filter((item) => item.kind === "file");
    if (!items.length) return [...transfer.files];
    return items.filter((item) => !item.webkitGetAsEntry?.()?.isDirectory).map((item) => item.getAsFile());
  }

  for (const name of ["dragenter", "dragover"]) {
    document.addEventListener(name, (event) => {
      if (![...(event.dataTransfer?.types || [])].includes("Files")) return;
      event.preventDefault();
      drop.classList.add("over");
    });
  }
  document.addEventListener("dragleave", (event) => { if (!event.relatedTarget) drop.classList.remove("over"); });
  document.addEventListener("drop", (event) => {
    if (![...(event.dataTransfer?.types || [])].includes("Files")) return;
    event.preventDefault();
    drop.classList.remove("over");
    add(filesIn(event.dataTransfer));
  });

  window.addEventListener("beforeunload", (event) => {
    if (running || queue.length) event.preventDefault();
  });
})();
