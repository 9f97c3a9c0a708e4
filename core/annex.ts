/** A name becomes knob, attribute, tag, S3 key and role name, so it is narrow. */
export const ANNEX_NAME = /^[a-z][a-z0-9]{0,26}$/;

export const ANNEX_NAME_RULE = "a lower-case letter, then up to 26 lower-case letters or digits";

export function isAnnexName(name: string): boolean {
  return ANNEX_NAME.test(name);
}
