// Theme and density change at once; the server keeps the choice (a plain form without this).
(() => {
  document.addEventListener("submit", (event) => {
    const form = event.target.closest("form[data-preference]");
    const button = event.submitter;
    if (!form || !button) return;
    event.preventDefault();
    const root = document.documentElement;
    if (button.name === "density") root.dataset.density = button.value;
    else if (button.value === "auto") delete root.dataset.bsTheme;
    else root.dataset.bsTheme = button.value;
    form.querySelectorAll("[aria-pressed]").forEach((each) => each.setAttribute("aria-pressed", String(each === button)));
    const body = new FormData(form);
    body.set(button.name, button.value);
    fetch(form.action, { method: "POST", body, redirect: "manual" });
  });
})();
