const SCRAMBLE = [0xde, 0xad, 0xbe, 0xef];

/** A pool password as HTCondor stores it: its bytes, each exclusive-or the next of four fixed ones. */
export function scrambled(password: string): Buffer {
  return Buffer.from(
    Buffer.from(password, "utf8").map((byte, at) => byte ^ (SCRAMBLE[at % SCRAMBLE.length] ?? 0)),
  );
}
