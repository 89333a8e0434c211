// What every request of a page carries, and what is said when none gets through.
(() => {
  "use strict";

  const { dailies } = window;
  const csrf = document.querySelector('meta[name="csrf-token"]')?.content;
  dailies.csrf = csrf;

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
    if (ctx && !ctx.response) dailies.toast("Dailies cannot be reached. Try again in a moment.", "refused");
  });
})();
