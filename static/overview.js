// Draws the charts of the overview from the JSON that `data-source` names, and keeps them fresh.
(() => {
  "use strict";

  const place = document.getElementById("charts");
  if (!place || !window.uPlot) return;
  const nothing = document.getElementById("nothing");
  const byDay = place.dataset.by === "day";
  const HEIGHT = 190;
  const REFRESH = 15_000;
  const REFRESH_COUNTING = 1000;
  const counting = document.getElementById("counting");
  const charts = new Map();
  let buckets = [];

  // Words.

  function count(value) {
    return value == null ? "—" : value.toLocaleString("en");
  }

  function percent(value) {
    return value == null ? "—" : `${(100 * value).toFixed(1).replace(/\.0$/, "")} %`;
  }

  function seconds(value) {
    if (value == null) return "—";
    if (value < 9.95) return `${value.toFixed(1).replace(/\.0$/, "")} s`;
    const whole = Math.round(value);
    if (whole < 60) return `${whole} s`;
    if (whole < 3600) {
      const rest = whole % 60;
      return `${Math.floor(whole / 60)} min${rest ? ` ${String(rest).padStart(2, "0")} s` : ""}`;
    }
    const minutes = Math.round(whole / 60);
    if (minutes < 48 * 60) {
      const rest = minutes % 60;
      return `${Math.floor(minutes / 60)} h${rest ? ` ${String(rest).padStart(2, "0")} min` : ""}`;
    }
    return `${Math.round(minutes / 1440)} d`;
  }

  function rate(value) {
    if (value == null) return "—";
    let unit = 0;
    while (value >= 999.5 && unit < 4) { value /= 1000; unit += 1; }
    const text = value.toFixed(unit && value < 9.95 ? 1 : 0).replace(/\.0$/, "");
    return `${text} ${["B", "kB", "MB", "GB", "TB"][unit]}/s`;
  }

  const zone = byDay ? { timeZone: "UTC" } : {};
  const hour = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", ...zone });
  const day = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", ...zone });

  function moment(at) {
    if (at == null) return "";
    const date = new Date(at * 1000);
    return byDay ? day.format(date) : `${day.format(date)}, ${hour.format(date)}`;
  }

  // What each chart shows.

  const field = (name) => (bucket) => bucket[name];
  // Bars that stand on each other: each is drawn down to the ground, the tallest first.
  const sum = (...names) => (bucket) =>
    bucket.completed == null ? null : names.reduce((all, name) => all + bucket[name], 0);

  const CHARTS = {
    finished: {
      words: count, whole: true,
      series: [
        { label: "Cancelled", tone: "--cancelled", bars: true, shown: field("cancelled"), drawn: sum("completed", "failed", "cancelled") },
        { label: "Failed", tone: "--failed", bars: true, shown: field("failed"), drawn: sum("completed", "failed") },
        { label: "Completed", tone: "--completed", bars: true, shown: field("completed"), drawn: sum("completed") },
      ],
    },
    rates: {
      words: percent, range: [0, 1],
      series: [
        { label: "Completed", tone: "--completed", shown: field("completionRate") },
        { label: "Failed", tone: "--failed", shown: field("failureRate") },
      ],
    },
    duration: {
      words: seconds, time: true,
      series: [
        { label: "Median", tone: "--tblr-body-color", shown: field("medianSeconds") },
        { label: "95 of 100 within", tone: "--second", dash: [5, 4], shown: field("p95Seconds") },
      ],
    },
    speed: {
      words: rate,
      series: [{ label: "Upload speed", tone: "--tblr-body-color", shown: field("bytesPerSecond") }],
    },
    waiting: {
      words: count, whole: true,
      series: [{ label: "Waiting", tone: "--waiting", bars: true, shown: field("waiting") }],
    },
    oldest: {
      words: seconds, time: true,
      series: [{ label: "Longest wait", tone: "--waiting", bars: true, shown: field("oldestSeconds") }],
    },
  };

  // Steps of an axis in seconds that people count in.
  const TIME_STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 172800, 604800];
  const WHOLE_STEPS = [];
  for (let power = 1; power <= 1e9; power *= 10) WHOLE_STEPS.push(power, 2 * power, 5 * power);

  // As the browser resolves it: a canvas doesn't know var() and color-mix().
  const probe = document.createElement("i");
  probe.hidden = true;
  document.body.append(probe);

  function colour(name) {
    probe.style.color = `var(${name})`;
    return getComputedStyle(probe).color;
  }

  function data(chart) {
    return [
      buckets.map((bucket) => Date.parse(bucket.at) / 1000),
      ...chart.series.map((one) => buckets.map(one.drawn || one.shown)),
    ];
  }

  function options(chart, width) {
    const second = colour("--second");
    const grid = { stroke: colour("--track"), width: 1 };
    const axis = { stroke: second, grid, ticks: { show: false }, font: `12px ${getComputedStyle(document.body).fontFamily}` };
    const last = () => buckets.length - 1;
    return {
      width,
      height: HEIGHT,
      padding: [8, 16, 0, 0],
      ...(byDay ? { tzDate: (at) => uPlot.tzDate(new Date(at * 1000), "Etc/UTC") } : {}),
      scales: {
        y: { range: chart.range || ((_u, _min, max) => [0, max > 0 ? max * 1.08 : 1]) },
        x: { range: (_u, min, max) => [min - (byDay ? 43_200 : 1800), max + (byDay ? 43_200 : 1800)] },
      },
      cursor: { y: false, drag: { x: false, y: false }, points: { size: 6 } },
      legend: {
        live: true,
        isolate: false,
        markers: { width: 0, fill: (_u, index) => (index ? colour(chart.series[index - 1].tone) : "transparent") },
      },
      axes: [
        {
          ...axis, grid: { show: false }, space: 64, size: 28,
          values: (_u, splits) => splits.map((at) => {
            const date = new Date(at * 1000);
            return byDay || hour.format(date) === "00:00" ? day.format(date) : hour.format(date);
          }),
        },
        {
          ...axis, space: 34, size: 62,
          incrs: chart.time ? TIME_STEPS : chart.whole ? WHOLE_STEPS : undefined,
          values: (_u, splits) => splits.map(chart.words),
        },
      ],
      series: [
        { label: "When", value: (_u, at) => moment(at) },
        ...chart.series.map((one) => ({
          label: one.label,
          stroke: colour(one.tone),
          fill: one.bars ? colour(one.tone) : undefined,
          width: one.bars ? 0 : 2,
          dash: one.dash,
          paths: one.bars ? uPlot.paths.bars({ size: [0.72, 22] }) : undefined,
          points: { show: !one.bars, size: 5, fill: colour(one.tone) },
          value: (_u, _value, _series, index) => (index == null ? "—" : chart.words(one.shown(buckets[index] || {}))),
        })),
      ],
      hooks: {
        // Nobody points at it: the legend tells of the last hour or day.
        setCursor: [(u) => { if (u.cursor.idx == null) u.setLegend({ idx: last() }, false); }],
        ready: [(u) => u.setLegend({ idx: last() }, false)],
      },
    };
  }

  function draw(figure) {
    const chart = CHARTS[figure.dataset.chart];
    const spot = figure.querySelector(".chart-place");
    const known = charts.get(figure);
    if (known) {
      known.setData(data(chart));
      if (known.cursor.idx == null) known.setLegend({ idx: buckets.length - 1 }, false);
    } else if (spot.clientWidth) {
      charts.set(figure, new uPlot(options(chart, spot.clientWidth), data(chart), spot));
    }
    const newest = buckets[buckets.length - 1];
    const words = chart.series.map((one) => `${one.label} ${chart.words(one.shown(newest))}`);
    const title = figure.querySelector("strong").textContent;
    spot.setAttribute("aria-label", `${title}. ${byDay ? "Today" : "This hour"}: ${words.join(", ")}.`);
  }

  function missing() {
    return buckets.filter((bucket) => bucket.completed == null).length;
  }

  function drawAll() {
    if (!buckets.length) return;
    counting.hidden = !missing();
    counting.textContent = missing() ? `Still counting ${missing()} of ${buckets.length} ${byDay ? "days" : "hours"}.` : "";
    const anything = buckets.some((b) => b.completed == null || b.completed + b.failed + b.cancelled > 0);
    place.hidden = !anything;
    nothing.hidden = anything;
    if (anything) for (const figure of place.querySelectorAll("[data-chart]")) draw(figure);
  }

  function redrawAll() {
    for (const chart of charts.values()) chart.destroy();
    charts.clear();
    drawAll();
  }

  // Keeping them fresh.

  let before = "";
  let timer;
  async function refresh() {
    clearTimeout(timer);
    await load();
    clearTimeout(timer);
    timer = setTimeout(refresh, missing() ? REFRESH_COUNTING : REFRESH);
  }

  async function load() {
    if (document.hidden) return;
    try {
      const answer = await fetch(place.dataset.source, { headers: { Accept: "application/json" } });
      if (!answer.ok) return; // the header says whether the line is down
      const text = await answer.text();
      if (text === before) return;
      before = text;
      buckets = JSON.parse(text).buckets;
      drawAll();
    } catch {
      // Tried again with the next tick.
    }
  }

  new MutationObserver(redrawAll).observe(document.documentElement, { attributeFilter: ["data-bs-theme"] });
  new ResizeObserver(() => {
    for (const [figure, chart] of charts) {
      const width = figure.querySelector(".chart-place").clientWidth;
      if (width && width !== chart.width) chart.setSize({ width, height: HEIGHT });
    }
  }).observe(place);
  document.addEventListener("visibilitychange", refresh);
  refresh();
})();
