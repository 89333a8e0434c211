// A training module: a step plays its part of the video.
(() => {
  "use strict";

  const module = document.getElementById("module");
  if (!module) return;
  const parts = [...module.querySelectorAll("[data-from]")].map((element) => ({
    element, from: Number(element.dataset.from), to: Number(element.dataset.to),
  }));
  let until = null;

  function video() {
    return module.querySelector("video");
  }

  function play(from, to) {
    const player = video();
    if (!player) return;
    until = to;
    player.currentTime = from;
    player.play().catch(() => { /* a browser that wants another click */ });
    player.scrollIntoView({ block: "nearest" });
  }

  module.addEventListener("click", (event) => {
    const step = event.target.closest(".step-play")?.closest("[data-from]");
    const sentence = event.target.closest(".sentence");
    if (step) play(Number(step.dataset.from), Number(step.dataset.to));
    else if (sentence) play(Number(sentence.dataset.from), null);
  });

  function mark(time) {
    for (const part of parts) {
      const current = time >= part.from && time < part.to;
      if (current !== part.element.hasAttribute("aria-current")) {
        if (current) part.element.setAttribute("aria-current", "true");
        else part.element.removeAttribute("aria-current");
      }
    }
  }

  // The player makes its video later; these events do not bubble, but they are captured.
  module.addEventListener("timeupdate", (event) => {
    const player = event.target;
    if (until !== null && player.currentTime >= until) {
      until = null;
      player.pause();
    }
    mark(player.currentTime);
  }, true);
  // Who seeks or plays by hand watches on.
  module.addEventListener("seeking", (event) => {
    const time = event.target.currentTime;
    const inside = parts.some((part) => part.to === until && time >= part.from - 0.5 && time < part.to);
    if (until !== null && !inside) until = null;
  }, true);
})();
