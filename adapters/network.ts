import { lookup } from "node:dns/promises";
import { connect as open } from "node:net";

const ANSWER_SECONDS = 5;

/** Addresses of a name as programs on this machine find them; empty when it has none. */
export async function resolve(host: string): Promise<readonly string[]> {
  try {
    return (await lookup(host, { all: true })).map(({ address }) => address);
  } catch {
    return [];
  }
}

/** Opens a TCP connection and closes it; says why it could not. */
export function connect(host: string, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = open({ host, port });
    const end = (why: string | undefined): void => {
      socket.destroy();
      resolve(why);
    };
    socket.setTimeout(ANSWER_SECONDS * 1000, () => end(`no answer within ${ANSWER_SECONDS} s`));
    socket.once("connect", () => end(undefined));
    socket.once("error", (error: NodeJS.ErrnoException) => end(error.code ?? error.message));
  });
}
