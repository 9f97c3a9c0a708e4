import { UpdraftError } from "./errors.ts";

/** A name becomes knob, attribute, tag, S3 key and role name, so it is narrow. */
export const ANNEX_NAME = /^[a-z][a-z0-9]{0,26}$/;

export const ANNEX_NAME_RULE = "a lower-case letter, then up to 26 lower-case letters or digits";

export function isAnnexName(name: string): boolean {
  return ANNEX_NAME.test(name);
}

/** The name that a person gave; what can be no annex's name is refused before it goes anywhere. */
export function parseAnnexName(text: string): string {
  if (isAnnexName(text)) return text;
  // It may hold anything, also what a terminal would obey.
  const shown = JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text).replace(
    /[\u007f-\u009f]/g,
    "?",
  );
  const lower = text.toLowerCase();
  throw new UpdraftError(
    "usage",
    `${shown} is not the name of an annex`,
    `A name is ${ANNEX_NAME_RULE}.${isAnnexName(lower) ? ` Did you mean ${lower}?` : ""}`,
  );
}
