// <form data-save-bar>: the bar shows when something differs from what was loaded; Ctrl-S saves; leaving asks first.
(() => {
  const loaded = new WeakMap();
  const values = (form) => JSON.stringify([...new FormData(form)].map(([name, value]) => [name, value.name ?? value]));
  const isChanged = (form) => loaded.has(form) && (form.querySelector("[data-form-errors]") || values(form) !== loaded.get(form));
  const show = (form) => {
    const bar = form.querySelector("[data-save-bar-box]");
    const note = bar?.querySelector("[data-save-note]");
    const changed = Boolean(isChanged(form));
    bar?.classList.toggle("is-shown", changed);
    if (note) note.textContent = changed ? note.dataset.words : "";
  };
  const start = () => document.querySelectorAll("form[data-save-bar]").forEach((form) => {
    if (!loaded.has(form)) loaded.set(form, values(form));
    show(form);
  });
  document.addEventListener("DOMContentLoaded", start);
  document.addEventListener("htmx:after:swap", start);
  ["input", "change"].forEach((kind) => document.addEventListener(kind, (event) => {
    const form = event.target.form;
    if (form?.matches("[data-save-bar]")) show(form);
  }));
  document.addEventListener("submit", (event) => { loaded.delete(event.target); });
  document.addEventListener("click", (event) => {
    const form = event.target.closest("[data-discard]")?.closest("form");
    if (form) loaded.delete(form);
  });
  document.addEventListener("keydown", (event) => {
    if (!(event.ctrlKey || event.metaKey) || event.key.toLowerCase() !== "s") return;
    const form = document.activeElement?.form?.closest("[data-save-bar]") ?? document.querySelector("form[data-save-bar]");
    if (!form) return;
    event.preventDefault();
    form.requestSubmit();
  });
  window.addEventListener("beforeunload", (event) => {
    if ([...document.querySelectorAll("form[data-save-bar]")].some(isChanged)) event.preventDefault();
  });
})();
