import { referencesIn, templateError, type Json } from "./intrinsics.ts";

export type ResourceDeclaration = {
  Type: string;
  Properties?: { [name: string]: Json };
  DependsOn?: string | string[];
  Condition?: string;
  DeletionPolicy?: string;
};

type ParameterDeclaration = {
  Type: string;
  Default?: Json;
  Description?: string;
  NoEcho?: boolean | string;
  AllowedValues?: Json[];
  AllowedPattern?: string;
  MinLength?: number;
  MaxLength?: number;
  MinValue?: number;
  MaxValue?: number;
};

export type Template = {
  Description?: string;
  Parameters?: Record<string, ParameterDeclaration>;
  Conditions?: Record<string, Json>;
  Resources: Record<string, ResourceDeclaration>;
  Outputs?: Record<string, { Value: Json; Description?: string; Condition?: string; Export?: Json }>;
};

export const MAX_TEMPLATE_BYTES = 51_200;

const SECTIONS = [
  "AWSTemplateFormatVersion",
  "Description",
  "Metadata",
  "Parameters",
  "Rules",
  "Conditions",
  "Resources",
  "Outputs",
];
const PSEUDO = /^AWS::/;

/** Reads and checks a template body (JSON; the sandbox reads no YAML). */
export function readTemplate(body: string): Template {
  if (Buffer.byteLength(body) > MAX_TEMPLATE_BYTES)
    throw templateError(
      `1 validation error detected: Value at 'templateBody' failed to satisfy constraint: Member must have length less than or equal to ${MAX_TEMPLATE_BYTES}`,
    );
  let parsed: unknown;
  try {
    parsed = JSON.parse(body);
  } catch {
    throw templateError("Template format error: the sandbox reads JSON only, and this is none");
  }
  const template = parsed as Template;
  const unknown = Object.keys(template).find((name) => !SECTIONS.includes(name));
  if (unknown !== undefined) throw templateError(`Invalid template property or properties [${unknown}]`);
  const ids = Object.keys(template.Resources ?? {});
  if (ids.length === 0)
    throw templateError("Template format error: At least one Resources member must be defined.");
  const known = new Set([...ids, ...Object.keys(template.Parameters ?? {})]);
  const check = (where: string, value: Json | undefined): void => {
    const missing = referencesIn(value ?? null).filter((name) => !PSEUDO.test(name) && !known.has(name));
    if (missing.length > 0)
      throw templateError(
        `Template format error: Unresolved resource dependencies [${[...new Set(missing)].join(", ")}] in the ${where} block of the template`,
      );
  };
  for (const [id, declared] of Object.entries(template.Resources)) {
    if (typeof declared.Type !== "string") throw templateError(`Template format error: [${id}] has no Type`);
    check("Resources", declared.Properties);
    const stray = dependsOn(declared).find((name) => !ids.includes(name));
    if (stray !== undefined)
      throw templateError(`Template format error: Unresolved resource dependencies [${stray}]`);
  }
  for (const output of Object.values(template.Outputs ?? {})) check("Outputs", output.Value);
  order(template);
  return template;
}

function dependsOn(declared: ResourceDeclaration): string[] {
  return [declared.DependsOn ?? []].flat();
}

/** Logical ids, each after all that it needs. */
export function order(template: Template): string[] {
  const sorted: string[] = [];
  const underWay = new Set<string>();
  const visit = (id: string): void => {
    const declared = template.Resources[id];
    if (declared === undefined || sorted.includes(id)) return;
    if (underWay.has(id))
      throw templateError(`Circular dependency between resources: [${[...underWay].join(", ")}]`);
    underWay.add(id);
    for (const other of [...dependsOn(declared), ...referencesIn(declared.Properties ?? {})]) visit(other);
    underWay.delete(id);
    sorted.push(id);
  };
  for (const id of Object.keys(template.Resources)) visit(id);
  return sorted;
}

/** Values of all parameters, given or by default, checked against their declarations. */
export function parameterValues(template: Template, given: Record<string, string>): Record<string, Json> {
  const declared = template.Parameters ?? {};
  const stray = Object.keys(given).filter((name) => !(name in declared));
  if (stray.length > 0) throw templateError(`Parameters: [${stray.join(", ")}] do not exist in the template`);
  const missing = Object.keys(declared).filter(
    (name) => given[name] === undefined && declared[name]?.Default === undefined,
  );
  if (missing.length > 0) throw templateError(`Parameters: [${missing.join(", ")}] must have values`);
  return Object.fromEntries(
    Object.entries(declared).map(([name, declaration]) => {
      const value = given[name] ?? String(declaration.Default);
      const wrong = complaint(declaration, value);
      if (wrong !== undefined) throw templateError(`Parameter '${name}' ${wrong}`);
      const isList = declaration.Type === "CommaDelimitedList" || declaration.Type.startsWith("List<");
      return [name, isList ? value.split(",").map((part) => part.trim()) : value];
    }),
  );
}

function complaint(declared: ParameterDeclaration, value: string): string | undefined {
  const { AllowedValues, AllowedPattern, MinLength, MaxLength, MinValue, MaxValue } = declared;
  if (AllowedValues !== undefined && !AllowedValues.map(String).includes(value))
    return `must be one of AllowedValues`;
  if (AllowedPattern !== undefined && !new RegExp(`^(?:${AllowedPattern})$`).test(value))
    return `must match pattern ${AllowedPattern}`;
  if (MinLength !== undefined && value.length < MinLength)
    return `must contain at least ${MinLength} characters`;
  if (MaxLength !== undefined && value.length > MaxLength)
    return `must contain at most ${MaxLength} characters`;
  if (declared.Type === "Number") {
    const number = Number(value);
    if (value === "" || Number.isNaN(number)) return "must be a number";
    if (MinValue !== undefined && number < MinValue) return `must be a number not less than ${MinValue}`;
    if (MaxValue !== undefined && number > MaxValue) return `must be a number not greater than ${MaxValue}`;
  }
  return undefined;
}

/** What the template needs acknowledged: nothing, CAPABILITY_IAM, or CAPABILITY_NAMED_IAM for explicit names. */
export function requiredCapability(template: Template): string | undefined {
  const iam = Object.values(template.Resources).filter((r) =>
    /^AWS::IAM::(Role|InstanceProfile|ManagedPolicy|Policy|User|Group|AccessKey)$/.test(r.Type),
  );
  if (iam.length === 0) return undefined;
  const names = ["RoleName", "InstanceProfileName", "ManagedPolicyName", "UserName", "GroupName"];
  const named = iam.some((r) => names.some((name) => name in (r.Properties ?? {})));
  return named ? "CAPABILITY_NAMED_IAM" : "CAPABILITY_IAM";
}
