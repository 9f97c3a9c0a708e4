#!/bin/sh
# Runs a script as root in a chroot of an overlay; the mounts are this namespace's own and end with it.
# layer.sh LOWER DIRECTORY SCRIPT [NAME=PATH ...]: what the script changes is left in DIRECTORY/upper; each PATH stands in /run/input/NAME.
set -eu
. "$(dirname "$0")/../machine/mounts.sh"
lower=$1 directory=$2 script=$3
shift 3
root=$directory/root
mount_root "$lower" "$directory/upper" "$directory/work" "$root"
mkdir "$root/run/input"
for input in "$@"; do
  target=$root/run/input/${input%%=*} source=${input#*=}
  if [ -d "$source" ]; then mkdir "$target"; else : > "$target"; fi
  mount --bind "$source" "$target"
  mount -o remount,bind,ro "$target"
done
# Package mirrors are reached as this machine reaches them; what the image will have stays untouched below.
for name in resolv.conf hosts; do
  [ -e "$root/etc/$name" ] || : > "$root/etc/$name"
  mount --bind "$(readlink -f "/etc/$name")" "$root/etc/$name"
done
exec chroot "$root" /usr/bin/env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
  LC_ALL=C.UTF-8 HOME=/root DEBIAN_FRONTEND=noninteractive /bin/sh -c "$script"
