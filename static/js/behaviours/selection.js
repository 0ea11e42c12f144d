// Choosing rows: <form data-selection="key"> keeps the chosen ids in sessionStorage, so that paging and Back do not lose them.
(() => {
  const stored = (form) => new Set(JSON.parse(sessionStorage.getItem(`selection:${form.dataset.selection}`) ?? "[]"));
  const show = (form) => {
    const chosen = stored(form);
    const boxes = [...form.querySelectorAll("[data-select-row]")];
    boxes.forEach((box) => {
      box.checked = chosen.has(box.value);
      box.closest("tr")?.setAttribute("aria-selected", String(box.checked));
    });
    const all = form.querySelector("[data-select-all]");
    const here = boxes.filter((box) => box.checked).length;
    if (all) {
      all.checked = here > 0 && here === boxes.length;
      all.indeterminate = here > 0 && here < boxes.length;
    }
    form.querySelector("[data-bulk-bar]")?.classList.toggle("is-shown", chosen.size > 0);
    form.querySelectorAll("[data-selected-count]").forEach((each) => { each.textContent = chosen.size.toLocaleString(document.documentElement.lang); });
  };
  const showAll = () => document.querySelectorAll("form[data-selection]").forEach(show);
  const keep = (form, chosen) => {
    sessionStorage.setItem(`selection:${form.dataset.selection}`, JSON.stringify([...chosen]));
    show(form);
  };
  document.addEventListener("change", (event) => {
    const form = event.target.closest?.("form[data-selection]");
    if (!form || !event.target.matches("[data-select-row], [data-select-all]")) return;
    const chosen = stored(form);
    const boxes = event.target.matches("[data-select-all]") ? form.querySelectorAll("[data-select-row]") : [event.target];
    boxes.forEach((box) => (event.target.checked ? chosen.add(box.value) : chosen.delete(box.value)));
    keep(form, chosen);
  });
  document.addEventListener("click", (event) => {
    const form = event.target.closest("[data-clear-selection]")?.closest("form[data-selection]");
    if (form) keep(form, new Set());
  });
  // Ids chosen on other pages of the list travel as hidden fields under the name of the boxes.
  document.addEventListener("submit", (event) => {
    const form = event.target.closest("form[data-selection]");
    const name = form?.querySelector("[data-select-row]")?.name;
    if (!name) return;
    form.querySelectorAll("[data-carried]").forEach((each) => each.remove());
    const here = new Set([...form.querySelectorAll("[data-select-row]")].map((box) => box.value));
    stored(form).forEach((value) => {
      if (here.has(value)) return;
      const field = Object.assign(document.createElement("input"), { type: "hidden", name, value });
      field.dataset.carried = "";
      form.append(field);
    });
  });
  document.addEventListener("DOMContentLoaded", showAll);
  document.addEventListener("htmx:after:swap", showAll);
})();
