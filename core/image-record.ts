/** Written by bootstrap/image/install.sh when it makes an image. */
export const IMAGE_RECORD_PATH = "/usr/libexec/updraft/image.json";

/** What an image is known to hold; empty for an image that install.sh did not make. */
export type ImageRecord = {
  /** HTCondor's version. */
  readonly htcondor?: string;
  /** Version of the driver for GPUs. */
  readonly gpuDriver?: string;
};

/** A text that is no record says nothing: the boot can find out by itself what it must know. */
export function readImageRecord(text: string): ImageRecord {
  let fields: Record<string, unknown> = {};
  try {
    fields = Object(JSON.parse(text)) as Record<string, unknown>;
  } catch {
    // It was cut short, or is another's.
  }
  const { format, htcondor, gpuDriver } = fields;
  if (format !== 1) return {};
  return {
    ...(typeof htcondor === "string" && htcondor !== "" && { htcondor }),
    ...(typeof gpuDriver === "string" && gpuDriver !== "" && { gpuDriver }),
  };
}
