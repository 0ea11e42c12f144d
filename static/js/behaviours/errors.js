// A form that came back with errors: the summary takes the focus, so that it is heard and seen first.
(() => {
  const show = (root) => root.querySelector?.("[data-form-errors]")?.focus();
  document.addEventListener("DOMContentLoaded", () => show(document));
  document.addEventListener("htmx:after:swap", () => show(document));
})();

// Back to a form that was refused as the browser goes back: with what was typed.
(() => {
  document.addEventListener("click", (event) => {
    if (!event.target.closest("a[data-back]") || event.ctrlKey || event.metaKey || history.length < 2) return;
    event.preventDefault();
    history.back();
  });
})();
