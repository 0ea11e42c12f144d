// The thin bar on top while requests run. Regions that ask again by themselves stay quiet.
(() => {
  let running = 0;
  const isQuiet = (event) => event.target.closest?.("[data-quiet], [hx-trigger*='every'], [hx-trigger*='load']");
  const show = () => document.querySelector("[data-loading-bar]")?.classList.toggle("is-loading", running > 0);
  document.addEventListener("htmx:before:request", (event) => {
    if (isQuiet(event)) return;
    running += 1;
    show();
  });
  document.addEventListener("htmx:finally:request", (event) => {
    if (isQuiet(event)) return;
    running = Math.max(0, running - 1);
    show();
  });
})();
