// A dialog whose form came back refused opens by itself.
(() => {
  const open = () => document.querySelectorAll("dialog[data-open-again]").forEach((dialog) => {
    dialog.removeAttribute("data-open-again");
    if (!dialog.open) dialog.showModal();
    dialog.querySelector("[data-form-errors], [aria-invalid]")?.focus();
  });
  document.addEventListener("DOMContentLoaded", open);
  document.addEventListener("htmx:after:swap", open);
})();

// Dialogs open by commandfor/command alone; this is for browsers that do not know these attributes yet.
(() => {
  if ("commandForElement" in HTMLButtonElement.prototype) return;
  document.addEventListener("click", (event) => {
    const button = event.target.closest("button[commandfor]");
    const dialog = button && document.getElementById(button.getAttribute("commandfor"));
    if (!dialog) {
      if (event.target.matches("dialog[closedby='any']")) event.target.close();
      return;
    }
    if (button.getAttribute("command") === "show-modal") dialog.showModal();
    if (button.getAttribute("command") === "close") dialog.close();
  });
})();
