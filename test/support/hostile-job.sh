#!/bin/sh
# A job that tries what it should not be able to do on its node, or to the pool. It prints "refused" or "GOT" for each try.
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
try() {
  name=$1
  shift
  if said=$(timeout 20 "$@" 2>&1); then verdict=GOT; else verdict=refused; fi
  printf '%-8s %s: %s\n' "$verdict" "$name" "$(echo "$said" | grep -v '^$' | tail -n 1 | cut -c 1-100)"
}
token='-X PUT -H x-aws-ec2-metadata-token-ttl-seconds:60'
v4=http://169.254.169.254/latest
v6='http://[fd00:ec2::254]/latest'
# The arguments are meant to be split.
# shellcheck disable=SC2086
{
  try "metadata service, IPv4" curl -sS -m 3 $token $v4/api/token
  try "metadata service, IPv6" curl -sS -m 3 $token "$v6/api/token"
  try "metadata service, version 1" curl -sS -m 3 $v4/meta-data/
  try "metadata service, as root of a user namespace" unshare -Ur curl -sS -m 3 $token $v4/api/token
  try "metadata service, from a network namespace" unshare -Urn curl -sS -m 3 $token $v4/api/token
}
try "the node's token" cat /etc/condor/tokens.d/updraft
try "the node's token, as root of a user namespace" unshare -Ur cat /etc/condor/tokens.d/updraft
try "names of tokens" ls /etc/condor/tokens.d
try "the pool's password" cat /etc/condor/passwords.d/POOL
try "the manifest in S3" curl -sS -f -m 5 "$1/annexes/burst/annex.ini"
try "list of the bucket" curl -sS -f -m 5 "$1?list-type=2"
try "the guard's settings" cat /var/lib/updraft/guard.json
try "writing the node's state" sh -c ': >>/run/updraft/node.json'
try "writing HTCondor's configuration" sh -c ': >/etc/condor/config.d/99-mine.config'
try "writing Updraft's program" sh -c ': >>/usr/libexec/updraft/updraft-bootstrap'
try "another slot's file" sh -c 'for slot in /var/lib/condor/execute/dir_*; do cat "$slot/victim.secret" && exit; done; exit 1'
victim=$(pgrep -f -o 'victim[.]sh')
try "another slot's process" kill -TERM "$victim"
try "another slot's environment" cat "/proc/$victim/environ"
for program in "updraft-bootstrap guard" condor_master condor_startd; do
  process=$(pgrep -f "$program" | tail -n 1)
  try "memory of $program" dd if="/proc/$process/mem" of=/dev/null bs=1 count=1
  try "environment of $program" cat "/proc/$process/environ"
  try "files of $program" ls "/proc/$process/fd"
  try "a signal to $program" kill -TERM "$process"
done
here=$(condor_config_val FULL_HOSTNAME)
for command in \
  "condor_drain $here" "condor_off" "condor_reconfig" "condor_restart" "condor_vacate $here" \
  "condor_config_val -startd -set START=True" "condor_config_val -startd -rset START=True" \
  "condor_config_val -master -set START=True" "condor_fetchlog $here STARTD" \
  "condor_token_fetch -type startd" "condor_token_create -identity condor@pool.test" \
  "condor_ping -type startd READ" "condor_ping -type startd WRITE" \
  "condor_ping -type startd DAEMON" "condor_ping -type startd ADMINISTRATOR" \
  "condor_ping -type collector WRITE" "condor_ping -type collector ADVERTISE_STARTD" \
  "condor_status" "condor_q -name cm.pool.test" "condor_submit -name cm.pool.test $0"; do
  # shellcheck disable=SC2086
  try "$command" $command
done
# HTCondor says that it has sent this even when it was not let in: whether the startd still runs tells.
condor_off -startd >/dev/null 2>&1
id
