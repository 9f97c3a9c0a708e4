#!/bin/sh
# A machine's first process, started in namespaces of its own: init.sh DIRECTORY LOWER HOST-NAME ADDRESS IPV6-ADDRESS GATEWAY open|RULES PUBLIC-ADDRESS
# It says its process number on standard output, waits for a line before it uses its network, and says `up`.
set -eu
. "$(dirname "$0")/mounts.sh"
directory=$1 lower=$2 host=$3 address=$4 address6=$5 gateway=$6 inbound=$7 public=$8

# /proc is still the sandbox's, so this is the number by which the sandbox knows us.
read -r pid rest < /proc/self/stat
echo "$pid"

root=$directory/root
mount_root "$lower" "$directory/upper" "$directory/work" "$root"
guard_host "$root/proc"
: > "$root/dev/console"
mount --bind "$directory/console" "$root/dev/console"
hostname "$host"
# Were one of them a symbolic link, it would lead out of the root file system.
rm -f "$root/etc/hostname" "$root/etc/hosts" "$root/etc/resolv.conf"
echo "$host" > "$root/etc/hostname"
printf '127.0.0.1 localhost\n::1 localhost ip6-localhost\n%s %s %s\n' "$address" "$host" "${host%%.*}" > "$root/etc/hosts"
printf 'nameserver %s\nsearch %s\n' "$gateway" "${host#*.}" > "$root/etc/resolv.conf"

read -r go
ip -batch - <<END
link set lo up
link set eth0 up
addr add $address/16 brd + dev eth0
addr add $address6/64 dev eth0 nodad
route add 169.254.169.254 dev eth0
route add 198.18.0.0/16 dev eth0
route add default via $gateway
route add fd00:ec2::254 dev eth0
END
# The security group: nobody gets in who was not asked and whom no rule lets in.
[ "$inbound" = open ] || nft -f - <<END
table inet security_group {
  chain input {
    type filter hook input priority -10; policy drop;
    iif lo accept
    ct state established,related accept
    icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept
    $inbound
  }
}
END
# As on EC2 the machine does not know of its public address: the network translates it, and what the machine itself sends
# there would have to come in like everybody else's.
[ -z "$public" ] || {
  ip route add local "$public" dev lo
  nft -f - <<END
table ip public_address {
  chain prerouting {
    type nat hook prerouting priority -100
    ip daddr $public dnat to $address
  }
  chain output {
    type filter hook output priority 0
    ip daddr $public drop
  }
}
END
}

exec 3>&1 <"$root/dev/null" >"$directory/console"
cd "$root"
mkdir -p run/host
pivot_root . run/host
umount -l /run/host
rmdir /run/host
systemd-tmpfiles --create --prefix=/run 2>/dev/null || true
exec env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin /bin/sh -c '
  # An init that only reaps. Told to stop, it gives every process the chance to end, and ends itself after the last.
  stop() {
    trap "" TERM
    # As systemd does: the service condor first, whose KillSignal is QUIT, then everything else.
    if pkill -QUIT -x condor_master; then
      tries=100
      while [ $((tries -= 1)) -gt 0 ] && pgrep -x condor_master >/dev/null; do sleep 0.1; done
    fi
    kill -TERM -1 2>/dev/null
    while kill -0 -1 2>/dev/null; do sleep 0.1; done
    exit 0
  }
  trap stop TERM
  # Only now: whoever came in before the new root was in place would run with half of each.
  echo up >&3
  exec 2>&1 3>&-
  echo "$(hostname) is up"
  while :; do sleep 86400 & wait $!; done
' init
