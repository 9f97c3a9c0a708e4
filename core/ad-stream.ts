/** Reads the JSON of condor_q and condor_status as it comes, so that never more than an ad of it is held. */
export type AdStream = {
  push(chunk: string): void;
  /** What is wrong with the whole: undefined when it was complete. */
  end(): string | undefined;
};

/**
 * Several documents may follow each other, as those of several schedds do, and where there is no ad HTCondor prints
 * nothing at all. The braces of an ad stand alone on their lines, those within it never do, and a string cannot hold
 * the end of a line.
 */
export function adStream(ad: (text: string) => void): AdStream {
  let rest = "";
  let open = false;
  let wrong: string | undefined;
  const take = (): boolean => {
    const begin = rest.search(/\S/);
    if (begin < 0) return false;
    const first = rest.charAt(begin);
    if (first === "{" && open) {
      const end = rest.indexOf("\n}", begin);
      if (end < 0) return false;
      ad(rest.slice(begin, end + 2));
      rest = rest.slice(end + 2);
      return true;
    }
    if (first === "[" && !open) open = true;
    else if (first === "]" && open) open = false;
    else if (first !== "," || !open) wrong = `"${rest.slice(begin, begin + 40)}" stands where an ad should`;
    rest = rest.slice(begin + 1);
    return wrong === undefined;
  };
  return {
    push(chunk) {
      if (wrong !== undefined) return;
      rest += chunk;
      while (take());
    },
    end() {
      return wrong ?? (open || rest.trim() !== "" ? "it is cut short" : undefined);
    },
  };
}
