import { queryRequest, signedRequest } from "../campaigns/signed-request.ts";
import type { Recipe } from "../../sandbox/rootfs/recipes.ts";
import type { Sandbox } from "../../sandbox/sandbox.ts";

/** What HTCondor's own annex instance needs, beside HTCondor: its program, the AWS command line, and iptables. */
export const ANNEX_EC2: Recipe = {
  name: "annex-ec2",
  packages: ["condor-annex-ec2", "awscli", "iptables"],
  script: `
set -e
mkdir -p /usr/share/annex-ec2
mv /etc/condor/config.d/50ec2.config /usr/share/annex-ec2
`,
};

export const ROLE = "annex-ec2";
export const BUCKET = "annex-ec2-config";

/** The role that it walks the policies of, and the tarball that it finds there, as condor_annex would have made them. */
export async function setUpAnnexEc2(sandbox: Sandbox, annex: string): Promise<void> {
  const key = await sandbox.administrator();
  const iam = async (parameters: Readonly<Record<string, string>>): Promise<void> => {
    const { status, body } = await signedRequest(sandbox, key, queryRequest("iam", parameters));
    if (status !== 200) throw new Error(`${parameters["Action"] ?? ""}: ${body}`);
  };
  const policy = (statement: object): string =>
    JSON.stringify({ Version: "2012-10-17", Statement: [statement] });
  await iam({
    Action: "CreateRole",
    RoleName: ROLE,
    AssumeRolePolicyDocument: policy({
      Effect: "Allow",
      Principal: { Service: "ec2.amazonaws.com" },
      Action: "sts:AssumeRole",
    }),
  });
  // A policy of its own would not do: it misspells the function that asks for a policy's version.
  const inline = (name: string, statement: object): Promise<void> =>
    iam({ Action: "PutRolePolicy", RoleName: ROLE, PolicyName: name, PolicyDocument: policy(statement) });
  await inline("config", {
    Effect: "Allow",
    Resource: [`arn:aws:s3:::${BUCKET}/config-*.tar.gz`],
    Action: "s3:GetObject",
  });
  await inline("look", {
    Effect: "Allow",
    Resource: "*",
    Action: ["ec2:DescribeInstances", "iam:Get*", "iam:List*"],
  });
  await iam({ Action: "CreateInstanceProfile", InstanceProfileName: ROLE });
  await iam({ Action: "AddRoleToInstanceProfile", InstanceProfileName: ROLE, RoleName: ROLE });
  await sandbox.accessPoint.run(["sh", "-c", PUBLISH, "sh", annex, BUCKET], { timeoutSeconds: 30 });
}

const PUBLISH = `
set -e
mkdir -p /root/annex-ec2 && cd /root/annex-ec2
cat > 00ec2-dynamic.config <<END
use security:host_based
LOCAL_HOSTS = \\$(FULL_HOSTNAME) \\$(IP_ADDRESS) 127.0.0.1 \\$(TCP_FORWARDING_HOST)
CONDOR_HOST = condor_pool@*/* \\$(LOCAL_HOSTS)
COLLECTOR_HOST = $(hostname)
SEC_DEFAULT_AUTHENTICATION = REQUIRED
SEC_DEFAULT_AUTHENTICATION_METHODS = FS, PASSWORD
SEC_DEFAULT_INTEGRITY = REQUIRED
SEC_DEFAULT_ENCRYPTION = REQUIRED
SEC_PASSWORD_FILE = /etc/condor/config.d/password_file.pl
ALLOW_WRITE = condor_pool@*/* \\$(LOCAL_HOSTS)
AnnexName = "$1"
IsAnnex = TRUE
STARTD_ATTRS = \\$(STARTD_ATTRS) AnnexName IsAnnex
MASTER_ATTRS = \\$(MASTER_ATTRS) AnnexName IsAnnex
STARTD_NOCLAIM_SHUTDOWN = 900
END
install -m 600 /etc/condor/passwords.d/POOL password_file.pl
tar -czf "config-$1.tar.gz" 00ec2-dynamic.config password_file.pl
field() { sed -n "s/^aws_$1 = //p" /root/.aws/credentials; }
endpoint=$(sed -n 's/^endpoint_url = //p' /root/.aws/config)
put() {
  printf '%s\\n' "user = \\"$(field access_key_id):$(field secret_access_key)\\"" 'aws-sigv4 = "aws:amz:us-east-1:s3"' \\
    'header = "x-amz-content-sha256: UNSIGNED-PAYLOAD"' "url = \\"\${endpoint%/}/$1\\"" |
    curl --config - --silent --show-error --fail "$2" "$3"
}
put "$2" --request PUT
put "$2/config-$1.tar.gz" --upload-file "config-$1.tar.gz"
`;

/** User data that runs it as its service would, and HTCondor after it; when what happened is left in /run. */
export const annexEc2UserData = (endpoint: string): string => `#!/bin/bash
date +%s.%N >/run/started
mv /usr/share/annex-ec2/50ec2.config /etc/condor/config.d/50ec2.config
mkdir -p /root/.aws
printf '[default]\\nregion = us-east-1\\nendpoint_url = ${endpoint}\\ns3 =\\n  addressing_style = path\\n' >/root/.aws/config
export HOME=/root
cat >/usr/local/bin/aws <<'END'
#!/bin/sh
begun=$(date +%s.%N)
/usr/bin/aws "$@"
status=$?
echo "$begun $(date +%s.%N) $*" >>/run/aws-calls
exit $status
END
chmod 755 /usr/local/bin/aws
/usr/libexec/condor/condor-annex-ec2 start
date +%s.%N >/run/configured
condor_master
`;
