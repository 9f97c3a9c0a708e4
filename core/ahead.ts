/** Asks at once; whoever calls first gets that answer, or learns of its failure then. Later calls ask again. */
export function ahead<T>(ask: () => Promise<T>): () => Promise<T> {
  let first: Promise<T> | undefined = ask();
  first.catch(() => undefined);
  return () => {
    const answer = first ?? ask();
    first = undefined;
    return answer;
  };
}
