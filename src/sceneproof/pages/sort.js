// Tables that sort by a click or a key on a column's heading: without this script they are plain tables.
for (const table of document.querySelectorAll("table")) {
  const body = table.tBodies[0];
  const first = [...body.rows];
  const number = (text) => {
    const plain = text.trim().replace("−", "-").replace(/[\s,%]/g, "");
    return /^[+-]?\d+(\.\d+)?$/.test(plain) ? Number(plain) : null;
  };
  const absent = (text) => text === "" || text === "–";
  const cell = (row, column) => {
    const copy = row.cells[column].cloneNode(true);
    for (const aside of copy.querySelectorAll("small")) aside.remove();
    return copy.textContent.trim();
  };
  const headings = [...table.tHead.rows[0].cells];
  headings.forEach((heading, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "sort";
    button.append(...heading.childNodes);
    heading.append(button);
    button.addEventListener("click", () => {
      const now = heading.getAttribute("aria-sort");
      const next = now === null ? "descending" : now === "descending" ? "ascending" : null;
      for (const other of headings) other.removeAttribute("aria-sort");
      if (next === null) return body.append(...first);
      heading.setAttribute("aria-sort", next);
      const sign = next === "ascending" ? 1 : -1;
      const order = first.map((row) => [row, cell(row, column)]);
      order.sort(([, a], [, b]) => {
        const [x, y] = [number(a), number(b)];
        if (x !== null && y !== null) return sign * (x - y);
        if (x !== null || y !== null) return x !== null ? -1 : 1;
        if (absent(a) || absent(b)) return absent(a) - absent(b); // below, either way
        return sign * a.localeCompare(b, "en", { numeric: true });
      });
      body.append(...order.map(([row]) => row));
    });
  });
}
const still = document.getElementById("still");
if (still && matchMedia("(prefers-reduced-motion: reduce)").matches) still.checked = true;
