"""The node memory backends by their names in conf/system/disttgl.yaml."""

from collections.abc import Callable

from benchmark.disttgl.memory.backend import NodeMemory
from benchmark.disttgl.memory.daemon import DaemonMemory
from benchmark.disttgl.memory.replica import ReplicaMemory
from benchmark.disttgl.memory.sharded import ShardedMemory
from benchmark.models.node_state import NodeState
from benchmark.parallelism import Parallelism
from benchmark.training.processes import Processes

# The state of all nodes at the start, the most rows that one trainer writes in an iteration, ...
NodeMemoryMaker = Callable[[NodeState, int, Parallelism, Processes], NodeMemory]

NODE_MEMORIES: dict[str, NodeMemoryMaker] = {
    "replica": ReplicaMemory,
    "daemon": DaemonMemory,
    "sharded": ShardedMemory,
}
