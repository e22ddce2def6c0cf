"""The Ray engine: the jobs of a run on the nodes of a Ray cluster, an existing one or one started on the spot.

Who does what:

- **Ray** places jobs, counts resources, and starts the jobs of lost nodes again. There is no scheduler of ours beside
  it: a job is a Ray task that asks for one CPU, for a share of a GPU where it computes on one, and for the memory
  that jobs like it have taken (:mod:`bench.runs.engines.ray.resources`). The order in which jobs may start is that of
  :mod:`bench.runs.engines.schedule`, as for the local engine.
- **A node** (:mod:`bench.runs.engines.ray.node`) carries a job out with the local engine itself: a worker process
  that stays for the next job, limits of time and memory, what a dead one leaves behind. So results are those of the
  local engine. Ray's own processes import no torch, and no plugin runs in one.
- **The driver** (:mod:`bench.runs.engines.ray.driver`) is the command that was typed. It alone writes to the store,
  except on its own node, where jobs store their results themselves as local workers do. From other nodes a result
  comes as bytes, with checksums, and is published whole. So no disk is shared, and whatever happens to a node, a
  result is in the store once or not at all.
- **The desk** (:mod:`bench.runs.engines.ray.desk`) is an actor on the driver's node. A node fetches from it, once and
  under a lock, the corpora and the results that its jobs need; jobs say there how far they are.

A key says which sources and libraries made a number. A node that has others than the driver computes nothing: the run
ends with one line that names the node and what differs.
"""
