# Sourced by the scripts that set up a root file system in a mount namespace of its own.

# mount_root LOWER UPPER WORK ROOT: an overlay with what programs expect below /dev, /proc, /sys and /run.
# It is thrown away, so nothing needs to wait for the disk (volatile); that mark forbids a second mount, so it goes first.
mount_root() {
  rm -rf "$3/work/incompat"
  mount -t overlay overlay -o "lowerdir=$1,upperdir=$2,workdir=$3,volatile" "$4"
  mount -t proc -o nosuid,nodev,noexec proc "$4/proc"
  mount -t sysfs -o ro,nosuid,nodev,noexec sysfs "$4/sys"
  mount -t tmpfs -o nosuid,mode=755,size=16m tmpfs "$4/dev"
  mount -t tmpfs -o nosuid,nodev,mode=755,size=64m tmpfs "$4/run"
  for node in null:1:3 zero:1:5 full:1:7 random:1:8 urandom:1:9 tty:5:0; do
    numbers=${node#*:}
    mknod -m 666 "$4/dev/${node%%:*}" c "${numbers%:*}" "${numbers#*:}"
  done
  mkdir "$4/dev/pts" "$4/dev/shm" "$4/run/lock"
  mount -t devpts -o nosuid,noexec,newinstance,ptmxmode=0666,mode=620,gid=5 devpts "$4/dev/pts"
  mount -t tmpfs -o nosuid,nodev tmpfs "$4/dev/shm"
  ln -s pts/ptmx "$4/dev/ptmx"
  ln -s /proc/self/fd "$4/dev/fd"
  ln -s /proc/self/fd/0 "$4/dev/stdin"
  ln -s /proc/self/fd/1 "$4/dev/stdout"
  ln -s /proc/self/fd/2 "$4/dev/stderr"
}

# guard_host PROC: what is written there would change the whole machine, or switch it off. Network settings are per namespace.
guard_host() {
  for name in sys sysrq-trigger irq bus fs; do
    if [ -e "$1/$name" ]; then
      mount --bind "$1/$name" "$1/$name"
      mount -o remount,bind,ro "$1/$name"
    fi
  done
  mount --bind "$1/sys/net" "$1/sys/net"
  mount -o remount,bind,rw "$1/sys/net"
}
