"use strict";
(() => {
  const root = document.documentElement;
  root.classList.add("script");

  // A link to a place opens whatever is folded around it, and takes away filters that hide it.
  const open = () => {
    let id = "";
    try { id = decodeURIComponent(location.hash.slice(1)); } catch { return; }
    const place = id && document.getElementById(id);
    if (!place) return;
    const unfold = () => {
      for (let each = place; each; each = each.parentElement) if (each instanceof HTMLDetailsElement) each.open = true;
    };
    unfold();
    if (!place.checkVisibility()) {
      reset(place.closest(".filtered"));
      unfold();
    }
    (place.closest("details") ?? place).scrollIntoView();
  };

  const reset = (within) => {
    if (!within) return;
    for (const each of within.querySelectorAll("input[type=radio]")) each.checked = !each.dataset.shows;
    for (const each of within.querySelectorAll("input[type=search]")) each.value = "";
    filter(within);
  };

  // Radio buttons filter by style alone. Words need this, and so do the number that is left and the folds around it.
  const texts = new WeakMap();
  const filter = (within) => {
    const words = (within.querySelector("input[type=search]")?.value ?? "").toLowerCase().split(/\s+/).filter(Boolean);
    const chosen = [...within.querySelectorAll("input:checked")].map((each) => each.dataset.shows).filter(Boolean);
    const items = within.querySelectorAll(".rule, .exchange");
    let left = 0;
    for (const each of items) {
      if (words.length && !texts.has(each)) texts.set(each, each.textContent.toLowerCase());
      const text = texts.get(each) ?? "";
      each.hidden = !words.every((word) => text.includes(word));
      if (!each.hidden && chosen.every((selector) => each.matches(selector))) left += 1;
    }
    for (const each of within.querySelectorAll(".layer, .rest, .group"))
      each.hidden = words.length > 0 && !each.querySelector(":is(.rule, .exchange):not([hidden])");
    const active = words.length + chosen.length > 0;
    for (const each of within.querySelectorAll(".rest, .group")) each.open = active;
    within.querySelector("output").textContent = active ? `${left} of ${items.length} shown` : "";
  };

  const copy = async (button) => {
    const shown = button.closest(".copied").querySelector("pre");
    let told = "Copied";
    try {
      await navigator.clipboard.writeText(shown.textContent);
    } catch {
      getSelection().selectAllChildren(shown);
      told = document.execCommand("copy") ? "Copied" : "Selected";
    }
    button.textContent = told;
    setTimeout(() => { button.textContent = "Copy"; }, 2000);
  };

  document.addEventListener("click", (event) => {
    const button = event.target.closest("button.copy");
    if (button) copy(button);
    // The address does not change when the same link is followed twice.
    const link = event.target.closest('a[href^="#"]');
    if (link && link.getAttribute("href") === location.hash) open();
  });
  for (const each of document.querySelectorAll(".filtered")) {
    each.addEventListener("input", () => filter(each));
  }
  addEventListener("hashchange", open);
  open();
})();
