import { UpdraftError } from "./errors.ts";
import type { LastStretch } from "./last-stretch.ts";

/** What makes one node's configuration differ from another's. */
export type NodeConfigValues = {
  readonly hostName: string;
  readonly instanceId: string;
  readonly instanceType: string;
  readonly imageId: string;
  readonly region: string;
  readonly zone: string;
  readonly interruptible: boolean;
  readonly idleSeconds: number;
  readonly slotAccounts: number;
  /** The image has a driver for GPUs, so HTCondor shall look for some. */
  readonly gpus: boolean;
  readonly stretch: LastStretch;
  /** The node's addresses, when the pool's machines reach it directly. */
  readonly direct?: NodeAddresses | undefined;
};

/** What an instance is called by inside its VPC, and by everybody else. */
export type NodeAddresses = { readonly publicIp: string; readonly privateIp: string };

/** Idle time of a node whose order says nothing. */
export const DEFAULT_IDLE_SECONDS = 1200;
/** The accounts of the slots are `updraft-slot0` (for slots beyond the rest), `updraft-slot1` … */
export const slotAccount = (slot: number): string => `updraft-slot${slot}`;

/** HTCondor looks for idleness once per update, so a short idle time needs frequent updates. */
export function updateInterval(idleSeconds: number): number {
  return Math.min(60, Math.max(5, Math.floor(idleSeconds / 4)));
}

/** HTCondor looks for the end of the startd once per update of the master. */
export function masterUpdateInterval(idleSeconds: number): number {
  return Math.min(15, updateInterval(idleSeconds));
}

/** How long before the node's end HTCondor must begin to end it when it has to do so alone. */
export function htcondorEndSeconds(idleSeconds: number, stretch: LastStretch): number {
  return stretch.evict + masterUpdateInterval(idleSeconds);
}

/** The node's own file of config.d: the part that is the same everywhere, then what is this node's own. */
export function nodeConfig(common: string, values: NodeConfigValues): string {
  const interval = updateInterval(values.idleSeconds);
  const { stretch } = values;
  const attributes = {
    CloudProvider: configString("AWS"),
    CloudPlatform: configString("EC2"),
    CloudImage: configString(values.imageId),
    CloudVMType: configString(values.instanceType),
    CloudRegion: configString(values.region),
    CloudZone: configString(values.zone),
    CloudInstanceID: configString(values.instanceId),
    CloudInterruptible: values.interruptible ? "True" : "False",
  };
  const names = Object.keys(attributes).join(" ");
  return [
    common.trimEnd(),
    "",
    "# This node's own values.",
    `NETWORK_HOSTNAME = ${word(values.hostName)}`,
    `STARTD_NOCLAIM_SHUTDOWN = ${values.idleSeconds}`,
    `UPDATE_INTERVAL = ${interval}`,
    `MASTER_UPDATE_INTERVAL = ${masterUpdateInterval(values.idleSeconds)}`,
    `UPDRAFT_REFUSE_SECONDS = ${stretch.refuse}`,
    `UPDRAFT_EVICT_SECONDS = ${stretch.evict}`,
    `MachineMaxVacateTime = ${stretch.vacate}`,
    ...Object.entries(attributes).map(([name, value]) => `${name} = ${value}`),
    `STARTD_ATTRS = $(STARTD_ATTRS) ${names}`,
    `MASTER_ATTRS = $(MASTER_ATTRS) CloudInstanceID`,
    ...(values.direct === undefined ? [] : directConfig(values.instanceId, values.direct)),
    ...(values.gpus ? ["use feature : GPUs"] : []),
    ...Array.from(
      { length: values.slotAccounts },
      (_, index) => `SLOT1_${index + 1}_USER = ${slotAccount(index + 1)}`,
    ),
    "",
  ].join("\n");
}

/** The public address is on no interface of the instance, and what runs on it reaches itself by the private one. */
function directConfig(instanceId: string, { publicIp, privateIp }: NodeAddresses): string[] {
  return [
    `TCP_FORWARDING_HOST = ${word(publicIp)}`,
    `PRIVATE_NETWORK_NAME = ${word(instanceId)}`,
    `PRIVATE_NETWORK_INTERFACE = ${word(privateIp)}`,
  ];
}

/** A string as the value of a ClassAd attribute in HTCondor's configuration, where `$(…)` would be expanded. */
export function configString(text: string): string {
  return `"${classAdString(text).replaceAll("$", "$(DOLLAR)")}"`;
}

/** The inside of a ClassAd string literal. Control characters are refused: a newline would start an attribute of its own. */
export function classAdString(text: string): string {
  // oxlint-disable-next-line no-control-regex
  if (/[\u0000-\u001f\u007f]/.test(text)) {
    throw new UpdraftError(
      "config",
      `${JSON.stringify(text)} has control characters and cannot be the value of an attribute`,
      "Correct the tag or the knob that it comes from.",
    );
  }
  return text.replaceAll("\\", "\\\\").replaceAll('"', '\\"');
}

function word(text: string): string {
  if (/^[0-9A-Za-z._-]+$/.test(text)) return text;
  throw new UpdraftError(
    "config",
    `${JSON.stringify(text)} is not a host name`,
    "Look at the instance's identity.",
  );
}
