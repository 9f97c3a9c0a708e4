import { ACCOUNT } from "../service.ts";
import { items, type Xml } from "../wire/xml.ts";
import { publicIpOf, stateCode, type Instance } from "./instance.ts";
import { iso, tagsXml } from "./launch-templates.ts";

export function stateXml(state: Instance["state"]): Xml {
  return { code: stateCode(state), name: state };
}

export function groupsXml(groups: Instance["securityGroups"]): Xml {
  return items(groups.map(({ groupId, groupName }) => ({ groupId, groupName })));
}

/** An instance as DescribeInstances and RunInstances show it; a terminated one has lost its network. */
export function instanceXml(instance: Instance): Xml {
  const networked = instance.state !== "terminated";
  const { metadata, subnet } = instance;
  return {
    instanceId: instance.instanceId,
    imageId: instance.imageId,
    instanceState: stateXml(instance.state),
    privateDnsName: networked ? instance.hostName : "",
    dnsName: "",
    reason: transition(instance),
    keyName: instance.keyName,
    amiLaunchIndex: instance.index,
    productCodes: "",
    instanceType: instance.instanceType,
    launchTime: iso(instance.launched),
    placement: { availabilityZone: subnet.zone, groupName: "", tenancy: "default" },
    monitoring: { state: "disabled" },
    ...(networked
      ? {
          subnetId: subnet.subnetId,
          vpcId: subnet.vpcId,
          privateIpAddress: instance.privateIp,
          ipAddress: publicIpOf(instance),
        }
      : {}),
    sourceDestCheck: true,
    groupSet: groupsXml(networked ? instance.securityGroups : []),
    stateReason: instance.stateReason,
    architecture: "x86_64",
    rootDeviceType: "ebs",
    rootDeviceName: "/dev/xvda",
    virtualizationType: "hvm",
    clientToken: instance.clientToken ?? "",
    tagSet: tagsXml(instance.tags),
    hypervisor: "xen",
    networkInterfaceSet: items(networked ? [interfaceXml(instance)] : []),
    iamInstanceProfile: instance.profile && { arn: instance.profile.arn, id: instance.profile.id },
    ebsOptimized: false,
    ...(instance.market === "spot"
      ? { instanceLifecycle: "spot", spotInstanceRequestId: instance.instanceId.replace("i-", "sir-") }
      : {}),
    enaSupport: true,
    metadataOptions: {
      state: "applied",
      httpTokens: metadata.httpTokens,
      httpPutResponseHopLimit: metadata.hopLimit,
      httpEndpoint: metadata.httpEndpoint,
      httpProtocolIpv6: "disabled",
      instanceMetadataTags: metadata.instanceTags,
    },
    platformDetails: "Linux/UNIX",
    usageOperation: "RunInstances",
  };
}

/** Why and when it was told to end, in EC2's form. */
function transition({ stateReason, stopped }: Instance): string {
  if (stateReason === undefined || stopped === undefined) return "";
  const at = new Date(stopped * 1000).toISOString().slice(0, 19).replace("T", " ");
  return `User initiated (${at} GMT)`;
}

function interfaceXml(instance: Instance): Xml {
  return {
    networkInterfaceId: instance.instanceId.replace("i-", "eni-"),
    subnetId: instance.subnet.subnetId,
    vpcId: instance.subnet.vpcId,
    ownerId: ACCOUNT,
    status: "in-use",
    privateIpAddress: instance.privateIp,
    privateDnsName: instance.hostName,
    groupSet: groupsXml(instance.securityGroups),
    attachment: { deviceIndex: 0, status: "attached", deleteOnTermination: true },
    privateIpAddressesSet: items([
      { privateIpAddress: instance.privateIp, privateDnsName: instance.hostName, primary: true },
    ]),
    interfaceType: "interface",
  };
}
