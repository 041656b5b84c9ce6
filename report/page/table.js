// Tables sort by a click on a column's head: by number where cells are figures.
function sortable(table) {
  const head = table.tHead?.rows[0];
  if (!head) return;
  const body = table.tBodies[0];
  const original = [...body.rows];
  [...head.cells].forEach((th, column) => {
    const texts = original.map((row) => row.cells[column].textContent);
    // What a cell has to sort by is more exact than its text.
    const figures = original.map((row, i) => {
      const own = row.cells[column].dataset.v;
      return own === undefined ? numberIn(texts[i]) : own === "" ? null : Number(own);
    });
    const numeric = figures.some((v) => v !== null) && texts.every((t, i) => figures[i] !== null || /^(–|n\/a|failed|O\(1\)|unclear)/.test(t));
    if (!numeric) [th, ...original.map((row) => row.cells[column])].forEach((cell) => cell.classList.add("text"));
    const button = document.createElement("button");
    button.type = "button";
    button.append(...th.childNodes);
    th.append(button);
    button.addEventListener("click", () => {
      const before = th.getAttribute("aria-sort");
      for (const other of head.cells) other.removeAttribute("aria-sort");
      if (before === "descending") { // and once more: as it was
        body.append(...original);
        return;
      }
      const sign = before === "ascending" ? -1 : 1;
      th.setAttribute("aria-sort", sign > 0 ? "ascending" : "descending");
      const order = original.map((row, i) => ({ row, v: figures[i], t: texts[i] }));
      order.sort((a, b) => {
        if (!numeric) return sign * a.t.localeCompare(b.t, "en", { numeric: true });
        if (a.v === null || b.v === null) return (a.v === null) - (b.v === null); // none stays last
        return a.v === b.v ? 0 : sign * (a.v < b.v ? -1 : 1); // infinite ones, too
      });
      body.append(...order.map((o) => o.row));
    });
  });
}
