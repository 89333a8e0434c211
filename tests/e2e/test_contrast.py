"""Text on the pages is told from its ground: WCAG 2.2 AA, in light and dark."""

from collections.abc import Callable
from typing import Any

from playwright.sync_api import Page

from tasks.control import bulk
from tasks.jobs import lifecycle
from tasks.jobs.allowed import Action
from tasks.models import BulkOperation, Kind, Step, TranscodeJob
from tasks.queue import broker
from tasks.records import audit
from tests.e2e.conftest import Site, Tab
from tests.webapp.pages import rows

OpenTab = Callable[..., Tab]

#: Each text that is too faint, as ``text | ratio wanted | colours | where``.
FAINT = """() => {
  const canvas = document.createElement('canvas');
  canvas.width = canvas.height = 1;
  const pen = canvas.getContext('2d', {willReadFrequently: true});
  const rgba = (colour) => {
    pen.clearRect(0, 0, 1, 1);
    pen.fillStyle = colour;
    pen.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = pen.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  };
  const over = (top, under) => top.slice(0, 3).map((v, i) => v * top[3] + under[i] * (1 - top[3]));
  const light = (rgb) => {
    const [r, g, b] = rgb.map((v) => {
      v /= 255;
      return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = (element) => {
    const layers = [];
    for (let at = element; at; at = at.parentElement) {
      const style = getComputedStyle(at);
      if (style.backgroundImage !== 'none' || /^(VIDEO|IMG|CANVAS)$/.test(at.tagName)) return null;
      layers.push(rgba(style.backgroundColor));
      if (layers.at(-1)[3] === 1) break;
    }
    return layers.reduceRight((under, layer) => over(layer, under), [255, 255, 255]);
  };
  const found = [];
  const judge = (words, element, style) => {
    const under = ground(element);
    if (!under) return;
    const text = over(rgba(style.color), under);
    const [a, b] = [light(text), light(under)].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    const size = parseFloat(style.fontSize);
    const wanted = size >= 24 || (size >= 18.66 && style.fontWeight >= 700) ? 3 : 4.5;
    if (ratio < wanted) {
      found.push(`${words.slice(0, 40)} | ${ratio.toFixed(2)} < ${wanted} | ${style.color} on ` +
        `${under.map(Math.round)} | ${element.tagName}.${element.className}`);
    }
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const words = walker.currentNode.textContent.trim();
    const element = walker.currentNode.parentElement;
    const seen = element.checkVisibility({opacityProperty: true, visibilityProperty: true});
    if (!words || !seen) continue;
    if (element.closest('script, style, svg, dailies-player, option, .visually-hidden')) continue;
    judge(words, element, getComputedStyle(element));
  }
  for (const field of document.querySelectorAll('input, textarea, select')) {
    if (!field.checkVisibility() || field.disabled) continue;
    if (field.placeholder) {
      judge(field.placeholder, field, getComputedStyle(field, '::placeholder'));
    } else if (field.value && !/^(checkbox|radio|hidden|file)$/.test(field.type)) {
      judge(field.value, field, getComputedStyle(field));
    }
  }
  return found;
}"""


def faint(page: Page, path: str) -> list[str]:
    """What is too faint on the page that is open, with its theme."""
    found: list[str] = []
    for theme in ("light", "dark"):
        page.evaluate("(theme) => { document.documentElement.dataset.bsTheme = theme; }", theme)
        told: Any = page.evaluate(FAINT)
        found += [f"{path} {theme}: {line}" for line in told]
    return found


def a_studio() -> list[str]:
    """Rows of every sort; the addresses where they are seen."""
    failed = rows.job("failed", name="Fog", error_message="No.", failed_reason="encoder", attempt=2)
    active = rows.job("active", chunks_total=3, phases={"splitting": 50}, speed=1.2)
    for status in ("waiting", "completed", "cancelled"):
        rows.job(status)
    for status in ("active", "failed", "completed"):
        rows.upload(status, of=active, rendition=status, error_message="No.", resource_name="Fog")
    rows.media(playable=False)
    Step(
        job_id=f"{active.job_id}.split",
        transcode_id=active.job_id,
        kind="split",
        status="active",
        queue_name=broker.SPLIT,
    ).save()
    operation = bulk.start(Kind.transcode, Action.retry, "ada", ids=[failed.job_id])
    BulkOperation.objects(job_id=operation.job_id).update(
        skipped=1,
        reasons=[{"outcome": "failed", "reason": "No.", "count": 1}],
        results=[{"jobId": failed.job_id, "outcome": "failed", "reason": "No."}],
    )
    audit.record("ada", "retry", kind="transcode", target=failed.job_id, refused=True, detail="No.")
    lifecycle.cancel(TranscodeJob, rows.job("waiting").job_id, "ada")
    return [
        "/jobs",
        "/jobs?kind=upload",
        "/jobs?q=nothing+like+it",
        f"/jobs/{failed.job_id}",
        f"/jobs/{active.job_id}",
        "/library",
        "/overview",
        "/drift",
        "/operations",
        f"/operations/{operation.job_id}",
        "/audit",
        "/upload",
        "/account",
        "/people",
        "/docs",
        "/docs/upload",
    ]


def test_text_stands_out_from_its_ground(site: Site, tab: OpenTab) -> None:
    paths = a_studio()
    admin = tab("admin")
    # Colours that are on their way are neither the one nor the other.
    admin.page.emulate_media(reduced_motion="reduce")
    found: list[str] = []
    for path in paths:
        page = admin.open(path)
        if path.startswith("/jobs?kind") or path == "/jobs":
            page.locator(".opener").first.click()
            page.wait_for_selector(".job-open .details")
            page.locator("#check-all").check()
            page.get_by_label("Your account").click()
        found += faint(page, path)
    admin.page.context.clear_cookies()
    admin.page.goto(f"{site.url}/jobs")
    admin.page.wait_for_selector("#password")
    found += faint(admin.page, "sign in")
    assert not found, "\n".join(found)
