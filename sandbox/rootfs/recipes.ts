/** What one layer of a root file system holds. */
export type Recipe = {
  readonly name: string;
  readonly packages: readonly string[];
  /** Run as root inside, after the packages are installed. */
  readonly script: string;
};

export const SUITE = "trixie";

/** What any EC2 machine has. systemd is there as a package, never as process 1. */
export const plain: Recipe = {
  name: "plain",
  packages: ["systemd-sysv", "iproute2", "nftables", "ca-certificates", "curl", "procps", "python3"],
  script: "",
};

/**
 * HTCondor 23.9 as packaged, nothing of ours. Its kernel tuning would change settings of the whole
 * machine that runs the sandbox, and sixty nodes at once must not benchmark it.
 */
export const htcondor: Recipe = {
  name: "htcondor",
  packages: ["htcondor"],
  script: `
set -e
printf '%s\\n' 'ENABLE_KERNEL_TUNING = False' 'RunBenchmarks = False' > /etc/condor/config.d/01-machine.config
rm -f /etc/condor/config.d/50ec2.config
install -d -o condor -g condor /var/spool/condor
install -d -m 700 /etc/condor/passwords.d /etc/condor/tokens.d
`,
};

/**
 * What installs HTCondor at its boot: a machine of the sandbox reaches no mirror, so it has a small one on its disk. Its
 * index is written by hand, because what writes one is in no package that an EC2 machine has.
 */
export const archive: Recipe = {
  name: "archive",
  packages: [],
  script: `
set -e
apt-get -q update
apt-get -q -y --no-install-recommends --download-only install ${htcondor.packages.join(" ")}
mkdir /srv/archive
mv /var/cache/apt/archives/*.deb /srv/archive
cd /srv/archive
for package in *.deb; do
  dpkg-deb --field "$package"
  printf 'Filename: ./%s\\nSize: %s\\nSHA256: %s\\n\\n' \
    "$package" "$(stat -c %s "$package")" "$(sha256sum "$package" | cut -d ' ' -f 1)"
done > Packages
rm -rf /etc/apt/sources.list.d/* /etc/apt/sources.list /var/lib/apt/lists/* /var/cache/apt/*.bin
echo 'deb [trusted=yes] file:/srv/archive ./' > /etc/apt/sources.list
`,
};

/** The emulator, with the packages that python3-moto needs to start and does not depend on. */
export const moto: Recipe = {
  name: "moto",
  packages: [
    "python3-moto",
    "python3-flask-cors",
    "python3-docker",
    "python3-joserfc",
    "python3-openapi-spec-validator",
    "python3-pyparsing",
    "python3-multipart",
    "python3-yaml",
    "python3-jsonpath-ng",
    "python3-graphql-core",
    "python3-jsondiff",
  ],
  script: "",
};
