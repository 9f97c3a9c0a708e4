import { UpdraftError } from "../../core/errors.ts";
import { TYPES_RULE, instanceTypeList } from "../../core/knob-values.ts";

/** Instance types as somebody wrote them. */
export function parseTypes(text: string): readonly string[] {
  try {
    return instanceTypeList(text);
  } catch (error) {
    throw new UpdraftError("usage", `${text}: expected ${TYPES_RULE}`, "Correct the types.", error);
  }
}
