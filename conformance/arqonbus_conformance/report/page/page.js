"use strict";
// Only hides, shows and moves: every word of the report is in the page without it.
(() => {
  const root = document.documentElement;
  const all = (selector, from = document) => [...from.querySelectorAll(selector)];

  const toggle = document.querySelector("[data-theme-toggle]");
  const themes = ["auto", "dark", "light"];
  toggle.hidden = false;
  toggle.addEventListener("click", () => {
    const next = themes[(themes.indexOf(root.dataset.theme ?? "auto") + 1) % themes.length];
    if (next === "auto") delete root.dataset.theme;
    else root.dataset.theme = next;
    toggle.textContent = `Theme: ${next}`;
  });

  for (const button of all("[data-copy]")) {
    button.hidden = false;
    button.addEventListener("click", () => {
      const code = button.previousElementSibling;
      const said = (word) => { button.textContent = word; };
      const select = () => { getSelection().selectAllChildren(code); said("Selected"); };
      if (navigator.clipboard) navigator.clipboard.writeText(code.textContent).then(() => said("Copied"), select);
      else select();
    });
  }

  let opened = [];
  addEventListener("beforeprint", () => {
    opened = all("details.failure:not([open]), details.requirement:not([open])");
    for (const one of opened) one.open = one.classList.contains("failure");
  });
  addEventListener("afterprint", () => { for (const one of opened) one.open = false; });

  const form = document.querySelector(".tools");
  if (!form) return;
  form.hidden = false;
  const search = form.elements.text;
  const output = form.querySelector("output");
  const items = all(".item").map((element) => ({
    element,
    kind: ["failure", "requirement", "case"].find((name) => element.classList.contains(name)),
    data: element.dataset,
    words: null,
  }));
  const tiles = new Map(all(".tile").map((tile) => [tile.dataset.for, tile]));
  const holds = (list, wanted) => !wanted || list.split(" ").includes(wanted);

  const matches = (item, chosen) => {
    if (chosen.verdict && item.data.verdict !== chosen.verdict) return false;
    if (chosen.suite && item.data.suite !== chosen.suite) return false;
    if (!holds(item.data.area, chosen.area) || !holds(item.data.phase, chosen.phase)) return false;
    if (!chosen.terms.length) return true;
    item.words ??= item.element.textContent.toLowerCase();
    return chosen.terms.every((term) => item.words.includes(term));
  };

  const apply = () => {
    const chosen = Object.fromEntries(new FormData(form));
    chosen.terms = chosen.text.toLowerCase().split(/\s+/).filter(Boolean);
    const counts = { failure: 0, requirement: 0, case: 0 };
    for (const item of items) {
      const shown = matches(item, chosen);
      item.element.hidden = !shown;
      counts[item.kind] += shown;
      if (item.kind === "requirement") tiles.get(item.element.id.slice(2))?.classList.toggle("dim", !shown);
    }
    for (const place of all("[data-count]")) place.textContent = counts[place.dataset.count];
    for (const place of all("[data-nothing]")) place.hidden = counts.failure + counts.requirement + counts.case > 0;
    const active = chosen.terms.length || chosen.verdict || chosen.area || chosen.suite || chosen.phase;
    output.textContent = active ? `${counts.failure} failures, ${counts.requirement} requirements, ${counts.case} cases` : "";
  };

  let pending = 0;
  const soon = () => { cancelAnimationFrame(pending); pending = requestAnimationFrame(apply); };
  form.addEventListener("input", soon);
  form.addEventListener("reset", soon);
  form.addEventListener("submit", (event) => { event.preventDefault(); apply(); move(1); });

  const allCases = document.querySelector(".all-cases");
  document.addEventListener("click", (event) => {
    const link = event.target.closest("[data-pick-area], [data-pick-suite], [data-pick-text]");
    if (!link) return;
    const tile = event.target.closest(".tile");
    form.reset();
    if (tile) {
      event.preventDefault();
      apply();
      const line = document.getElementById(`r-${tile.dataset.for}`);
      line.open = true;
      line.firstElementChild.focus();
      return;
    }
    for (const name of ["area", "suite", "text"]) {
      const value = link.dataset[`pick${name[0].toUpperCase()}${name.slice(1)}`];
      if (value) form.elements[name].value = value;
    }
    if (link.dataset.pickText) allCases.open = true;
    soon();
  });

  // j and k walk over what can be opened and is not hidden.
  const stops = () => all("details.item > summary").filter((one) => !one.parentElement.hidden);
  function move(step) {
    const places = stops();
    const at = places.indexOf(document.activeElement);
    const next = at < 0 ? (step > 0 ? 0 : places.length - 1) : at + step;
    places[Math.max(0, Math.min(places.length - 1, next))]?.focus();
  }
  const escape = () => {
    const open = document.activeElement.closest("details.item[open]");
    if (document.activeElement === search && search.value) { search.value = ""; apply(); }
    else if (open) { open.open = false; open.firstElementChild.focus(); }
    else document.activeElement.blur();
  };
  const keys = {
    "/": () => { search.focus(); search.select(); },
    j: () => move(1),
    k: () => move(-1),
    ArrowDown: () => move(1),
    ArrowUp: () => move(-1),
    Escape: escape,
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !keys[event.key]) return;
    const field = event.target.closest("input, select, textarea");
    if (field && event.key !== "Escape") return;
    const walking = event.target.closest("details.item > summary");
    if (event.key.startsWith("Arrow") && !walking) return;
    event.preventDefault();
    keys[event.key]();
  });
})();
