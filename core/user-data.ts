import { isAnnexName } from "./annex.ts";
import { UpdraftError } from "./errors.ts";
import { partitionOf } from "./partition.ts";
import { programKey } from "./storage.ts";

export type UserDataParameters = {
  readonly annex: string;
  readonly bucket: string;
  readonly region: string;
  /** Id of the instance's role; it stands in the script once, so that a template can put its own reference there. */
  readonly roleId: string;
  /** sha256 of the node's executable, which stands in the bucket under that name. */
  readonly programSha256: string;
  /** Time for the whole boot. */
  readonly bootSeconds: number;
  /** Where HTCondor's packages come from when the image has none; none are installed unless this is said. */
  readonly htcondorSource?: string;
  /** The operator's own endpoint of S3, when it is not the region's. */
  readonly s3Endpoint?: string;
};

/** EC2 takes 16 KB, and base64 or a reference in a template makes it longer. */
export const MAX_USER_DATA_BYTES = 15 * 1024;

/**
 * The script that cloud-init runs as root on an instance of the annex. It uses the executable in the image when that
 * is the right one, else it fetches it with the role's credentials, then has it join the pool. No secret stands in it,
 * and none that it learns stands in an argument of a program: what curl needs goes to its standard input.
 */
export function userData(parameters: UserDataParameters): string {
  const { annex, bucket, region, roleId, programSha256, bootSeconds, htcondorSource, s3Endpoint } =
    parameters;
  if (!isAnnexName(annex)) throw wrong("annex", annex);
  const host = s3Endpoint?.replace(/\/$/, "");
  const url =
    host === undefined ? `https://${bucket}.s3.${region}.${partitionOf(region).suffix}` : `${host}/${bucket}`;
  return [
    "#!/bin/sh",
    "# Updraft: makes this instance an execute node of an HTCondor pool. No secret stands here.",
    `annex=${quoted("annex", annex)}`,
    `bucket=${quoted("bucket", bucket)}`,
    `region=${quoted("region", region)}`,
    `role_id=${quoted("roleId", roleId)}`,
    `sha256=${quoted("programSha256", programSha256)}`,
    `seconds=${quoted("bootSeconds", String(bootSeconds))}`,
    `url=${quoted("s3Endpoint", `${url}/${programKey(programSha256)}`)}`,
    `endpoint=${quoted("s3Endpoint", host ?? "")}`,
    `htcondor=${quoted("htcondorSource", htcondorSource ?? "")}`,
    SCRIPT,
  ].join("\n");
}

const SCRIPT = String.raw`
PATH=/usr/sbin:/usr/bin:/sbin:/bin
metadata=http://169.254.169.254/latest
directory=/usr/libexec/updraft
program=$directory/updraft-bootstrap
started=$(date +%s.%N)
umask 022

say() {
  echo "updraft: $*"
  { echo "updraft: $*" >>/dev/console; } 2>/dev/null || :
}

# Never halt: the instance would be billed on.
power_off() {
  say "$*"
  say "powering off"
  if [ -d /run/systemd/system ] && systemctl poweroff; then sleep 20; fi
  sync
  systemctl poweroff --force --force
  exit 1
}

right() {
  [ -f "$1" ] && [ "$(sha256sum <"$1")" = "$sha256  -" ]
}

# The arguments of curl stand in its configuration on standard input, where no other process sees them.
curl_with() {
  curl --config - --silent --show-error --fail --connect-timeout 5
}

field() {
  printf '%s' "$credentials" | tr -d '\n' | sed -n "s/.*\"$1\" *: *\"\([^\"]*\)\".*/\1/p"
}

fetch() {
  command -v curl >/dev/null || { why="the image has no curl to fetch the executable with"; return 1; }
  why="the instance metadata service gives no token"
  token=$(printf '%s\n' 'request = PUT' 'header = "x-aws-ec2-metadata-token-ttl-seconds: 300"' 'max-time = 5' \
    "url = $metadata/api/token" | curl_with) || return 1
  why="the instance has no role"
  role=$(printf '%s\n' "header = \"x-aws-ec2-metadata-token: $token\"" 'max-time = 5' \
    "url = $metadata/meta-data/iam/security-credentials/" | curl_with) || return 1
  why="the instance metadata service gives no credentials"
  credentials=$(printf '%s\n' "header = \"x-aws-ec2-metadata-token: $token\"" 'max-time = 5' \
    "url = $metadata/meta-data/iam/security-credentials/$role" | curl_with) || return 1
  why="S3 does not give $url"
  mkdir -p "$directory" || return 1
  # The last header is the checksum of an empty request, which S3 wants signed.
  printf '%s\n' "user = \"$(field AccessKeyId):$(field SecretAccessKey)\"" \
    "header = \"x-amz-security-token: $(field Token)\"" \
    'header = "x-amz-content-sha256: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"' \
    "aws-sigv4 = aws:amz:$region:s3" 'max-time = 240' "url = \"$url\"" "output = $program.new" |
    curl_with || return 1
  why="what S3 gives for $url has another sha256"
  right "$program.new" || return 1
  why="$program cannot be written"
  chmod 755 "$program.new" && mv -f "$program.new" "$program" || return 1
  ln -f "$program" "$directory/updraft-startd"
}

if ! right "$program"; then
  pause=1
  until fetch; do
    rm -f "$program.new"
    now=$(date +%s)
    [ $((now + pause)) -lt $((${"$"}{started%.*} + seconds)) ] || power_off "$why"
    say "$why; trying again"
    sleep "$pause"
    [ "$pause" -ge 15 ] || pause=$((pause * 2))
  done
  credentials='' token=''
  # What the download took is no longer there for the rest; the rest needs some.
  seconds=$((seconds - $(date +%s) + ${"$"}{started%.*}))
  [ "$seconds" -ge 30 ] || seconds=30
fi

# join ends in time by itself and says why; timeout is for a program that cannot.
set -- join --annex "$annex" --bucket "$bucket" --region "$region" --role-id "$role_id" \
  --started-at "$started" --timeout "$seconds"
[ -z "$endpoint" ] || set -- "$@" --s3-endpoint "$endpoint"
[ -z "$htcondor" ] || set -- "$@" --htcondor "$htcondor"
timeout -k 10 $((seconds + 120)) "$program" "$@" || power_off "updraft-bootstrap ended with status $?"
`;

function quoted(name: string, value: string): string {
  if (!/^[\w@:/.%{}$-]*$/.test(value)) throw wrong(name, value);
  return `'${value}'`;
}

function wrong(name: string, value: string): UpdraftError {
  return new UpdraftError(
    "usage",
    `${name} ${JSON.stringify(value)} cannot stand in user data`,
    "Use a plain name or address there.",
  );
}
