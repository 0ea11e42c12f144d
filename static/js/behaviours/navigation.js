// The navigation button of small screens (a plain anchor without this), and the way back to the list one came from.
(() => {
  document.addEventListener("click", (event) => {
    const nav = document.getElementById("navigation");
    const toggle = event.target.closest("[data-nav-toggle]");
    if (toggle || event.target.closest("[data-nav-close]")) {
      event.preventDefault();
      const isOpen = Boolean(toggle) && !nav.classList.contains("is-open");
      nav.classList.toggle("is-open", isOpen);
      nav.classList.toggle("is-closed", !isOpen);
      document.querySelector("[data-nav-toggle]").setAttribute("aria-expanded", String(isOpen));
      (isOpen ? nav.querySelector("a") : document.querySelector("[data-nav-toggle]")).focus();
    } else if (nav?.classList.contains("is-open") && !nav.contains(event.target)) {
      nav.classList.remove("is-open");
    }
  });
  document.addEventListener("click", (event) => {
    const back = event.target.closest("a[data-back]");
    if (!back || !document.referrer) return;
    const from = new URL(document.referrer);
    if (from.origin === location.origin && from.pathname === new URL(back.href).pathname) back.href = from.href;
  });
})();
