import { publicAddressOf } from "../../network.ts";
import type { InboundRule, InstanceState } from "../ports.ts";

export type Market = "spot" | "on-demand";

export type Metadata = {
  httpEndpoint: string;
  httpTokens: string;
  hopLimit: number;
  instanceTags: string;
};

export type Subnet = {
  subnetId: string;
  vpcId: string;
  zone: string;
  cidr: string;
  tags: Record<string, string>;
};

export type Profile = { arn: string; id: string; roleName: string };

export type Instance = {
  instanceId: string;
  reservationId: string;
  /** Position in the reservation. */
  index: number;
  /** Order of launching, over all. */
  sequence: number;
  state: InstanceState;
  stateReason: { code: string; message: string } | undefined;
  imageId: string;
  instanceType: string;
  subnet: Subnet;
  privateIp: string;
  hostName: string;
  tags: Record<string, string>;
  clientToken: string | undefined;
  launched: number;
  /** When it was told to end, or ended by itself. */
  stopped: number | undefined;
  ended: number | undefined;
  /** Describe calls do not know it before this time. */
  visible: number;
  profile: Profile | undefined;
  securityGroups: { groupId: string; groupName: string; inbound: InboundRule[] }[];
  /** Whether it was asked to have a public address, which goes by its private one. */
  isPublic: boolean;
  /** Base64, as it was stored. */
  userData: string | undefined;
  shutdownBehavior: string;
  terminationProtected: boolean;
  metadata: Metadata;
  keyName: string | undefined;
  market: Market;
  fleetId: string | undefined;
  launcher: string;
  /** When a spot notice says that it ends. */
  interruption: number | undefined;
  /** When EC2 recommended to replace it. */
  rebalance: number | undefined;
};

export const publicIpOf = ({ isPublic, privateIp }: Pick<Instance, "isPublic" | "privateIp">) =>
  isPublic ? publicAddressOf(privateIp) : undefined;

const STATE_CODES: Record<InstanceState, number> = {
  pending: 0,
  running: 16,
  "shutting-down": 32,
  terminated: 48,
  stopping: 64,
  stopped: 80,
};

export function stateCode(state: InstanceState): number {
  return STATE_CODES[state];
}

export function hostNameOf(privateIp: string): string {
  return `ip-${privateIp.replaceAll(".", "-")}.ec2.internal`;
}
