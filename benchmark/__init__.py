"""A reproduction suite for DistTGL."""

from benchmark.machine.compiled import let_numba_be_imported

let_numba_be_imported()
