// Tables of deltas show what a filter lets be seen: at first what is not the same.
function filtered(bar) {
  const select = bar.querySelector("select"), count = bar.querySelector("[role=status]");
  const rows = [...document.getElementById(bar.dataset.filters).tBodies[0].rows];
  const filters = {
    changed: (row) => !("same" in row.dataset),
    bad: (row) => "bad" in row.dataset,
    all: () => true,
  };
  const apply = () => {
    let seen = 0;
    for (const row of rows) {
      row.hidden = !filters[select.value](row);
      if (!row.hidden) seen++;
    }
    count.textContent = seen === 0 ? "None." : `${seen} of ${rows.length} figures.`;
  };
  select.addEventListener("change", apply);
  bar.hidden = false;
  apply();
}
