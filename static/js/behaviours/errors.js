// A form that came back with errors: the summary takes the focus, so that it is heard and seen first.
(() => {
  const show = (root) => root.querySelector?.("[data-form-errors]")?.focus();
  document.addEventListener("DOMContentLoaded", () => show(document));
  document.addEventListener("htmx:after:swap", () => show(document));
})();
