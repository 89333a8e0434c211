// The list of jobs: rows that open in place, filters, and rows that are chosen.
(() => {
  "use strict";

  const { dailies } = window;

  const list = document.getElementById("job-list");

  function openIds() {
    return [...document.querySelectorAll(".job[data-open]")].map((job) => job.dataset.job);
  }

  async function toggle(job) {
    const opener = job.querySelector(".opener");
    const place = job.querySelector(".job-open");
    if (job.hasAttribute("data-open")) {
      job.removeAttribute("data-open");
      opener.setAttribute("aria-expanded", "false");
      place.replaceChildren();
    } else {
      await htmx.ajax("GET", job.dataset.details, {
        source: job,
        target: place,
        swap: "innerHTML",
      });
      job.setAttribute("data-open", "");
      opener.setAttribute("aria-expanded", "true");
    }
    dailies.tellView();
  }

  list?.addEventListener("click", (event) => {
    const row = event.target.closest(".job-row");
    if (!row) return;
    const pressed = event.target.closest("a, button, summary, .menu-panel, input, label");
    if (pressed && !event.target.closest("[data-opens]")) return;
    if (!pressed && String(getSelection())) return; // somebody selects text
    toggle(row.closest(".job"));
  });

  dailies.openIds = openIds;

  // Filters are folded where there is little room.
  const filters = document.querySelector(".filters");
  const filterButton = document.getElementById("filter-button");

  function countFilters() {
    if (!filterButton) return;
    const set = [...filters.querySelectorAll("select:not([name=sort], [name=size])")]
      .filter((select) => select.value).length;
    setText(filterButton.querySelector(".filter-count"), set ? `· ${set}` : "");
  }

  filterButton?.addEventListener("click", () => {
    const shown = filters.toggleAttribute("data-shown");
    filterButton.setAttribute("aria-expanded", String(shown));
  });
  filters?.addEventListener("input", countFilters);
  countFilters();

  // Two times are in place of a span.
  document.getElementById("filter-span")?.addEventListener("input", (event) => {
    if (event.target.value === "between") return;
    for (const field of document.querySelectorAll("#between input")) field.value = "";
  });

  // Chosen rows.
  const bulk = document.getElementById("bulk");
  const number = new Intl.NumberFormat("en");

  function rowBoxes() {
    return [...document.querySelectorAll('.job input[name="ids"]')];
  }

  function recount() {
    if (!bulk) return;
    const boxes = rowBoxes();
    const checked = boxes.filter((box) => box.checked);
    const matching = bulk.querySelector("#matching");
    const pager = document.getElementById("pager");
    // "All that match" means what was on screen: another filter, or an unchecked row, ends it.
    if (matching.value && (matching.value !== pager?.dataset.matching || checked.length < boxes.length)) {
      matching.value = "";
    }
    const total = pager?.dataset.total;
    const count = matching.value ? (total ? number.format(total) : "All") : number.format(checked.length);
    bulk.hidden = checked.length === 0;
    const said = bulk.querySelector("#bulk-count");
    const noun = said.dataset.noun + (count === "1" ? "" : "s");
    said.dataset.words = count === "All" ? `all ${noun} that match` : `${count} ${noun}`;
    setText(said, count === "All" ? "All that match selected" : `${count} selected`);
    const all = bulk.querySelector("#bulk-all");
    const more = pager && (!total || Number(total) > boxes.length);
    all.hidden = Boolean(matching.value) || !more || checked.length < boxes.length;
    setText(all, total ? `Select all ${number.format(total)} that match` : "Select all that match");
    const every = document.getElementById("check-all");
    every.checked = boxes.length > 0 && checked.length === boxes.length;
    every.indeterminate = checked.length > 0 && !every.checked;
  }

  function setText(element, words) {
    if (element.textContent !== words) element.textContent = words;
  }

  function checkAll(checked) {
    for (const box of rowBoxes()) box.checked = checked;
    recount();
  }

  if (bulk) {
    document.addEventListener("change", (event) => {
      if (event.target.id === "check-all") checkAll(event.target.checked);
      else if (event.target.name === "ids") recount();
    });
    bulk.querySelector("#bulk-none").addEventListener("click", () => checkAll(false));
    bulk.querySelector("#bulk-all").addEventListener("click", () => {
      bulk.querySelector("#matching").value = document.getElementById("pager").dataset.matching;
      recount();
    });
    document.getElementById("check-all").addEventListener("input", (event) => event.stopPropagation());
    document.addEventListener("htmx:after:request", (event) => {
      const ctx = event.detail.ctx;
      if (bulk.contains(ctx?.sourceElement) && ctx.response?.raw?.ok) checkAll(false);
    });
    recount();
  }

  document.addEventListener("htmx:after:swap", () => { recount(); countFilters(); });
})();
