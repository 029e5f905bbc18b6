/* The picker: a click on a value of the record writes its expression. Without scripts the same link loads the page. */
"use strict";
(() => {
  const expression = document.getElementById("id_json_path");
  if (!expression) return;

  document.addEventListener("click", (event) => {
    const link = event.target.closest("[data-expression]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    expression.value = link.dataset.expression;
    expression.dispatchEvent(new Event("input", { bubbles: true }));
  });

  // What is saved is what was previewed: until the new preview is here, there is nothing to save.
  expression.addEventListener("input", () => {
    for (const button of document.querySelectorAll("[data-save]")) button.disabled = true;
  });
})();
