// Charts: reading values by pointer and by arrow keys. <div data-chart> holds [data-read] rectangles and an output [data-chart-read].
(() => {
  const read = (chart, index) => {
    const hits = [...chart.querySelectorAll("[data-read]")];
    const at = Math.max(0, Math.min(hits.length - 1, index));
    hits.forEach((hit, position) => hit.classList.toggle("is-read", position === at));
    chart.dataset.at = at;
    const line = chart.closest("figure").querySelector("[data-chart-read]");
    if (hits[at] && line.textContent !== hits[at].dataset.read) line.textContent = hits[at].dataset.read;
  };
  document.addEventListener("pointermove", (event) => {
    const hit = event.target.closest?.("[data-read]");
    if (hit) read(hit.closest("[data-chart]"), [...hit.parentNode.querySelectorAll("[data-read]")].indexOf(hit));
  });
  document.addEventListener("keydown", (event) => {
    const chart = event.target.closest?.("[data-chart]");
    const count = chart?.querySelectorAll("[data-read]").length;
    const at = Number(chart?.dataset.at ?? -1);
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: count - 1 }[event.key];
    if (!chart || to === undefined) return;
    event.preventDefault();
    read(chart, to);
  });
})();
