"""How a log mapping is written, for people."""

MAP_HELP = """\
A log mapping is a TOML file. It says which files a log has, and for each table of an event log which of their columns
it is made of; `bench data columns` describes these tables. Nothing in it is ever executed. Write [[queries]],
[[impressions]], [[clicks]] and [[items]], each once for every file with rows of it; one file may serve several.

  [files.log]
  path = "events-*.csv"             # below the log's folder; a glob, or a list of them. Parquet, JSON lines, .gz too
  separator = ";"                   # else found out; quote = "" where quotes mean nothing; encoding = "latin-1"
  columns = ["user", "sku", "at"]   # only for a text without a header line

  [[clicks]]
  from = "log"                                  # the file
  where = { action = "click", bot = false }     # only these rows; also [..], { not = .. }, { above = 0 },
                                                # { below = .. }, { empty = false }
  join = [{ file = "searches", on = "qid" }]    # columns of another file by a key; they are searches.COLUMN
  query_id = ["user", "qid"]                    # of several columns; "@row" is the number of the row
  item_id = "sku"
  time = { column = "at", unit = "ms" }         # without a unit it is found out; format = "%d.%m.%Y %H:%M" is for
                                                # other written times than ISO; plus = "COLUMN" adds an offset in
                                                # the unit; { intervals = "COLUMN", start = .. } sums a list up

  A column of ours is a column of the file, { value = "always this" }, { column = "kind", values = { t = "keyword" } }
  for other names of values, or { column = "words", split = "_" } for a list in a text (words, text, items; lists of
  JSON and Python, and lists with | , ; or white space between, need no split).

  items = { column = "shown", split = "|" }     # impressions, clicks: all items of a row, from the top
  explode = ["shown", "labels"]                 # a row for each place of lists of one length, with split = "|";
                                                # "@place" is the place; runs = "COLUMN" numbers runs of equal values
                                                # ("@run")
  rank = "@order"                               # impressions, one a row: their order; "@unknown" where it says nothing
  first = true                                  # queries: of several rows of a query_id the earliest
  split = { column = "part" }                   # queries: the log's own train, valid and test

  unknown_items = "add"                         # at the top: ids that were shown and are in no catalogue become items
  about = "..", licence = "..", caveats = [".."]
"""
"""The format of a log mapping: ``bench data maps`` prints it."""
