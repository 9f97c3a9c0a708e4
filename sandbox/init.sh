#!/bin/sh
# Process 1 of a sandbox, in namespaces of its own: init.sh DIRECTORY COMMAND...
# It reaps what the command leaves behind and ends with it; the kernel then ends everything else that runs here.
set -eu
. "$(dirname "$0")/machine/mounts.sh"
directory=$1
shift
# /proc is still this machine's: `down` waits for the process of this number.
read -r stat < /proc/self/stat
echo "$stat" > "$directory/init.stat"
hostname sandbox
mount -t proc -o nosuid,nodev,noexec proc /proc
guard_host /proc
ip link set lo up
"$@" &
wait $!
