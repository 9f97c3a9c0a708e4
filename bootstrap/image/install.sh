#!/bin/sh
# Makes an image for Updraft out of a machine, or a root file system, of Debian, Ubuntu, Enterprise Linux or Amazon
# Linux: run it there as root. It can be run again. docs/image.md says what it does, and why.
set -eu
umask 022
PATH=/usr/sbin:/usr/bin:/sbin:/bin
export PATH LC_ALL=C DEBIAN_FRONTEND=noninteractive

usage='usage: install.sh [--htcondor SOURCE] [--instance] UPDRAFT_BOOTSTRAP

  UPDRAFT_BOOTSTRAP    path of the executable of nodes, as the build makes it
  --htcondor SOURCE    install HTCondor if it is not there: from the package sources that this machine has (SOURCE is
                       "distribution"), or from the repository of HTCondor or a mirror of it, with the channel as its
                       last part, such as https://htcss-downloads.chtc.wisc.edu/repo/25.0
  --instance           this machine goes on as it is: forget no identity, and record no slot ad'

# fail WHAT WHAT-TO-DO [STATUS]
fail() {
  printf 'install.sh: %s\n%s\n' "$1" "$2" >&2
  exit "${3:-3}"
}

source='' instance=no
while [ $# -gt 0 ]; do
  case $1 in
    --htcondor) [ $# -ge 2 ] || fail "--htcondor needs a source" "$usage" 2; source=$2; shift 2 ;;
    --instance) instance=yes; shift ;;
    --help) echo "$usage"; exit 0 ;;
    -*) fail "there is no option $1" "$usage" 2 ;;
    *) break ;;
  esac
done
[ $# -eq 1 ] || fail "one argument is needed: the path of updraft-bootstrap" "$usage" 2
executable=$1
case $source in
  '' | distribution) ;;
  *[!A-Za-z0-9./:_-]*) fail "the source $source is no address" "$usage" 2 ;;
  https://?*/?* | http://?*/?*) ;;
  *) fail "the source $source is neither distribution nor an address" "$usage" 2 ;;
esac
[ "$(id -u)" -eq 0 ] || fail "this must be run as root" "Run it with sudo inside the image that is being built." 4
if [ ! -f "$executable" ] || [ ! -x "$executable" ]; then
  fail "$executable is not an executable" "Build it with npm run build; it is dist/node/updraft-bootstrap."
fi

if command -v apt-get >/dev/null; then
  manager=apt
elif command -v dnf >/dev/null; then
  manager=dnf
else
  manager=none
fi
listed=no

# add_packages NAME...
add_packages() {
  echo "installing $*"
  case $manager in
    apt)
      # A list that cannot be renewed may still do; what is missing in it, is said by the installation.
      [ $listed = yes ] || apt-get update -q || echo "the package lists could not be renewed"
      listed=yes
      # Another installation may be under way on a machine that has just booted.
      apt-get install -q -y -o DPkg::Lock::Timeout=120 --no-install-recommends "$@"
      ;;
    dnf) dnf install -q -y --setopt=install_weak_deps=False "$@" ;;
    none) fail "neither apt-get nor dnf is here to install $*" "Install $* by hand and run this again." ;;
  esac || fail "$* cannot be installed" "Look above for what the package manager says."
}

# What the boot itself needs: nft closes the metadata service to jobs, curl fetches a newer executable.
packages=
command -v nft >/dev/null || packages="$packages nftables"
command -v curl >/dev/null || packages="$packages curl"
[ -e /etc/ssl/certs/ca-certificates.crt ] || [ -e /etc/pki/tls/certs/ca-bundle.crt ] ||
  packages="$packages ca-certificates"
# The names are this script's own, and they are meant to be split.
# shellcheck disable=SC2086
[ -z "$packages" ] || add_packages $packages

# use_repository: of HTCondor, for this distribution
use_repository() {
  mirror=${source%/*} channel=${source##*/}
  # shellcheck disable=SC1091
  . /etc/os-release
  case $manager in
    apt)
      key=/etc/apt/keyrings/htcondor.asc
      install -d -m 0755 /etc/apt/keyrings
      curl -fsSL -o "$key" "$mirror/keys/HTCondor-$channel-Key" ||
        fail "the key of $source cannot be fetched" "Look at the address, and at the way there."
      echo "deb [signed-by=$key] $mirror/$ID/$channel $VERSION_CODENAME main" >/etc/apt/sources.list.d/htcondor.list
      listed=no
      ;;
    dnf)
      case $ID in
        amzn) system=amzn$VERSION_ID ;;
        *)
          system=el${VERSION_ID%%.*}
          # HTCondor's packages for Enterprise Linux need EPEL's, and those what is in CRB.
          add_packages epel-release dnf-plugins-core
          dnf config-manager --set-enabled crb || echo "there is no repository crb to enable"
          ;;
      esac
      add_packages "$mirror/$channel/htcondor-release-current.$system.noarch.rpm"
      ;;
  esac
}

if [ ! -x /usr/sbin/condor_master ]; then
  [ -n "$source" ] ||
    fail "this image has no HTCondor: there is no /usr/sbin/condor_master" \
      "Install it first, or have this done: --htcondor distribution, or --htcondor ADDRESS-OF-ITS-REPOSITORY."
  name=condor
  if [ "$source" = distribution ]; then
    [ $manager != apt ] || name=htcondor
  else
    use_repository
  fi
  # Debian starts a service as soon as it is installed, unless this file says no; HTCondor is not configured yet.
  policy=/usr/sbin/policy-rc.d
  if [ $manager = apt ] && [ ! -e $policy ]; then
    trap 'rm -f $policy' EXIT
    printf '#!/bin/sh\nexit 101\n' >$policy
    chmod 755 $policy
  fi
  add_packages $name
  [ -x /usr/sbin/condor_master ] ||
    fail "the package $name has no /usr/sbin/condor_master" "Install HTCondor's execute role by hand."
fi
# shellcheck disable=SC2016
version=$(condor_version | sed -n 's/^\$CondorVersion: \([0-9.]*\).*/\1/p')
[ -n "$version" ] || fail "HTCondor does not say its version" "Run condor_version to see what is wrong with it."

directory=/usr/libexec/updraft
install -d -o root -g root -m 0755 "$directory"
if [ "$(readlink -f "$executable")" != "$directory/updraft-bootstrap" ]; then
  install -o root -g root -m 0755 "$executable" "$directory/.updraft-bootstrap.new"
  mv -f "$directory/.updraft-bootstrap.new" "$directory/updraft-bootstrap"
fi
# One file with two names: the program does what its name says, and a copy would cost another hundred megabytes.
ln -f "$directory/updraft-bootstrap" "$directory/updraft-startd"
"$directory/updraft-bootstrap" --version ||
  fail "$executable does not run here" "It is built for x86-64 and needs glibc 2.28 or newer."

# HTCondor is started by the boot, once it is configured. In a root file system without a running systemd this still
# removes the link that would start it.
if command -v systemctl >/dev/null; then
  systemctl disable condor.service >/dev/null 2>&1 || fail "the service condor cannot be disabled" \
    "See why with systemctl disable condor.service; an enabled service would start HTCondor unconfigured."
fi
configuration=/etc/condor/config.d
# This file belongs to HTCondor's own condor_annex and would make the node configure itself a second time.
rm -f $configuration/50ec2.config

install -d -o root -g root -m 0755 $configuration
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

# Whenever HTCondor starts it asks each file transfer plugin what it can, and one in Python takes more than a tenth of a
# second to say so. It says so here; at its work it is itself.
record_plugins() {
  recorded=$configuration/49-updraft-image.config
  rm -rf "$recorded" "$directory/plugins"
  install -d -m 0755 "$directory/plugins"
  plugins=
  for plugin in $(condor_config_val FILETRANSFER_PLUGINS 2>/dev/null | tr ',' ' '); do
    case $(head -c 128 "$plugin" 2>/dev/null | tr -d '\0' | head -n 1) in
      '#!'*python*)
        if ad=$("$plugin" -classad 2>/dev/null </dev/null) && [ -n "$ad" ]; then
          answer=$directory/plugins/$(basename "$plugin")
          printf '#!/bin/sh\n# What %s answers, as it did when the image was made.\n' "$plugin" >"$answer"
          # shellcheck disable=SC2016
          printf 'if [ "${1-}" = -classad ] && [ -x %s ]; then\n  cat <<"END"\n%s\nEND\n  exit\nfi\nexec %s "$@"\n' \
            "$plugin" "$ad" "$plugin" >>"$answer"
          chmod 755 "$answer"
          plugin=$answer
        fi
        ;;
    esac
    plugins="$plugins${plugins:+, }$plugin"
  done
  [ -z "$plugins" ] || {
    echo "# Written by Updraft's install.sh: HTCondor's own plugins, which need not be asked at every start."
    echo "FILETRANSFER_PLUGINS = $plugins"
  } >"$recorded"
}
record_plugins

# The driver that the kernel has, or will have: an image is often made on a machine without the card.
gpu_driver() {
  if [ -r /proc/driver/nvidia/version ]; then
    sed -n 's/^NVRM version:.* \([0-9][0-9.]*\) .*/\1/p' /proc/driver/nvidia/version
  else
    find /lib/modules -name 'nvidia.ko*' 2>/dev/null | head -n 1 | xargs -r modinfo -F version 2>/dev/null
  fi
}
gpu=$(gpu_driver | head -n 1)
sha256=$(sha256sum <"$directory/updraft-bootstrap" | cut -d ' ' -f 1)
{
  printf '{\n  "format": 1,\n  "htcondor": "%s",\n' "$version"
  [ -z "$gpu" ] || printf '  "gpuDriver": "nvidia %s",\n' "$gpu"
  printf '  "programSha256": "%s"\n}\n' "$sha256"
} >"$directory/.image.json.new"
mv -f "$directory/.image.json.new" "$directory/image.json"

# A pool of this machine alone, which ends with this function, tells what a slot of this image is like: what the image
# decides, and nothing that depends on the machine or the moment, so that any instance type's facts can stand beside it.
record_slot_ad() {
  work=$(mktemp -d)
  # Whatever is in the execute directory, a startd removes when it starts.
  mkdir "$work/execute"
  chown -R condor "$work"
  (
    # HTCondor takes these from the environment, before its files.
    export _CONDOR_DAEMON_LIST='MASTER COLLECTOR STARTD' _CONDOR_USE_SHARED_PORT=False _CONDOR_CCB_ADDRESS='' \
      _CONDOR_NETWORK_INTERFACE=127.0.0.1 _CONDOR_CONDOR_HOST=127.0.0.1 _CONDOR_COLLECTOR_HOST=127.0.0.1:0 \
      _CONDOR_COLLECTOR_ADDRESS_FILE="$work/collector" _CONDOR_LOCAL_DIR="$work" _CONDOR_LOG="$work" \
      _CONDOR_RUN="$work" _CONDOR_LOCK="$work" _CONDOR_SPOOL="$work" _CONDOR_EXECUTE="$work/execute" \
      _CONDOR_SEC_DEFAULT_AUTHENTICATION_METHODS=FS _CONDOR_ENABLE_KERNEL_TUNING=False _CONDOR_RunBenchmarks=False \
      _CONDOR_COLLECTOR_BOOTSTRAP_SSL_CERTIFICATE=False
    condor_master -pidfile "$work/pid"
    tries=60
    until condor_status -long -limit 1 >"$work/ad" 2>/dev/null && [ -s "$work/ad" ]; do
      [ $((tries -= 1)) -gt 0 ] || break
      sleep 0.5
    done
    kill -QUIT "$(cat "$work/pid")" 2>/dev/null || :
  )
  [ -s "$work/ad" ] || {
    tail -n 5 "$work"/*Log >&2 || :
    fail "HTCondor of this image did not start a slot within 30 s" "Look above for what its logs say last; all is in $work." 5
  }
  site=$(condor_config_val STARTD_ATTRS 2>/dev/null | sed 's/^Not defined.*//; s/[^A-Za-z0-9_]\{1,\}/|/g; s/^|//; s/|$//')
  grep -E "^(Arch|OpSys[A-Za-z]*|Condor(Version|Platform)|Utsname(Machine|Release|Sysname|Version)|Has[A-Za-z]*|\
(Docker|Java|Singularity|VM)[A-Za-z_]*|StarterAbilityList|PartitionableSlot|SlotType${site:+|$site}) =" \
    "$work/ad" >"$directory/.slot.ad.new"
  mv -f "$directory/.slot.ad.new" "$directory/slot.ad"
  tries=50
  while kill -0 "$(cat "$work/pid")" 2>/dev/null && [ $((tries -= 1)) -gt 0 ]; do sleep 0.1; done
  rm -rf "$work"
}

# What must not be the same on two machines, or is nobody's business on the next: it comes anew at the first boot.
forget() {
  : >/etc/machine-id
  rm -f /var/lib/dbus/machine-id /var/lib/systemd/random-seed /var/lib/systemd/credential.secret \
    /etc/ssh/ssh_host_*_key /etc/ssh/ssh_host_*_key.pub
  if command -v cloud-init >/dev/null; then cloud-init clean --logs >/dev/null; fi
  # Of a pool, or of the annex that this machine may have been a node of.
  rm -f /etc/condor/hostkey.pem /etc/condor/hostcert.pem /etc/condor/trust_domain_ca.pem \
    /etc/condor/trust_domain_ca_privkey.pem
  find /etc/condor/passwords.d /etc/condor/tokens.d /var/log/condor -type f -delete
  rm -rf /var/lib/updraft $configuration/50-updraft-annex.config $configuration/60-updraft-node.config
  rm -rf /root/.aws /root/.bash_history /home/*/.aws /home/*/.bash_history
}

if [ $instance = no ]; then
  ! pgrep -x condor_master >/dev/null || fail "HTCondor is running here" "Stop it first: systemctl stop condor" 5
  record_slot_ad
  forget
  echo "this is now an image for Updraft: HTCondor $version${gpu:+, nvidia $gpu}, updraft-bootstrap $sha256"
else
  echo "this is ready for Updraft: HTCondor $version${gpu:+, nvidia $gpu}, updraft-bootstrap $sha256"
fi
