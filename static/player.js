// <dailies-player src poster storyboard name length>: media-chrome's controls over hls.js.
// With a length (seconds) the stream is still being made: what there is of it is played, and more is
// fetched as it comes.
(() => {
  "use strict";

  const VENDOR = new URL("vendor/", document.currentScript.src);
  const loading = new Map();

  // Half a megabyte of player is loaded only where there is something to play.
  function load(name) {
    if (!loading.has(name)) {
      loading.set(name, new Promise((resolve, reject) => {
        const script = document.createElement("script");
        script.src = new URL(name, VENDOR);
        script.onload = resolve;
        script.onerror = () => reject(new Error(`${name} cannot be loaded`));
        document.head.append(script);
      }));
    }
    return loading.get(name);
  }

  // What media-chrome's quality menu reads: a list of renditions that is an EventTarget.
  class Renditions extends EventTarget {
    #items = [];
    #selected = -1;
    #choose;

    constructor(choose) {
      super();
      this.#choose = choose;
    }

    fill(items) {
      this.#items = items;
      for (let index = 0; index < items.length; index++) this[index] = items[index];
      this.dispatchEvent(new Event("addrendition"));
    }

    get length() { return this.#items.length; }
    [Symbol.iterator]() { return this.#items[Symbol.iterator](); }

    get selectedIndex() { return this.#selected; }
    set selectedIndex(index) {
      this.#selected = index;
      this.#choose(index);
      this.dispatchEvent(new Event("change"));
    }
  }

  // What media-chrome's menu of sound tracks reads. One of them is enabled.
  class AudioTracks extends EventTarget {
    #items = [];
    #choose;

    constructor(choose) {
      super();
      this.#choose = choose;
    }

    fill(items) {
      const list = this;
      this.#items = items.map(({ id, label, language, enabled }) => ({
        id, label, language, kind: "main",
        get enabled() { return enabled; },
        set enabled(value) {
          if (enabled === value) return;
          enabled = value;
          if (value) list.#choose(Number(id));
          list.dispatchEvent(new Event("change"));
        },
      }));
      this.dispatchEvent(new Event("addtrack"));
    }

    get length() { return this.#items.length; }
    [Symbol.iterator]() { return this.#items[Symbol.iterator](); }
  }

  function clock(seconds) {
    const whole = Math.floor(seconds);
    const two = (number) => String(number).padStart(2, "0");
    const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
    return hours ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
  }

  // How far a stream is that is being made, and how fast it comes.
  class Growth {
    static SPAN = 60; // seconds over which the speed is measured
    static LEAST = 10;
    #points = [];

    note(ready) {
      const at = performance.now() / 1000;
      if (this.#points.at(-1)?.ready === ready) return;
      this.#points.push({ at, ready });
      while (this.#points.length > 2 && at - this.#points[1].at > Growth.SPAN) this.#points.shift();
    }

    // Seconds of film a second, or null while nobody knows.
    get speed() {
      const [first, last] = [this.#points.at(0), this.#points.at(-1)];
      const seconds = performance.now() / 1000 - (first?.at ?? Infinity);
      return seconds < Growth.LEAST ? null : (last.ready - first.ready) / seconds;
    }
  }

  function element(name, attributes = {}, ...children) {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    made.append(...children);
    return made;
  }

  function thumbnails(src) {
    return element("track", { kind: "metadata", label: "thumbnails", src, default: "" });
  }

  class Player extends HTMLElement {
    #hls = null;
    #line = null;
    #words = null;
    #growth = new Growth();

    async connectedCallback() {
      if (this.firstElementChild) return;
      try {
        await Promise.all([load("media-chrome.js"), load("hls.min.js")]);
      } catch (error) {
        this.#say(`The player cannot be loaded: ${error.message}.`);
        return;
      }
      if (this.isConnected && !this.firstElementChild) this.#build();
    }

    disconnectedCallback() {
      this.#hls?.destroy();
      this.#hls = null;
    }

    #say(words) {
      this.replaceChildren(element("p", { class: "player-words" }, words));
    }

    #build() {
      const src = this.getAttribute("src");
      const storyboard = this.getAttribute("storyboard");
      const video = element("video", {
        slot: "media", playsinline: "", preload: "metadata",
        "aria-label": this.getAttribute("name") || "Video",
      });
      if (new URL(src, location.href).origin !== location.origin) video.crossOrigin = "anonymous";
      if (this.getAttribute("poster")) video.poster = this.getAttribute("poster");
      if (storyboard) {
        video.append(thumbnails(storyboard));
      }
      const renditions = new Renditions((index) => {
        if (!this.#hls) return;
        // Who chooses a quality wants to see it now, not after what is buffered.
        if (index < 0) this.#hls.nextLevel = -1;
        else this.#hls.currentLevel = renditions[index].level;
      });
      video.videoRenditions = renditions;
      const sounds = new AudioTracks((index) => { if (this.#hls) this.#hls.audioTrack = index; });
      if (window.Hls.isSupported()) Object.defineProperty(video, "audioTracks", { value: sounds });

      this.replaceChildren(element("media-controller", {},
        video,
        element("media-loading-indicator", { slot: "centered-chrome", noautohide: "" }),
        element("media-error-dialog", { slot: "dialog" }),
        element("media-rendition-menu", { hidden: "", anchor: "auto" }),
        element("media-playback-rate-menu", { hidden: "", anchor: "auto" }),
        element("media-audio-track-menu", { hidden: "", anchor: "auto" }),
        element("media-captions-menu", { hidden: "", anchor: "auto" }),
        element("media-control-bar", {}, element("div", { class: "player-track" }, ...this.#track())),
        element("media-control-bar", {},
          element("media-play-button"),
          element("media-seek-backward-button", { seekoffset: "10" }),
          element("media-seek-forward-button", { seekoffset: "10" }),
          element("media-mute-button"),
          element("media-volume-range"),
          element("media-time-display", { showduration: "" }),
          element("span", { class: "player-gap" }),
          element("media-audio-track-menu-button"),
          element("media-captions-menu-button"),
          element("media-playback-rate-menu-button"),
          element("media-rendition-menu-button"),
          element("media-pip-button"),
          element("media-fullscreen-button"),
        ),
      ));
      if (this.#length) {
        this.#words = element("p", { class: "player-growth", role: "status" }, "Encoding");
        this.append(this.#words);
      }
      this.#play(video, src, renditions, sounds);
    }

    get #length() { return Number(this.getAttribute("length")) || 0; }

    #track() {
      if (!this.#length) return [element("media-time-range")];
      this.#line = element("span", { class: "player-ready" });
      return [element("media-time-range"), this.#line];
    }

    // The storyboard comes last, beside the stream.
    #addStoryboard() {
      if (!this.#hls?.levels.some((level) => level.height > 0)) return;
      const src = new URL("storyboard.vtt", new URL(this.getAttribute("src"), location.href));
      this.querySelector("video").append(thumbnails(src));
    }

    // Shows how much of the whole can be played by now.
    #grow(details) {
      if (!this.#words) return;
      if (!details.live) {
        this.#words.remove();
        this.#line.remove();
        this.#words = this.#line = null;
        this.#addStoryboard();
        return;
      }
      this.#growth.note(details.edge);
      const speed = this.#growth.speed;
      // At its own pace or faster, nobody who watches need know how fast.
      const pace = speed !== null && speed < 1 ? ` at ${speed.toFixed(1)}×` : "";
      this.#words.textContent = `Encoding${pace}, ${clock(details.edge)} ready`;
      this.#line.style.setProperty("--ready", Math.min(1, details.edge / this.#length));
    }

    #play(video, src, renditions, sounds) {
      if (!window.Hls.isSupported()) {
        video.src = src; // Safari on iOS plays HLS by itself.
        return;
      }
      const hls = new window.Hls({
        // CMAF needs no repackaging, so a thread for it would only cost a script from a blob.
        enableWorker: false,
        capLevelToPlayerSize: false,
        // Bytes and seconds are cheap next to a seek that waits.
        backBufferLength: 30,
        // A stream that is being made is watched from its beginning, not where it is being made.
        startPosition: 0,
      });
      this.#hls = hls;
      hls.on(window.Hls.Events.MANIFEST_PARSED, () => {
        renditions.fill(hls.levels
          .map((level, index) => ({
            id: String(index), level: index, width: level.width, height: level.height,
            bitrate: level.bitrate, frameRate: level.frameRate, codec: level.videoCodec,
          }))
          .filter((rendition) => rendition.height > 0));
      });
      hls.on(window.Hls.Events.AUDIO_TRACKS_UPDATED, (_name, { audioTracks }) => {
        sounds.fill(audioTracks.map((track, index) => ({
          id: String(index), label: track.name, language: track.lang, enabled: track.default,
        })));
        // The button is for films with a choice.
        this.toggleAttribute("several-sounds", audioTracks.length > 1);
      });
      if (this.#length) {
        // The seek bar is as long as the film will be.
        hls.on(window.Hls.Events.MEDIA_ATTACHED, (_name, data) => {
          if (data.mediaSource?.readyState === "open") data.mediaSource.duration = this.#length;
        });
        hls.on(window.Hls.Events.LEVEL_UPDATED, (_name, data) => this.#grow(data.details));
      }
      hls.on(window.Hls.Events.ERROR, (_name, data) => {
        if (!data.fatal) return;
        if (data.type === window.Hls.ErrorTypes.MEDIA_ERROR) hls.recoverMediaError();
        else if (data.response?.code >= 400) this.#say("This stream is not there any more.");
        else setTimeout(() => { if (this.#hls === hls) hls.startLoad(); }, 3000);
      });
      hls.loadSource(src);
      hls.attachMedia(video);
    }
  }

  customElements.define("dailies-player", Player);
})();
