#!/bin/bash
# A SLURM cluster of two nodes on one host, for tests (root; slurmctld, slurmd and munged installed).
# slurm.sh FOLDER COMMAND...: brings it up with its state in FOLDER, runs COMMAND on the controller,
# and takes it down. Nodes are network namespaces with host names of their own: node0, node1.
set -eu
folder=$1; shift
here="slurm$$"
processes=()
finish() {
    code=$?
    for process in "${processes[@]}"; do kill "$process" 2>/dev/null || true; done
    sleep 1
    for name in node0 node1 bridge; do
        ip netns pids "$here$name" 2>/dev/null | xargs -r kill -9 2>/dev/null || true
        ip netns delete "$here$name" 2>/dev/null || true
    done
    exit $code
}
trap finish EXIT
mkdir -p "$folder"/{state,spool0,spool1,munge}
ip netns add "${here}bridge"
ip -n "${here}bridge" link add bridge type bridge
ip -n "${here}bridge" link set bridge up
for node in 0 1; do
    ip netns add "${here}node$node"
    ip link add wire netns "${here}node$node" type veth peer name "port$node" netns "${here}bridge"
    ip -n "${here}bridge" link set "port$node" master bridge up
    ip -n "${here}node$node" addr add "10.78.0.$((node + 1))/24" dev wire
    ip -n "${here}node$node" link set wire up
    ip -n "${here}node$node" link set lo up
done
dd if=/dev/urandom of="$folder/munge/key" bs=1024 count=1 2>/dev/null
chmod 700 "$folder/munge"; chmod 400 "$folder/munge/key"
cat > "$folder/slurm.conf" <<END
ClusterName=test
SlurmctldHost=node0(10.78.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=$folder/munge/socket
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool-%n
SlurmctldPidFile=$folder/slurmctld.pid
SlurmdPidFile=$folder/slurmd-%n.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
ReturnToService=2
SlurmdParameters=config_overrides
SelectType=select/cons_tres
MpiDefault=none
NodeName=node0 NodeAddr=10.78.0.1 CPUs=2 State=UNKNOWN
NodeName=node1 NodeAddr=10.78.0.2 CPUs=2 State=UNKNOWN
PartitionName=all Nodes=node0,node1 Default=YES MaxTime=INFINITE State=UP
END
printf '127.0.0.1 localhost\n10.78.0.1 node0\n10.78.0.2 node1\n' > "$folder/hosts"
export SLURM_CONF="$folder/slurm.conf"
munged --force --foreground --key-file="$folder/munge/key" --socket="$folder/munge/socket" \
    --pid-file="$folder/munge/pid" --log-file="$folder/munge/log" --seed-file="$folder/munge/seed" &
processes+=($!)
on() { # NODE COMMAND...: there, under its name
    local node=$1; shift
    nsenter --net="/run/netns/${here}node$node" unshare --uts --mount bash -c \
        'hostname "$0"; mount --bind "$1" /etc/hosts; shift; exec "$@"' "node$node" "$folder/hosts" "$@"
}
sleep 1
on 0 slurmctld -D -L "$folder/slurmctld.log" & processes+=($!)
for node in 0 1; do
    on "$node" slurmd -D -N "node$node" -L "$folder/slurmd$node.log" & processes+=($!)
done
for _ in $(seq 60); do
    [ "$(on 0 sinfo -h -t idle -o %D 2>/dev/null)" = 2 ] && break
    sleep 1
done
on 0 "$@"
