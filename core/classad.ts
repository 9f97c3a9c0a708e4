/** A ClassAd string literal. */
export function quote(text: string): string {
  return `"${text.replace(/[\\"]/g, "\\$&")}"`;
}

/** A value as it is published: a list or an expression never is. */
export type AttributeValue = string | number | boolean | undefined;

const MAX_STRING = 2000;

/**
 * One line `Name = value` of a hook's output. Values are typed, so that none can become an expression or a second
 * line; undefined clears what was published before, which HTCondor otherwise keeps for ever.
 */
export function attributeLine(name: string, value: AttributeValue): string {
  if (!/^[A-Za-z_]\w{0,127}$/.test(name)) throw new Error(`"${name}" is not the name of an attribute`);
  return `${name} = ${literal(value)}`;
}

function literal(value: AttributeValue): string {
  switch (typeof value) {
    case "string":
      return quote(
        value
          .replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, " ")
          .slice(0, MAX_STRING)
          .toWellFormed(),
      );
    case "boolean":
      return value ? "true" : "false";
    case "number":
      if (!Number.isFinite(value)) return "undefined";
      return Number.isSafeInteger(value) ? String(value) : value.toPrecision(12);
    case "undefined":
      return "undefined";
  }
}

/** What makes a text unfit to be an expression in a configuration file; undefined when nothing does. HTCondor parses the rest. */
export function expressionProblem(text: string): string | undefined {
  if (/[\r\n]/.test(text)) return "it has more than one line";
  if (/\$[A-Za-z_]*\(/.test(text)) return "it holds a macro that HTCondor could not expand";
  const open: string[] = [];
  const partner: Record<string, string> = { ")": "(", "]": "[", "}": "{" };
  let quoted: string | undefined;
  for (let i = 0; i < text.length; i++) {
    const character = text.charAt(i);
    if (quoted !== undefined) {
      if (character === "\\") i++;
      else if (character === quoted) quoted = undefined;
    } else if (character === '"' || character === "'") {
      quoted = character;
    } else if ("([{".includes(character)) {
      open.push(character);
    } else if (character in partner && open.pop() !== partner[character]) {
      return `its ${character} closes nothing`;
    }
  }
  if (quoted !== undefined) return `its ${quoted} is not closed`;
  if (open.length > 0) return `its ${open.at(-1)} is not closed`;
  return text.trim() === "" ? "it is empty" : undefined;
}

const withoutStrings = (expression: string): string => expression.replace(/"(?:[^"\\]|\\.)*"/g, " ");

/** The names that an expression reads, in lower case, as attribute names are compared. */
export function attributeNames(expression: string): Set<string> {
  return new Set((withoutStrings(expression).match(/[A-Za-z_]\w*/g) ?? []).map((name) => name.toLowerCase()));
}

/** Whether an expression may read attributes that attributeNames does not find. */
export function hidesAttributes(expression: string): boolean {
  return /'|\beval/i.test(withoutStrings(expression));
}
