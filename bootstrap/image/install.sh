#!/bin/sh
# Makes an image for Updraft out of one that has HTCondor: run it as root inside the machine, or the root file system,
# that becomes the image. It can be run again.
#
#   install.sh UPDRAFT_BOOTSTRAP     path of the node's executable, as the build makes it
set -eu
umask 022
PATH=/usr/sbin:/usr/bin:/sbin:/bin

fail() {
  echo "install.sh: $1" >&2
  echo "$2" >&2
  exit "${3:-3}"
}

[ $# -eq 1 ] || fail "one argument is needed: the path of updraft-bootstrap" "usage: install.sh UPDRAFT_BOOTSTRAP" 2
executable=$1
[ "$(id -u)" -eq 0 ] || fail "this must be run as root" "Run it with sudo inside the image that is being built." 4
[ -f "$executable" ] && [ -x "$executable" ] ||
  fail "$executable is not an executable" "Build it with npm run build; it is dist/node/updraft-bootstrap."
[ -x /usr/sbin/condor_master ] ||
  fail "this image has no HTCondor: there is no /usr/sbin/condor_master" \
    "Install HTCondor's execute role first (Debian, Ubuntu: condor; Enterprise Linux, Amazon Linux: condor from HTCondor's repository)."

# What the boot itself needs: nft closes the metadata service to jobs, curl fetches a newer executable.
packages=
command -v nft >/dev/null || packages="$packages nftables"
command -v curl >/dev/null || packages="$packages curl"
[ -e /etc/ssl/certs/ca-certificates.crt ] || [ -e /etc/pki/tls/certs/ca-bundle.crt ] ||
  packages="$packages ca-certificates"
if [ -n "$packages" ]; then
  echo "installing$packages"
  # The names are this script's own, and they are meant to be split.
  if command -v apt-get >/dev/null; then
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -q
    # shellcheck disable=SC2086
    apt-get install -q -y --no-install-recommends $packages
  elif command -v dnf >/dev/null; then
    # shellcheck disable=SC2086
    dnf install -y $packages
  else
    fail "neither apt-get nor dnf is here to install$packages" "Install$packages by hand and run this again."
  fi
fi

directory=/usr/libexec/updraft
install -d -o root -g root -m 0755 "$directory"
install -o root -g root -m 0755 "$executable" "$directory/.updraft-bootstrap.new"
mv -f "$directory/.updraft-bootstrap.new" "$directory/updraft-bootstrap"
# One file with two names: the program does what its name says, and a copy would cost another hundred megabytes.
ln -f "$directory/updraft-bootstrap" "$directory/updraft-startd"

# HTCondor is started by the boot, once it is configured. In a root file system without a running systemd this still
# removes the link that would start it.
if command -v systemctl >/dev/null; then
  systemctl disable condor.service >/dev/null 2>&1 || fail "the service condor cannot be disabled" \
    "See why with systemctl disable condor.service; an enabled service would start HTCondor unconfigured."
fi
# This file belongs to HTCondor's own condor_annex and would make the node configure itself a second time.
rm -f /etc/condor/config.d/50ec2.config

install -d -o root -g root -m 0755 /etc/condor/config.d
install -d -o root -g root -m 0700 /etc/condor/passwords.d /etc/condor/tokens.d
# Some packages leave these to the first start of the service.
install -d -o condor -g condor -m 0755 /var/spool/condor /var/lib/condor/execute /var/log/condor

# The slots' accounts; a node with more CPUs makes the rest at boot.
slot=0
while [ "$slot" -le 64 ]; do
  id "updraft-slot$slot" >/dev/null 2>&1 ||
    useradd -r -U -M -d / -s /usr/sbin/nologin "updraft-slot$slot"
  slot=$((slot + 1))
done

version=$(condor_version | sed -n 's/^\$CondorVersion: \([0-9.]*\).*/\1/p')
sha256=$(sha256sum <"$directory/updraft-bootstrap" | cut -d ' ' -f 1)
printf '{\n  "format": 1,\n  "htcondor": "%s",\n  "programSha256": "%s"\n}\n' "$version" "$sha256" \
  >"$directory/.image.json.new"
mv -f "$directory/.image.json.new" "$directory/image.json"
echo "this is now an image for Updraft: HTCondor $version, updraft-bootstrap $sha256"
