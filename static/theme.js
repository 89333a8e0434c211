// Runs before anything is painted, so that a page never flashes in the wrong theme.
(() => {
  "use strict";
  var dark = window.matchMedia("(prefers-color-scheme: dark)");

  function chosen() {
    try {
      return localStorage.getItem("theme") || "auto";
    } catch {
      return "auto";
    }
  }

  function apply() {
    var choice = chosen();
    var theme = choice === "auto" ? (dark.matches ? "dark" : "light") : choice;
    document.documentElement.setAttribute("data-bs-theme", theme);
  }

  apply();
  dark.addEventListener("change", apply);
  window.addEventListener("storage", apply);

  document.addEventListener("DOMContentLoaded", () => {
    document.querySelectorAll("input[name=theme]").forEach((input) => {
      input.checked = input.value === chosen();
      input.addEventListener("change", () => {
        try {
          localStorage.setItem("theme", input.value);
        } catch {
          // Without storage the choice lasts as long as the page.
          document.documentElement.setAttribute("data-bs-theme", input.value);
          return;
        }
        apply();
      });
    });
  });
})();
