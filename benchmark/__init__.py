"""A reproduction suite for DistTGL."""

from benchmark.machine.place import forget_old_loops, let_numba_be_imported

forget_old_loops()
let_numba_be_imported()
