#!/bin/sh
# condor_master becomes this program, as root and in the directory of its logs, on every clean exit.
# It powers the instance off when HTCondor ended the node itself: because nothing was claimed for long, because its end
# had come and the guard did not see to it, or because the startd ended for good. A stop of the service, condor_off, an
# upgrade or a signal from anyone else leaves the instance up; the guard ends it when HTCondor does not come back.
PATH=/usr/sbin:/usr/bin:/sbin:/bin

# The logs of this life of the master only: it names the startd that it started, by process id.
startd=$(awk '/ STARTING UP$/ { pid = "" } /Started DaemonCore process ".*condor_startd"/ { pid = $NF } END { print pid }' MasterLog)

# The startd says so just before it tells the master to end.
idle() {
  awk -v startd="$startd" '/ \*\* PID = / { sub(/.* PID = /, ""); pid = $1; said = 0 }
    /Shutting down Condor on this machine\./ { said = 1 }
    END { exit !(said && pid == startd) }' StartLog
}
end_of_life() {
  awk -v startd="$startd" '/ \*\* PID = / { sub(/.* PID = /, ""); pid = $1; said = 0 }
    /The DaemonShutdown expression .* evaluated to TRUE/ { said = 1 }
    END { exit !(said && pid == startd) }' StartLog
}
# One that was told to end by condor_off ends with status 0; one that ends for good by itself with 99.
startd_ended() {
  awk '/ STARTING UP$/ { said = told = 0 }
    /The STARTD .* exited with status / { told = / exited with status 0$/ }
    /The DaemonShutdownFast expression .* evaluated to TRUE/ { said = 1 }
    END { exit !(said && !told) }' MasterLog
}

if idle 2>/dev/null; then
  reason="no slot was claimed for too long"
elif end_of_life 2>/dev/null; then
  reason="the end of the node has come, and HTCondor ended it"
elif startd_ended 2>/dev/null; then
  reason="the startd has ended"
else
  exit 0
fi

say() {
  echo "updraft: $reason: powering off"
  { echo "updraft: $reason: powering off" >>/dev/console; } 2>/dev/null
}
say
# Where systemd runs it stops this very service; what follows is for machines where it does not, or hangs.
systemctl poweroff 2>/dev/null && sleep 60
sync
systemctl poweroff --force --force
