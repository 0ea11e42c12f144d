// Ctrl-K looks something up; J and K walk rows of a table[data-rows] or, on a detail page, the list it was opened from.
(() => {
  const isTyping = (target) => target.closest?.("input:not([type=checkbox]):not([type=radio]), textarea, select, [contenteditable], dialog");
  const walk = (table, step) => {
    const rows = [...table.tBodies[0].rows];
    const at = rows.findIndex((row) => row.classList.contains("is-current"));
    const next = rows[at < 0 ? 0 : Math.max(0, Math.min(rows.length - 1, at + step))];
    rows.forEach((row) => row.classList.toggle("is-current", row === next));
    next?.querySelector("a")?.focus();
    next?.scrollIntoView({ block: "nearest" });
  };
  document.addEventListener("keydown", (event) => {
    const key = event.key.toLowerCase();
    if ((event.ctrlKey || event.metaKey) && key === "k") {
      const box = document.querySelector("[data-lookup]");
      if (!box) return;
      event.preventDefault();
      box.focus();
      box.select();
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
    const table = document.querySelector("table[data-rows]");
    if (key === "j" || key === "k") {
      const link = document.querySelector(`a[rel="${key === "j" ? "next" : "prev"}"][aria-keyshortcuts]`);
      if (link) link.click();
      else if (table) walk(table, key === "j" ? 1 : -1);
    } else if (key === "x") {
      table?.querySelector("tr.is-current [data-select-row]")?.click();
    }
  });
})();
