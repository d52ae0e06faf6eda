"""A reproduction suite for DistTGL."""

from benchmark.machine.place import let_numba_be_imported

let_numba_be_imported()
