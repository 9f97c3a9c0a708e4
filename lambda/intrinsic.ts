/** CloudFormation's intrinsic functions, as they stand in a template. */
export const ref = (name: string) => ({ Ref: name });
export const sub = (text: string) => ({ "Fn::Sub": text });
export const attribute = (resource: string, name: string) => ({ "Fn::GetAtt": [resource, name] });
export const output = (value: unknown) => ({ Value: value });

/** Of a role: the boundary that was asked for, if any. */
export const BOUNDARY = { "Fn::If": ["HasBoundary", ref("PermissionsBoundary"), ref("AWS::NoValue")] };

export const BOUNDARY_PARAMETER = {
  Type: "String",
  Default: "no-permissions-boundary",
  Description: "ARN of a permissions boundary for every role made here",
};

export const HAS_BOUNDARY = {
  "Fn::Not": [{ "Fn::Equals": [ref("PermissionsBoundary"), "no-permissions-boundary"] }],
};
