// Menus: one is open at a time, and Escape closes it.
(() => {
  "use strict";

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

  window.dailies.closeMenus = closeMenus;
})();
