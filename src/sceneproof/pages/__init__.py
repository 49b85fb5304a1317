"""Pages: a small kit of tables, charts and clips, and for each page a declared list of sections; loads no torch."""
