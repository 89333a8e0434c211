// The screen of a module that is being made: it leads to the module when that is ready.
(() => {
  "use strict";

  const progress = document.getElementById("module-progress");
  if (!progress) return;
  const POLL = 3000;
  const target = `/modules/${progress.dataset.module}`;
  let before = progress.dataset.state;

  const look = (state) => {
    if (state === before) return;
    before = state;
    if (state === "ready") location.replace(target);
    // The buttons below are for another state now.
    else location.reload();
  };
  new MutationObserver(() => {
    const now = document.getElementById("module-progress");
    if (now) look(now.dataset.state);
  }).observe(document.getElementById("main"), { subtree: true, childList: true, attributes: true });

  // Where the live connection is lost, asking does it too.
  setInterval(async () => {
    if (document.getElementById("live")?.dataset.state === "live") return;
    const answer = await fetch(`/api/upload/status/${progress.dataset.module}`, {
      headers: { Accept: "application/json" },
    }).catch(() => null);
    if (answer?.ok) look((await answer.json()).status);
  }, POLL);
})();
