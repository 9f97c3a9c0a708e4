#!/bin/sh
# Somebody who has stolen a node's token, tokens.d being theirs, and who can reach the pool's machines. It prints
# "refused" or "GOT" for each try. A collector says nothing of an ad that it does not take: what it shows afterwards tells.
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
export _condor_SEC_DEFAULT_AUTHENTICATION_METHODS=IDTOKENS _condor_SEC_CLIENT_AUTHENTICATION_METHODS=IDTOKENS
cd "$(mktemp -d)" || exit
mine=i-0123456789abcdef0.ec2.internal
try() {
  name=$1
  shift
  if said=$(timeout 20 "$@" 2>&1); then verdict=GOT; else verdict=refused; fi
  printf '%-8s %s: %s\n' "$verdict" "$name" "$(echo "$said" | grep -v '^$' | tail -n 1 | cut -c 1-100)"
}
# An ad with changes: a name of the try, the collector's command, then Attribute=value for what is to be another.
advertise() {
  name=$1 command=$2
  shift 2
  {
    printf '%s = %s\n' MyType '"Machine"' Name "\"slot1@$mine\"" Machine "\"$mine\"" AnnexName '"burst"' \
      MyAddress '"<192.0.2.1:9618>"' State '"Unclaimed"' Start True Requirements True
    for change; do printf '%s = %s\n' "${change%%=*}" "${change#*=}"; done
  } >ad
  before=$(condor_status -any -af MyType Name AnnexName | sort)
  said=$(condor_advertise "$command" ad 2>&1 | tail -n 1)
  sleep 0.3
  after=$(condor_status -any -af MyType Name AnnexName | sort)
  if [ "$before" = "$after" ]; then verdict=refused; else verdict=GOT; fi
  printf '%-8s %s: %s\n' "$verdict" "$name" "$said"
}
advertise "a slot of a campus machine" UPDATE_STARTD_AD 'Name="slot1@campus.pool.test"' 'Machine="campus.pool.test"'
advertise "a slot named as a campus machine's" UPDATE_STARTD_AD 'Name="slot1@campus.pool.test"'
advertise "a slot of another annex" UPDATE_STARTD_AD 'AnnexName="other"'
advertise "a slot of no annex" UPDATE_STARTD_AD 'AnnexName=undefined'
advertise "a slot of an annex that changes" UPDATE_STARTD_AD 'AnnexName=ifThenElse(time() > 0, "burst", "other")'
advertise "a slot as somebody else" UPDATE_STARTD_AD 'AnnexName="other"' 'AuthenticatedIdentity="annex-other@pool.test"'
advertise "a schedd as a slot" UPDATE_STARTD_AD 'MyType="Scheduler"' 'Name="cm.pool.test"'
advertise "a master of a campus machine" UPDATE_MASTER_AD 'MyType="DaemonMaster"' 'Name="campus.pool.test"' 'Machine="campus.pool.test"'
advertise "a schedd" UPDATE_SCHEDD_AD 'MyType="Scheduler"' 'Name="schedd.pool.test"'
advertise "a submitter" UPDATE_SUBMITTOR_AD 'MyType="Submitter"' 'Name="alice@pool.test"' 'ScheddName="cm.pool.test"'
advertise "a negotiator" UPDATE_NEGOTIATOR_AD 'MyType="Negotiator"' 'Name="negotiator.pool.test"'
advertise "an ad of any kind" UPDATE_AD_GENERIC 'MyType="Mine"' 'Name="mine"'
advertise "a change of another machine's ad" MERGE_STARTD_AD 'Name="slot1@cm.pool.test"' 'Start=False'
cat >job <<'END'
executable = /bin/true
queue
END
for command in "condor_submit -name cm.pool.test job" "condor_rm -name cm.pool.test -all" \
  "condor_hold -name cm.pool.test -all" "condor_qedit -name cm.pool.test 1 Mine True" \
  "condor_drain cm.pool.test" "condor_off cm.pool.test" "condor_reconfig cm.pool.test" "condor_reconfig $2" "condor_userprio -setprio alice@pool.test 1" \
  "condor_config_val -collector -set MINE=1" "condor_ping -type collector WRITE" "condor_ping -type collector DAEMON" \
  "condor_ping -type collector ADVERTISE_SCHEDD" "condor_ping -type collector NEGOTIATOR" \
  "condor_ping -type collector ADMINISTRATOR" "condor_ping -type schedd -name cm.pool.test WRITE" \
  "condor_ping -type startd -name $2 WRITE" "condor_drain $2"; do
  # shellcheck disable=SC2086
  try "$command" $command
done
try "the claims of slots" sh -c 'condor_status -long -direct "$0" | grep -E "ClaimId|Capability"' "$2"
try "the annex's manifest in S3" curl -sS -f -m 5 "$1/annexes/burst/annex.ini"
try "another annex's manifest in S3" curl -sS -f -m 5 "$1/annexes/other/annex.ini"
advertise "a slot of the annex itself" UPDATE_STARTD_AD
