import {
  CreateServiceLinkedRoleCommand,
  DeleteRolePolicyCommand,
  DetachGroupPolicyCommand,
  DetachRolePolicyCommand,
  DetachUserPolicyCommand,
  GetRoleCommand,
  IAMClient,
  ListAttachedRolePoliciesCommand,
  ListEntitiesForPolicyCommand,
  ListRolePoliciesCommand,
} from "@aws-sdk/client-iam";
import { messageOf } from "../core/errors.ts";
import type { Attachment, Iam } from "../core/ports.ts";
import { awsClient, type AwsClientOptions } from "./aws-client.ts";
import { awsCode, awsError } from "./aws-errors.ts";

const SPOT_SERVICE = "spot.amazonaws.com";
const SPOT_ROLE = "AWSServiceRoleForEC2Spot";

/** IAM is one for all regions; the region only says which partition's. */
export function iam(region: string, options: AwsClientOptions = {}): Iam {
  const client = awsClient(IAMClient, region, options);
  const isGone = (error: unknown): boolean => awsCode(error).startsWith("NoSuchEntity");

  return {
    async spotRole() {
      try {
        await client.send(new GetRoleCommand({ RoleName: SPOT_ROLE }));
        return true;
      } catch (error) {
        if (isGone(error)) return false;
        throw awsError(error, `look for the role ${SPOT_ROLE}`);
      }
    },
    async createSpotRole() {
      try {
        await client.send(new CreateServiceLinkedRoleCommand({ AWSServiceName: SPOT_SERVICE }));
        return true;
      } catch (error) {
        if (/has been taken/.test(messageOf(error))) return false;
        throw awsError(error, `create the role ${SPOT_ROLE}`);
      }
    },
    async attachments(policy) {
      const found: Attachment[] = [];
      let Marker: string | undefined;
      do {
        const page = await client
          .send(new ListEntitiesForPolicyCommand({ PolicyArn: policy, ...(Marker && { Marker }) }))
          .catch((error: unknown) => {
            if (isGone(error)) return undefined;
            throw awsError(error, `find out who has the policy ${policy}`);
          });
        for (const { UserName = "" } of page?.PolicyUsers ?? [])
          found.push({ policy, kind: "user", name: UserName });
        for (const { RoleName = "" } of page?.PolicyRoles ?? [])
          found.push({ policy, kind: "role", name: RoleName });
        for (const { GroupName = "" } of page?.PolicyGroups ?? [])
          found.push({ policy, kind: "group", name: GroupName });
        Marker = page?.Marker;
      } while (Marker !== undefined);
      return found;
    },
    async detach({ policy: PolicyArn, kind, name }) {
      try {
        if (kind === "user") await client.send(new DetachUserPolicyCommand({ PolicyArn, UserName: name }));
        if (kind === "role") await client.send(new DetachRolePolicyCommand({ PolicyArn, RoleName: name }));
        if (kind === "group") await client.send(new DetachGroupPolicyCommand({ PolicyArn, GroupName: name }));
      } catch (error) {
        if (!isGone(error)) throw awsError(error, `detach ${PolicyArn} from the ${kind} ${name}`);
      }
    },
    async clearRole(RoleName) {
      try {
        const attached = await client.send(new ListAttachedRolePoliciesCommand({ RoleName }));
        for (const { PolicyArn } of attached.AttachedPolicies ?? [])
          await client.send(new DetachRolePolicyCommand({ RoleName, PolicyArn }));
        const inline = await client.send(new ListRolePoliciesCommand({ RoleName }));
        for (const PolicyName of inline.PolicyNames ?? [])
          await client.send(new DeleteRolePolicyCommand({ RoleName, PolicyName }));
        return [
          ...(attached.AttachedPolicies ?? []).map((policy) => policy.PolicyArn ?? ""),
          ...(inline.PolicyNames ?? []),
        ];
      } catch (error) {
        if (isGone(error)) return [];
        throw awsError(error, `take its policies from the role ${RoleName}`);
      }
    },
  };
}
