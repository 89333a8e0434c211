// What is told in a corner of the page, and goes by itself.
(() => {
  "use strict";

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

  window.dailies = { toast };
})();
