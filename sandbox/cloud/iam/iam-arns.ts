import {
  GetGroupCommand,
  GetInstanceProfileCommand,
  GetRoleCommand,
  GetUserCommand,
  type IAMClient,
} from "@aws-sdk/client-iam";
import { ACCOUNT } from "../service.ts";

export type IamArns = {
  role(name: string): Promise<string>;
  /** ARN of the role's permissions boundary. */
  boundary(role: string): Promise<string | undefined>;
  group(name: string): Promise<string>;
  profile(name: string): Promise<string>;
  user(name: string): Promise<string>;
};

/** A path is part of an ARN but not of a request, so the emulator is asked. */
export function iamArns(iam: IAMClient): IamArns {
  const orPlain = async (
    type: string,
    name: string,
    ask: () => Promise<string | undefined>,
  ): Promise<string> => {
    try {
      return (await ask()) ?? `arn:aws:iam::${ACCOUNT}:${type}/${name}`;
    } catch {
      return `arn:aws:iam::${ACCOUNT}:${type}/${name}`;
    }
  };
  return {
    role: (RoleName) =>
      orPlain("role", RoleName, async () => (await iam.send(new GetRoleCommand({ RoleName }))).Role?.Arn),
    async boundary(RoleName) {
      try {
        const { Role } = await iam.send(new GetRoleCommand({ RoleName }));
        return Role?.PermissionsBoundary?.PermissionsBoundaryArn;
      } catch {
        return undefined;
      }
    },
    group: (GroupName) =>
      orPlain(
        "group",
        GroupName,
        async () => (await iam.send(new GetGroupCommand({ GroupName }))).Group?.Arn,
      ),
    profile: (InstanceProfileName) =>
      orPlain(
        "instance-profile",
        InstanceProfileName,
        async () =>
          (await iam.send(new GetInstanceProfileCommand({ InstanceProfileName }))).InstanceProfile?.Arn,
      ),
    user: (UserName) =>
      orPlain("user", UserName, async () => (await iam.send(new GetUserCommand({ UserName }))).User?.Arn),
  };
}
