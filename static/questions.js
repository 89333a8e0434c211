// What is asked before something is lost, and dialogs that come from the server.
(() => {
  "use strict";

  const { closeMenus } = window.dailies;

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
})();
