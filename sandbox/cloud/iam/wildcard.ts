/** IAM's wildcards: `*` any characters, `?` exactly one. */
export function matches(pattern: string, value: string, ignoreCase = false): boolean {
  let p = 0;
  let v = 0;
  let star = -1;
  let retry = 0;
  const wanted = ignoreCase ? pattern.toLowerCase() : pattern;
  const given = ignoreCase ? value.toLowerCase() : value;
  while (v < given.length) {
    if (p < wanted.length && wanted[p] === "*") {
      star = p++;
      retry = v;
    } else if (p < wanted.length && (wanted[p] === "?" || wanted[p] === given[v])) {
      p++;
      v++;
    } else if (star >= 0) {
      p = star + 1;
      v = ++retry;
    } else return false;
  }
  while (wanted[p] === "*") p++;
  return p === wanted.length;
}
