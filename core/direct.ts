/** HTCondor's port on a node that the pool's machines reach directly: the shared port, through which all its daemons are reached. */
export const DIRECT_PORT = 9618;

/** What a block may be at most: a larger one cannot be the machines of one pool. */
const SHORTEST_PREFIX = 8;
/** EC2's own limit of rules in a security group is 60, unless it was raised. */
const MOST_BLOCKS = 50;
const RULE = "CIDR blocks of the pool's machines such as 203.0.113.0/24, separated by commas";

/** What would be right instead of these blocks; undefined when they are as they should be. */
export function blocksProblem(blocks: readonly string[]): string | undefined {
  if (blocks.length === 0) return RULE;
  if (blocks.length > MOST_BLOCKS) return `at most ${MOST_BLOCKS} ${RULE}`;
  if (new Set(blocks).size < blocks.length) return `${RULE}, each once`;
  return blocks.map(blockProblem).find((problem) => problem !== undefined);
}

function blockProblem(block: string): string | undefined {
  const parts = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})\/(\d{1,2})$/.exec(block)?.slice(1).map(Number);
  const [bits = Number.NaN] = parts?.slice(4) ?? [];
  const bytes = parts?.slice(0, 4) ?? [];
  if (parts === undefined || bits > 32 || bytes.some((byte) => byte > 255))
    return `${RULE}; "${block}" is none`;
  if (bits < SHORTEST_PREFIX) {
    return `blocks with a prefix of /${SHORTEST_PREFIX} or longer: ${block} would open HTCondor on every node to machines that are not the pool's`;
  }
  const size = 2 ** (32 - bits);
  const address = bytes.reduce((sum, byte) => sum * 256 + byte, 0);
  const first = Math.floor(address / size) * size;
  if (first === address) return undefined;
  const base = [24, 16, 8, 0].map((shift) => Math.floor(first / 2 ** shift) % 256).join(".");
  return `blocks that begin with their first address: ${base}/${bits} for ${block}, or ${bytes.join(".")}/32 for that machine alone`;
}

/** A rule of a security group, as one line that two can be compared by. */
export const inboundRule = (block: string): string => `tcp ${DIRECT_PORT} from ${block}`;
