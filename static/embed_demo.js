// The demo page: each event of the element, as a page elsewhere would hear it.
(() => {
  "use strict";
  const element = document.getElementById("demo");
  const list = document.getElementById("demo-events");
  if (!element) return;
  for (const name of ["update", "complete", "error"]) {
    element.addEventListener(name, (event) => {
      const { status, progress, error } = event.detail;
      const line = document.createElement("li");
      line.textContent = `${name} · ${[status, progress === undefined ? "" : `${progress} %`, error].filter(Boolean).join(" · ")}`;
      list.append(line);
      while (list.children.length > 12) list.firstElementChild.remove();
    });
  }
})();
