// The CDN did not answer. document.write is deliberate: a script added any other way would run after the deferred ones.
if (!window.htmx) {
  const self = document.currentScript;
  document.write(`<script src="${self.dataset.src}" nonce="${self.nonce}"></` + "script>");
}
