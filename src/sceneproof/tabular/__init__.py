"""Tables that people bring: any usual CSV, TSV or Parquet -> manifest, boxes of people and a preview."""
