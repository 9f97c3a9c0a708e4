import { ACCOUNT, type Handlers } from "../service.ts";
import type { SandboxImage } from "../ports.ts";
import { ec2Answer } from "../wire/answer.ts";
import { AwsError } from "../wire/error.ts";
import { list, record, text, texts } from "../wire/parameters.ts";
import { items, type Xml } from "../wire/xml.ts";
import { filterPattern } from "./filters.ts";
import { iso } from "./launch-templates.ts";

/** Only images that can be booted exist: a launch from another would prove nothing. */
export function imageActions(images: readonly SandboxImage[], created: number): Handlers {
  return {
    async DescribeImages({ request }) {
      const ids = texts(request.parameters["ImageId"]);
      const owners = texts(request.parameters["Owner"]);
      const missing = ids.find((id) => !images.some((image) => image.imageId === id));
      if (missing !== undefined)
        throw new AwsError(
          /^ami-[0-9a-f]{8,17}$/.test(missing) ? "InvalidAMIID.NotFound" : "InvalidAMIID.Malformed",
          `The image id '[${missing}]' does not exist`,
        );
      const filters = list(request.parameters["Filter"]).map(record);
      const found = images.filter(
        (image) =>
          (ids.length === 0 || ids.includes(image.imageId)) &&
          (owners.length === 0 || owners.some((o) => o === "self" || o === ACCOUNT)) &&
          filters.every((f) => passes(image, text(f["Name"]) ?? "", texts(f["Value"]))),
      );
      return ec2Answer(request.action, { imagesSet: items(found.map((image) => imageXml(image, created))) });
    },
  };
}

function passes(image: SandboxImage, name: string, wanted: string[]): boolean {
  const values: Record<string, string> = {
    "image-id": image.imageId,
    name: image.name,
    description: image.description,
    state: "available",
    architecture: "x86_64",
    "owner-id": ACCOUNT,
    "virtualization-type": "hvm",
    "root-device-type": "ebs",
  };
  const value = values[name];
  if (value === undefined) throw new AwsError("InvalidParameterValue", `The filter '${name}' is invalid`);
  return wanted.some((pattern) => filterPattern(pattern).test(value));
}

function imageXml(image: SandboxImage, created: number): Xml {
  return {
    imageId: image.imageId,
    imageLocation: `${ACCOUNT}/${image.name}`,
    imageState: "available",
    imageOwnerId: ACCOUNT,
    creationDate: iso(created),
    isPublic: false,
    architecture: "x86_64",
    imageType: "machine",
    name: image.name,
    description: image.description,
    rootDeviceType: "ebs",
    rootDeviceName: "/dev/xvda",
    blockDeviceMapping: items([
      {
        deviceName: "/dev/xvda",
        ebs: { deleteOnTermination: true, volumeSize: 8, volumeType: "gp3", encrypted: false },
      },
    ]),
    virtualizationType: "hvm",
    hypervisor: "xen",
    platformDetails: "Linux/UNIX",
    usageOperation: "RunInstances",
    enaSupport: true,
    imdsSupport: "v2.0",
  };
}
