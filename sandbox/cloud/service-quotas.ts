import type { Handlers } from "./service.ts";
import { accountQuotas, type AccountQuota, type QuotaSettings } from "./quotas.ts";
import { jsonAnswer } from "./wire/answer.ts";
import { AwsError } from "./wire/error.ts";
import { text } from "./wire/parameters.ts";

const JSON_TYPE = "application/x-amz-json-1.1";

/** Service Quotas of EC2, which the emulator does not have: the very quotas that launches are held to. */
export function serviceQuotas(settings: () => QuotaSettings): Handlers {
  const find = (code: string | undefined, quotas: readonly AccountQuota[]): AccountQuota => {
    const found = quotas.find((quota) => quota.code === code);
    if (found === undefined)
      throw new AwsError(
        "NoSuchResourceException",
        "The request failed because the specified quota does not exist.",
      );
    return found;
  };
  return {
    async GetServiceQuota({ request }) {
      const quota = find(text(request.parameters["QuotaCode"]), accountQuotas(settings()));
      return jsonAnswer({ Quota: quotaJson(quota) }, 200, JSON_TYPE);
    },
    async GetAWSDefaultServiceQuota({ request }) {
      const quota = find(text(request.parameters["QuotaCode"]), accountQuotas({}));
      return jsonAnswer({ Quota: quotaJson(quota) }, 200, JSON_TYPE);
    },
    async ListServiceQuotas() {
      return jsonAnswer({ Quotas: accountQuotas(settings()).map(quotaJson) }, 200, JSON_TYPE);
    },
  };
}

function quotaJson({ code, name, value }: AccountQuota): Record<string, unknown> {
  return {
    ServiceCode: "ec2",
    ServiceName: "Amazon Elastic Compute Cloud (Amazon EC2)",
    QuotaCode: code,
    QuotaName: name,
    Value: value,
    Unit: "None",
    Adjustable: true,
    GlobalQuota: false,
  };
}
